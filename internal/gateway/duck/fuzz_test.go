package duck

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	dialect "stead/dialect/duckdb"
	"stead/policy/expr"
)

// No location leads out of the folder, whatever it is made of.
func FuzzLocation(f *testing.F) {
	for _, s := range []string{"a.csv", "*", "**", "s/**/x.csv", "../secret.csv", "/etc/passwd", "s/../../x", "link/secret.csv", "[", "a\x00b", ".", "s\\..", "**/../*"} {
		f.Add(s)
	}
	base := f.TempDir()
	root := filepath.Join(base, "root")
	write(f, filepath.Join(base, "secret.csv"), "a\n1\n")
	write(f, filepath.Join(root, "a.csv"), "a\n1\n")
	write(f, filepath.Join(root, "s", "b", "x.csv"), "a\n1\n")
	f.Fuzz(func(t *testing.T, location string) {
		set, err := listFiles(root, location)
		if err != nil {
			return
		}
		for _, p := range set.paths {
			if !strings.HasPrefix(p, root+string(filepath.Separator)) || strings.Contains(p, "..") {
				t.Fatalf("%q found %s", location, p)
			}
		}
	})
}

// A text and a name go into DuckDB and come back as they are.
func FuzzTextInSQL(f *testing.F) {
	for _, s := range []string{"", "a", "it's", `a"b`, "\x00", "a\x00'", "\\", "é\n\t", "\ufeff", "--", "/*", "$$", "'; DROP TABLE x; --"} {
		f.Add(s)
	}
	l, err := openLibrary(":memory:")
	if err != nil {
		f.Fatal(err)
	}
	k, err := l.connect()
	if err != nil {
		f.Fatal(err)
	}
	c := &Conn{link: k}
	f.Cleanup(func() { c.Close(); l.close() })
	f.Fuzz(func(t *testing.T, s string) {
		sql, err := dialect.Literal(expr.TextValue(s), expr.TextType)
		if err != nil {
			if utf8.ValidString(s) {
				t.Fatal(err)
			}
			return
		}
		rows, err := c.Query(t.Context(), "SELECT "+sql+" AS "+dialect.Quote("n"+s))
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		defer rows.Close()
		if n, err := rows.Next(); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if got := rows.Column(0).Text(0); got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		if got := rows.Columns()[0].Name; got != "n"+strings.ReplaceAll(s, "\x00", "\uFFFD") {
			t.Fatalf("the name %q came back as %q", s, got)
		}
	})
}
