package duck

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead"
	dialect "stead/dialect/duckdb"
)

// maker is an engine of the test's own with which it writes files.
func maker(t *testing.T, statements ...string) {
	t.Helper()
	l, err := openLibrary(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	k, err := l.connect()
	if err != nil {
		t.Fatal(err)
	}
	c := &Conn{link: k}
	defer c.Close()
	for _, sql := range statements {
		if err := c.run(t.Context(), sql, anyKind); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, cfg Config) *Engine {
	t.Helper()
	e, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func connect(t *testing.T, e *Engine) *Conn {
	t.Helper()
	c, err := e.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// texts runs a query whose columns are all VARCHAR and joins its rows.
func texts(t *testing.T, c *Conn, sql string, args ...any) string {
	t.Helper()
	out, err := tryTexts(t.Context(), c, sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func tryTexts(ctx context.Context, c *Conn, sql string, args ...any) (string, error) {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var lines []string
	for {
		n, err := rows.Next()
		if err != nil {
			return "", err
		}
		if n == 0 {
			return strings.Join(lines, "\n"), nil
		}
		for i := range n {
			var cells []string
			for k := range rows.Columns() {
				if v := rows.Column(k); v.Null(i) {
					cells = append(cells, "NULL")
				} else if v.Type.ID != Varchar {
					cells = append(cells, v.Type.String())
				} else {
					cells = append(cells, v.Text(i))
				}
			}
			lines = append(lines, strings.Join(cells, "|"))
		}
	}
}

func column(name, native string) stead.Column {
	return stead.Column{Name: name, Type: dialect.ParseType(native)}
}

func define(id stead.SourceID, schema, table, location string, cols ...stead.Column) *stead.DataSource {
	return &stead.DataSource{ID: id, Connection: "c", Path: []string{schema, table}, Location: location, Columns: cols}
}

func wantCode(t *testing.T, err error, code stead.Code) {
	t.Helper()
	var s *stead.Error
	if !errors.As(err, &s) || s.Code != code {
		t.Fatalf("want code %v, got %v", code, err)
	}
}
