package duck

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestParser(t *testing.T) {
	p, err := NewParser(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	for in, want := range map[string]string{
		"select a+1 from t where x::int = $1": "SELECT (a + 1) FROM t WHERE (CAST(x AS INTEGER) = $1)",
		"select 'it''s', \"q\"\"x\", chr(0)":  "SELECT 'it''s', \"q\"\"x\", chr(0)",
	} {
		tree, err := p.Serialize(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct{ Statements []any }
		if err := json.Unmarshal(tree, &doc); err != nil || len(doc.Statements) != 1 {
			t.Fatalf("%s: %v", tree, err)
		}
		if got, err := p.Deserialize(t.Context(), tree); err != nil || strings.TrimSuffix(got, ";") != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	for sql, position := range map[string]int{
		"selec 1": 0, "select 1 from": -1, "create table x (a int)": -1, "select \xff": -1, "select 1\x00": 8, "select (": -1, "copy t to 'x'": -1, "explain select 1": -1,
	} {
		var se *SyntaxError
		if tree, err := p.Serialize(t.Context(), sql); !errors.As(err, &se) {
			t.Errorf("%q: %v, %s", sql, err, tree)
		} else if position >= 0 && se.Position != position {
			t.Errorf("%q: position %d, want %d", sql, se.Position, position)
		}
	}
	for _, tree := range []string{"", "{", "{}", `{"error":false}`, `{"error":true,"error_type":"x"}`, `[]`, `{"error":false,"statements":[{"node":{"type":"SELECT_NODE"}}]}`} {
		if sql, err := p.Deserialize(t.Context(), []byte(tree)); err == nil {
			t.Errorf("%s: printed %q", tree, sql)
		}
	}
	// a connection whose engine is gone is made again by the next call
	for range 2 {
		c := <-p.idle
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
		p.idle <- c
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := p.Serialize(t.Context(), "select 1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
