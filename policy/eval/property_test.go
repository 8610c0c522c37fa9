package eval_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"stead/policy/eval"
	"stead/policy/eval/gen"
	"stead/policy/expr"
)

const testKey = "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a"

func env(f *expr.Facts) eval.Env {
	return eval.Env{Facts: f, Key: func(id string) (string, error) {
		if id != "source/1" {
			return "", errors.New("unknown key")
		}
		return testKey, nil
	}}
}

func equal(a, b expr.Value) bool {
	switch {
	case a.Valid != b.Valid || a.Valid && a.Kind != b.Kind:
		return false
	case !a.Valid:
		return true
	case a.Kind == expr.Decimal:
		return a.Scale == b.Scale && a.Dec.Cmp(b.Dec) == 0
	case a.Kind == expr.Float:
		return a.Float == b.Float || math.IsNaN(a.Float) && math.IsNaN(b.Float)
	}
	return reflect.DeepEqual(a, b)
}

func mustEval(t *testing.T, n expr.Node, row map[string]expr.Value, f *expr.Facts) expr.Value {
	t.Helper()
	v, err := eval.Eval(n, func(c string) expr.Value { return row[c] }, env(f))
	if err != nil {
		t.Fatalf("%s: %v", expr.Print(n), err)
	}
	return v
}

// generated calls check with expressions of every type.
func generated(t *testing.T, count int, check func(g *gen.Gen, cols []expr.Column, n expr.Node)) {
	t.Helper()
	cols := gen.Columns()
	for seed := range count {
		g := gen.New(uint64(seed))
		g.Subjects = true
		check(g, cols, g.Bool(cols))
		check(g, cols, g.Of(cols[seed%len(cols)].Typ, cols))
	}
}

func TestFoldNeverChangesTheValue(t *testing.T) {
	decided := 0
	generated(t, 6000, func(g *gen.Gen, cols []expr.Column, n expr.Node) {
		facts := g.Facts()
		known, constants := expr.Fold(n, facts), expr.Fold(n, nil)
		if known.Type().Kind != n.Type().Kind {
			t.Fatalf("%s: %s became %s", expr.Print(n), n.Type(), known.Type())
		}
		expr.Walk(known, func(x expr.Node) bool {
			if _, ok := x.(expr.Subject); ok {
				t.Fatalf("%s: a fact is left in %s", expr.Print(n), expr.Print(known))
			}
			return true
		})
		if _, ok := known.(expr.Literal); ok {
			decided++
		}
		for range 4 {
			row := g.Row(cols)
			want := mustEval(t, n, row, facts)
			if got := mustEval(t, known, row, nil); !equal(got, want) {
				t.Fatalf("%s\nfolded %s\nrow %v\ngot %+v, want %+v", expr.Print(n), expr.Print(known), row, got, want)
			}
			if got := mustEval(t, constants, row, facts); !equal(got, want) {
				t.Fatalf("%s\nfolded %s\ngot %+v, want %+v", expr.Print(n), expr.Print(constants), got, want)
			}
		}
	})
	if decided < 300 {
		t.Errorf("only %d expressions were decided by folding", decided)
	}
}

func TestTextAndJSONReadBack(t *testing.T) {
	generated(t, 4000, func(_ *gen.Gen, cols []expr.Column, n expr.Node) {
		text := expr.Print(n)
		parsed, err := expr.Parse(text, expr.Columns{List: cols, Keys: []string{"source/1"}})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		b, err := expr.EncodeJSON(n)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		decoded, err := expr.DecodeJSON(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		for _, back := range []expr.Node{parsed, decoded} {
			again, err := expr.EncodeJSON(back)
			if err != nil {
				t.Fatal(err)
			}
			if string(again) != string(b) || !reflect.DeepEqual(back.Type(), n.Type()) {
				t.Fatalf("%s\nread back as %s", b, again)
			}
		}
	})
}

func TestEveryFunctionIsGenerated(t *testing.T) {
	seen := map[expr.Func]bool{}
	facts := map[expr.Fact]bool{}
	generated(t, 6000, func(_ *gen.Gen, _ []expr.Column, n expr.Node) {
		expr.Walk(n, func(x expr.Node) bool {
			switch x := x.(type) {
			case expr.Call:
				seen[x.Func] = true
			case expr.Subject:
				facts[x.Fact] = true
			}
			return true
		})
	})
	for _, f := range expr.Functions() {
		if !seen[f] {
			t.Errorf("%s is never generated", f)
		}
	}
	for f := expr.HasAttribute; f <= expr.Today; f++ {
		if !facts[f] {
			t.Errorf("fact %d is never generated", f)
		}
	}
}

// Every row that has a value for every column gives no error, whatever the expression.
func TestComputedValuesFitTheirType(t *testing.T) {
	generated(t, 3000, func(g *gen.Gen, cols []expr.Column, n expr.Node) {
		v := mustEval(t, n, g.Row(cols), g.Facts())
		if typ := n.Type(); typ.HasText() && !expr.Fits(v, typ) {
			t.Fatalf("%s: %+v does not fit %s", expr.Print(n), v, typ)
		}
	})
}
