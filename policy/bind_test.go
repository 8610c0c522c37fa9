package policy_test

import (
	"math/big"
	"math/rand"
	"strings"
	"testing"

	"stead"
	"stead/policy"
	"stead/policy/eval"
	"stead/policy/expr"
)

func bind(t *testing.T, doc string, columns ...stead.Column) *policy.Bound {
	t.Helper()
	p, err := policy.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := policy.Compile(p)
	if len(c.Broken) > 0 {
		t.Fatal(c.Broken)
	}
	return c.Bind(&stead.DataSource{ID: 7, Connection: "lake", Path: []string{"s", "t"}, Columns: columns})
}

func maskDoc(mask, more string) string {
	return `{"policyKey":"p","name":"P","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Masking",
	 "config":{"fields":[{"type":"columnName","columnName":"x"}],"maskingConfig":` + mask + more + `}}]}]}`
}

const key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func masked(t *testing.T, n expr.Node, row map[string]expr.Value) expr.Value {
	t.Helper()
	v, err := eval.Eval(n, func(c string) expr.Value { return row[c] }, eval.Env{Facts: &expr.Facts{},
		Key: func(id string) (string, error) {
			if id != "source/7" {
				t.Errorf("key %q", id)
			}
			return key, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func show(v expr.Value, typ expr.Type) string {
	if !v.Valid {
		return "NULL"
	}
	if typ.Kind == expr.Float {
		return big.NewFloat(v.Float).String()
	}
	s, ok := expr.CanonicalText(v, typ)
	if !ok {
		return "no text"
	}
	return s
}

func TestMasks(t *testing.T) {
	whole, _ := expr.ParseCanonical("12345.67", expr.DecimalType(10, 2))
	for _, c := range []struct {
		mask string
		typ  expr.Type
		in   expr.Value
		want string
	}{
		{`{"type":"Null"}`, expr.TextType, expr.TextValue("abc"), "NULL"},
		{`{"type":"Null"}`, expr.Type{Kind: expr.Opaque, Native: "BIT"}, expr.Null, "NULL"},
		{`{"type":"Constant","constant":"X"}`, expr.TextType, expr.TextValue("abc"), "X"},
		{`{"type":"Constant","constant":"X"}`, expr.TextType, expr.Null, "X"},
		{`{"type":"Constant","constant":"LONG"}`, expr.Type{Kind: expr.Text, Length: 2}, expr.TextValue("ab"), "LO"},
		{`{"type":"Constant","constant":"0"}`, expr.IntType, expr.IntValue(5), "0"},
		{`{"type":"Constant","constant":"0"}`, expr.DecimalType(10, 2), whole, "0.00"},
		{`{"type":"Constant","constant":"300"}`, expr.Type{Kind: expr.Int, Bits: 8}, expr.IntValue(5), "NULL"},
		{`{"type":"Hash","length":8}`, expr.TextType, expr.Null, "NULL"},
		{`{"type":"Hash"}`, expr.IntType, expr.IntValue(5), "NULL"},
		{`{"type":"Hash","length":8}`, expr.Type{Kind: expr.Text, Native: "ENUM('a')"}, expr.TextValue("a"), "NULL"},
		{`{"type":"Regex","regex":"^[^@]+","replacement":"***"}`, expr.TextType, expr.TextValue("ana@example.com"), "***@example.com"},
		{`{"type":"Rounding","bucketSize":"1000"}`, expr.IntType, expr.IntValue(12345), "12000"},
		{`{"type":"Rounding","bucketSize":"1000"}`, expr.IntType, expr.IntValue(-1), "-1000"},
		{`{"type":"Rounding","bucketSize":"0.5"}`, expr.IntType, expr.IntValue(1), "NULL"},
		{`{"type":"Rounding","bucketSize":"0.5"}`, expr.Type{Kind: expr.Float}, expr.FloatValue(1.75), "1.5"},
		{`{"type":"Rounding","places":1}`, expr.DecimalType(10, 2), whole, "12345.70"},
		{`{"type":"Rounding","places":9}`, expr.DecimalType(10, 2), whole, "12345.67"},
		{`{"type":"Rounding","bucketSize":"1000"}`, expr.DecimalType(10, 2), whole, "12000.00"},
		{`{"type":"Rounding","bucketSize":"0.050"}`, expr.DecimalType(10, 2), whole, "12345.65"},
		{`{"type":"Rounding","bucketSize":"0.005"}`, expr.DecimalType(10, 2), whole, "NULL"},
		{`{"type":"Rounding","bucketSize":"10"}`, expr.TextType, expr.TextValue("11"), "NULL"},
		{`{"type":"Rounding","timePrecision":"month"}`, expr.DateType, expr.DateValue(45), "1970-02-01"},
		{`{"type":"Partial","keepLast":4}`, expr.TextType, expr.TextValue("123-45-6789"), "*******6789"},
		{`{"type":"Partial","keepLast":4}`, expr.TextType, expr.TextValue("6789"), "****"},
		{`{"type":"Partial","keepFirst":1,"character":"•"}`, expr.TextType, expr.TextValue("añb"), "a••"},
		{`{"type":"Partial","keepFirst":0}`, expr.TextType, expr.TextValue(""), ""},
	} {
		b := bind(t, maskDoc(c.mask, ""), stead.Column{Name: "x", Type: c.typ})
		x := b.Masks[0].Columns[0].Chain.Branches[0]
		if got := show(masked(t, x.Node, map[string]expr.Value{"x": c.in}), c.typ); got != c.want {
			t.Errorf("%s of %v (%s) is %s, not %s (%v)", c.mask, c.in, c.typ, got, c.want, b.Problems)
		}
		if x.Node.Type().String() != c.typ.String() {
			t.Errorf("%s of %s has type %s", c.mask, c.typ, x.Node.Type())
		}
	}
	hash := bind(t, maskDoc(`{"type":"Hash","length":12}`, ""), stead.Column{Name: "x", Type: expr.TextType}).Masks[0].Columns[0].Chain.Branches[0]
	if got := masked(t, hash.Node, map[string]expr.Value{"x": expr.TextValue("a")}).Text; len(got) != 12 || strings.Trim(got, "0123456789abcdef") != "" || hash.Digits != 12 {
		t.Errorf("hash %q, %d digits", got, hash.Digits)
	}
}

// A condition that is NULL masks: what cannot be worked out is not shown.
func TestConditionalMaskShowsOnlyWhereItsConditionIsFalse(t *testing.T) {
	b := bind(t, maskDoc(`{"type":"Null"}`, `,"conditionalPredicate":"n > 5"`), stead.Column{Name: "x", Type: expr.TextType}, stead.Column{Name: "n", Type: expr.IntType})
	n := b.Masks[0].Columns[0].Chain.Branches[0].Node
	for _, c := range []struct {
		n    expr.Value
		want string
	}{{expr.IntValue(9), "NULL"}, {expr.IntValue(1), "raw"}, {expr.Null, "NULL"}} {
		if got := show(masked(t, n, map[string]expr.Value{"x": expr.TextValue("raw"), "n": c.n}), expr.TextType); got != c.want {
			t.Errorf("where n is %v the column shows %s, not %s", c.n, got, c.want)
		}
	}
}

func TestProblemsSayWhatCannotBeBound(t *testing.T) {
	for _, c := range []struct {
		doc, says string
		loosens   bool
	}{
		{maskDoc(`{"type":"Hash"}`, ""), "does not fit", false},
		{maskDoc(`{"type":"Null"}`, `,"conditionalPredicate":"nothere = 1"`), "every row is masked", false},
		{maskDoc(`{"type":"Null"}`, `,"conditionalPredicate":"@columnTagged('No') = 1"`), "not applied", true},
	} {
		b := bind(t, c.doc, stead.Column{Name: "x", Type: expr.IntType})
		if len(b.Problems) == 0 || !strings.Contains(b.Problems[len(b.Problems)-1].Message, c.says) || b.Problems[len(b.Problems)-1].Loosens != c.loosens {
			t.Errorf("%s: %+v", c.doc, b.Problems)
		}
	}
}

// The direct answer about a known subject and the expression for an unknown one must agree.
func TestConditionsOnTheSubjectAgreeWithTheirExpression(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	some := func(from ...string) []string {
		var out []string
		for _, s := range from {
			if rnd.Intn(3) == 0 {
				out = append(out, s)
			}
		}
		return out
	}
	held := 0
	for range 3000 {
		e := policy.Entitlements{Operator: []string{"", "all", "any"}[rnd.Intn(3)], Groups: some("g", "h"), Purposes: some("P", "P.Q", "R")}
		for _, v := range some("v", "w", "") {
			e.Attributes = append(e.Attributes, policy.AttributeRef{Name: "a", Value: v})
		}
		f := expr.Facts{Groups: some("g", "h"), Attributes: map[string][]string{"a": some("v", "w", "")}, Purposes: some("P.Q.S", "P", "PQ", "R")}
		test := e.Test()
		got, why := test.Holds(&f)
		if want := policy.IsTrue(expr.Fold(test.Node(), &f)); got != want || why == "" {
			t.Fatalf("%+v of %+v: %v because %q, by expression %v", e, f, got, why, want)
		}
		if got {
			held++
		}
	}
	if held < 300 {
		t.Fatalf("only %d held", held)
	}
}

func TestAnEmptyConditionHoldsForNobody(t *testing.T) {
	var e policy.Entitlements
	test := e.Test()
	if ok, _ := test.Holds(&expr.Facts{Groups: []string{"g"}}); ok || policy.IsTrue(test.Node()) {
		t.Error("it holds")
	}
}
