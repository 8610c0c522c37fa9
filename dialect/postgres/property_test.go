package postgres_test

import (
	"strings"
	"sync"
	"testing"

	"stead/dialect/postgres"
	"stead/policy/eval/gen"
	"stead/policy/expr"
)

func expressions(g *gen.Gen, cols []expr.Column, i int) expr.Node {
	if i%2 == 0 {
		return g.Bool(cols)
	}
	return g.Of(cols[i/2%len(cols)].Typ, cols)
}

// Nothing that a database, a column, a session or a search path has changes what is printed.
func TestPrinterAgreesWithInterpreter(t *testing.T) {
	var mu sync.Mutex
	used := map[expr.Func]bool{}
	t.Run("databases", func(t *testing.T) {
		seed := uint64(20)
		for _, tc := range []struct {
			name, locale, collate string
			byteText, harmless    bool
		}{
			{"bytes_blind", "bytes", ` COLLATE public.blind`, false, false},
			{"english", "english", "", true, true}, {"turkish_domains", "turkish", "", true, false}, {"turkish_wrapped", "turkish", ` COLLATE "tr-TR-x-icu"`, false, false},
		} {
			seed++
			g := gen.New(seed)
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				c := database(t, "agree_"+tc.name, locales[tc.locale])
				cols := gen.Columns()
				rows := fill(t, c, g, cols, 40, tc.collate, strings.HasSuffix(tc.name, "domains"))
				if !tc.harmless {
					hostile(t, c)
				}
				p := postgres.Printer{Key: keyOf, ByteText: tc.byteText}
				var batch []question
				for i := range cases(t) {
					n := expressions(g, cols, i)
					mu.Lock()
					expr.Walk(n, func(n expr.Node) bool {
						if call, ok := n.(expr.Call); ok {
							used[call.Func] = true
						}
						return true
					})
					mu.Unlock()
					if batch = append(batch, asValue(t, p, n)); n.Type().Kind == expr.Bool {
						batch = append(batch, asCondition(t, p, n))
					}
					if len(batch) >= 25 {
						ask(t, c, rows, "public.t", batch)
						if batch = nil; t.Failed() {
							t.Fatalf("after %d expressions", i)
						}
					}
				}
				ask(t, c, rows, "public.t", batch)
			})
		}
	})
	for _, f := range expr.Functions() {
		if !used[f] {
			t.Errorf("no expression used %s", f)
		}
	}
}

func asValue(t *testing.T, p postgres.Printer, n expr.Node) question {
	t.Helper()
	sql, err := p.Expr(n)
	if err != nil {
		t.Fatalf("%s: not printed: %v", expr.Print(n), err)
	}
	return question{n, sql, func(row map[string]expr.Value) expr.Value { return evaluate(t, n, row) }, n.Type()}
}

// asCondition asks whether the row counts.
func asCondition(t *testing.T, p postgres.Printer, n expr.Node) question {
	t.Helper()
	sql, err := p.Condition(n)
	if err != nil {
		t.Fatalf("%s: not printed: %v", expr.Print(n), err)
	}
	return question{n, "coalesce(" + sql + ", FALSE)", func(row map[string]expr.Value) expr.Value {
		v := evaluate(t, n, row)
		return expr.BoolValue(v.Valid && v.Bool)
	}, expr.BoolType}
}
