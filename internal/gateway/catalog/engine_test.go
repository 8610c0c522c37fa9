package catalog

import (
	"context"
	"fmt"
	"testing"

	"stead"
	"stead/internal/gateway/duck"
	"stead/policy/expr"
)

func open(t testing.TB, cfg Config) *Engine {
	t.Helper()
	ctx := context.Background()
	p, err := duck.NewParser(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(ctx, cfg, p)
	if err != nil {
		t.Fatal(cause(err))
	}
	t.Cleanup(func() { e.Close(); p.Close() })
	return e
}

func wide(tables, columns int) Set {
	s := Set{Database: "stead", User: "ana"}
	for i := range tables {
		tb := Table{ID: stead.SourceID(i + 1), Schema: "demo", Name: fmt.Sprintf("t%d", i)}
		for j := range columns {
			tb.Columns = append(tb.Columns, Column{Num: j + 1, Name: fmt.Sprintf("c%d", j), Type: expr.TextType})
		}
		s.Tables = append(s.Tables, tb)
	}
	return s
}

func BenchmarkSnapshot(b *testing.B) {
	e := open(b, Config{})
	for i := 0; b.Loop(); i++ {
		s := wide(100, 20)
		s.User = fmt.Sprint(i)
		h, err := e.Snapshot(context.Background(), s)
		if err != nil {
			b.Fatal(cause(err))
		}
		h.Release()
	}
}
