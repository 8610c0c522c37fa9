package postgres_test

import (
	"math"
	"strings"
	"testing"

	"stead/dialect/postgres"
	"stead/policy/expr"
)

// The largest patterns and arguments that the language allows are within what the server allows.
func TestLimits(t *testing.T) {
	c := database(t, "limits", locales["turkish"])
	x := expr.Column{Name: "x", Typ: expr.TextType}
	long := strings.Repeat("aB0ä ", 4000)
	run(t, c, "CREATE TABLE public.t (x text, f float8, r float4, i int8, d numeric(38,10))", "INSERT INTO public.t VALUES ('"+long+"', 1e308, 1e38, 1, 1), ('', 5e-324, 1e-45, 2, 2), ('a', 'NaN', '-Infinity', 3, 3)")
	hostile(t, c)
	var nodes []expr.Node
	for _, pattern := range []string{"(?:[a-z]{200}){5}", ".*a{255}.*b{255}[^c]{255}", "(?:[a-c]{2,255}){3}", "^[ -\U0010ffff]{255}.{255}.{255}.*.+$", "^a{0,255}b{0,255}c{0,255}$",
		strings.Repeat("[a-zä-ü\u0400-\uffff]", 36) + ".*", "(?:(?:(?:(?:(?:(?:(?:(?:a))))))))", `\.\*\+\?\$\^\(\)\[\]\{\}\|\\`, "a?a?a?a?a?a?a?a?a?a?", "(?:.{250}){4}"} {
		nodes = append(nodes, call(t, expr.Matches, x, expr.TextLit(pattern)))
		if n, err := expr.NewCall(expr.RegexRepl, x, expr.TextLit(pattern), expr.TextLit(`\1&$0`)); err == nil {
			nodes = append(nodes, n)
		}
	}
	const most = 1_000_000_000
	nodes = append(nodes, call(t, expr.Substr, x, expr.IntLit(most), expr.IntLit(most)), call(t, expr.Left, x, expr.IntLit(most)), call(t, expr.Right, x, expr.IntLit(most)),
		call(t, expr.SplitPart, x, expr.TextLit("a"), expr.IntLit(most)), call(t, expr.LPad, x, expr.IntLit(65535), expr.TextLit("😀")), call(t, expr.RPad, x, expr.IntLit(65535), expr.TextLit("😀")),
		call(t, expr.KeepFirst, x, expr.IntLit(most), expr.TextLit("😀")), call(t, expr.KeepLast, x, expr.IntLit(1), expr.TextLit("😀")),
		call(t, expr.Like, x, expr.TextLit(strings.Repeat("%a_", 300))))
	float := func(f float64) expr.Node {
		return expr.Literal{Value: expr.FloatValue(f), Typ: expr.Type{Kind: expr.Float}}
	}
	for _, w := range []float64{1e-300, 5e-324, 0.1, 1, 3, 1e300, math.MaxFloat64} {
		nodes = append(nodes, call(t, expr.Bucket, expr.Column{Name: "f", Typ: expr.Type{Kind: expr.Float}}, float(w)), call(t, expr.Bucket, expr.Column{Name: "r", Typ: expr.Type{Kind: expr.Float, Bits: 32}}, float(w)))
	}
	for _, f := range []float64{math.MaxFloat32, 0x1p-149, 0x1p-150, 0x1p-151, 3.4028235677973366e38, 3.4028235677973362e38, math.MaxFloat64, 5e-324} {
		for _, sign := range []float64{1, -1} {
			nodes = append(nodes, call(t, expr.Cast, float(sign*f), expr.NullOf(expr.Type{Kind: expr.Float, Bits: 32})))
		}
	}
	rows := []map[string]expr.Value{
		{"x": expr.TextValue(long), "f": expr.FloatValue(1e308), "r": expr.FloatValue(float64(float32(1e38)))},
		{"x": expr.TextValue(""), "f": expr.FloatValue(5e-324), "r": expr.FloatValue(float64(float32(1e-45)))},
		{"x": expr.TextValue("a"), "f": expr.FloatValue(math.NaN()), "r": expr.FloatValue(math.Inf(-1))},
	}
	run(t, c, "ALTER TABLE public.t ADD COLUMN n int", "UPDATE public.t SET n = i OPERATOR(pg_catalog.-) 1::pg_catalog.int8")
	p := postgres.Printer{}
	for _, n := range nodes {
		ask(t, c, rows, "public.t", []question{asValue(t, p, n)})
	}
}
