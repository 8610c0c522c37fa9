package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"stead/dialect/postgres"
	"stead/policy/expr"
)

// Conditions that compare columns with constants are served by plain indexes on them.
func TestIndexesServeConditions(t *testing.T) {
	c := database(t, "indexes", locales["english"])
	run(t, c, "CREATE TABLE public.t (i4 int4, i8 int8, d numeric(10,2), s text, v varchar(20), f char(5), dt date, ts timestamptz, x float8, b text COLLATE \"C\")",
		"INSERT INTO public.t SELECT g, g, g, g::text, g::text, g::text, '2000-01-01'::date + g, '2000-01-01'::timestamptz + make_interval(hours => g), g, g::text FROM generate_series(1, 20000) g")
	for _, col := range []string{"i4", "i8", "d", "s", "v", "f", "dt", "ts", "x", "b"} {
		run(t, c, "CREATE INDEX ON public.t ("+col+")")
	}
	run(t, c, "ANALYZE public.t")
	col := func(name string, typ expr.Type) expr.Column { return expr.Column{Name: name, Typ: typ} }
	i4, i8 := col("i4", expr.Type{Kind: expr.Int, Bits: 32}), col("i8", expr.IntType)
	d, x := col("d", expr.DecimalType(10, 2)), col("x", expr.Type{Kind: expr.Float, Bits: 64})
	s, v, f := col("s", expr.TextType), col("v", expr.Type{Kind: expr.Text, Length: 20}), col("f", expr.Type{Kind: expr.Text, Length: 5, Fixed: true})
	float := func(f float64) expr.Node {
		return expr.Literal{Value: expr.FloatValue(f), Typ: expr.Type{Kind: expr.Float}}
	}
	day := expr.Literal{Value: expr.DateValue(10960), Typ: expr.DateType}
	at := expr.Literal{Value: expr.InstantValue(946_700_000_000_000), Typ: expr.InstantType}
	p := postgres.Printer{ByteText: true, Subject: func(s expr.Subject, arg string, _ expr.Type) (string, error) {
		if s.Fact == expr.UserName {
			return "SELECT CAST('7' AS pg_catalog.text)", nil
		}
		return arg + " OPERATOR(pg_catalog.=) ANY (CAST((SELECT ARRAY['7', '8']) AS pg_catalog.text[]))", nil
	}}
	values := postgres.Printer{ByteText: true, Texts: func(expr.Subject) (string, error) { return "(SELECT ARRAY['7', '8', '2001-01-01'])", nil }}
	for _, col := range []expr.Column{i4, i8, col("dt", expr.DateType), col("ts", expr.InstantType), s, v} {
		sql, err := values.Condition(expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: col})
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(column(t, c, "EXPLAIN SELECT * FROM public.t WHERE "+sql), "\n"); !strings.Contains(plan, "Index Cond") {
			t.Errorf("%s\n%s", sql, plan)
		}
	}
	for _, n := range []expr.Node{
		call(t, expr.Eq, i4, expr.IntLit(7)), call(t, expr.Lt, i4, expr.IntLit(7)), call(t, expr.In, i4, expr.IntLit(7), expr.IntLit(9), expr.IntLit(1<<40)),
		call(t, expr.Eq, i8, expr.IntLit(7)), call(t, expr.Between, i8, expr.IntLit(7), expr.IntLit(9)), call(t, expr.Eq, expr.IntLit(7), i8),
		call(t, expr.Eq, d, expr.IntLit(7)), call(t, expr.Lt, d, expr.IntLit(7)), call(t, expr.Gt, d, expr.IntLit(19990)), call(t, expr.In, d, expr.IntLit(7), expr.IntLit(8)),
		call(t, expr.Eq, s, expr.TextLit("7")), call(t, expr.In, s, expr.TextLit("7"), expr.TextLit("8")), call(t, expr.Eq, v, expr.TextLit("7")),
		call(t, expr.In, v, expr.TextLit("7"), expr.TextLit("8")), call(t, expr.Eq, f, expr.TextLit("7")), call(t, expr.In, f, expr.TextLit("7"), expr.TextLit("8")),
		call(t, expr.Eq, col("dt", expr.DateType), day), call(t, expr.Lt, col("dt", expr.DateType), day), call(t, expr.Lt, col("ts", expr.InstantType), at),
		call(t, expr.Lt, x, float(7)), call(t, expr.Gt, x, float(19990)), call(t, expr.Lt, col("b", expr.TextType), expr.TextLit("10")), call(t, expr.Like, col("b", expr.TextType), expr.TextLit("777%")),
		call(t, expr.And, call(t, expr.Eq, s, expr.TextLit("7")), call(t, expr.IsTrue, call(t, expr.Eq, i4, expr.IntLit(7)))),
		call(t, expr.Or, call(t, expr.Eq, s, expr.TextLit("7")), call(t, expr.Eq, i4, expr.IntLit(7))),
		call(t, expr.Eq, s, expr.Subject{Fact: expr.UserName}), call(t, expr.Eq, expr.Subject{Fact: expr.UserName}, v),
		expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: s}, expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: v},
	} {
		sql, err := p.Condition(n)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := c.Query(t.Context(), "EXPLAIN SELECT * FROM public.t WHERE "+sql)
		if err != nil {
			t.Fatalf("%s\n%v", sql, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if plan := strings.Join(lines, "\n"); err != nil || !strings.Contains(plan, "Index Cond") {
			t.Errorf("%s\n%s\n%v", sql, plan, err)
		}
	}
}
