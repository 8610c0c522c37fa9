package catalog

import (
	"context"
	"os"
	"strings"
	"testing"

	"stead"
)

func TestRepair(t *testing.T) {
	for in, want := range map[string]string{
		"a OPERATOR(pg_catalog.~) 'x'":                  "a ~ 'x'",
		`a operator ( "pg_catalog" . !~* ) 'x'`:         "a !~* 'x'",
		"'a'::pg_catalog.text":                          "'a' :: text",
		"CAST(a AS pg_catalog.name)":                    "CAST ( a AS name )",
		"a COLLATE pg_catalog.default, b":               "a , b",
		`a COLLATE "C" = 1`:                             "a = 1",
		`a AS "Collate", b`:                             `a AS "Collate" , b`,
		"'OPERATOR(pg_catalog.~)' -- ::pg_catalog.text": "'OPERATOR(pg_catalog.~)'",
		"a /* x /* y */ :: */ b":                        "a b",
		"E'it\\'s' $$a::pg_catalog.b$$":                 "E'it\\'s' $$a::pg_catalog.b$$",
		"$1::pg_catalog.regclass":                       "$1 :: regclass",
	} {
		if got, err := repair(in); err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%s becomes %q %v, want %q", in, got, err, want)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, file := range []string{"psql", "jdbc", "tools"} {
		text, err := os.ReadFile("testdata/" + file + ".sql")
		if err != nil {
			f.Fatal(err)
		}
		for _, q := range strings.Split(string(text), "\n;;\n") {
			f.Add(q)
		}
	}
	e := open(f, Config{})
	s := hold(f, e, people())
	f.Fuzz(func(t *testing.T, sql string) {
		var joined strings.Builder
		for _, tok := range scan(sql) {
			if tok.text == "" {
				t.Fatalf("an empty token in %q", sql)
			}
			joined.WriteString(tok.text)
		}
		if joined.String() != sql {
			t.Fatalf("the tokens of %q are not the text", sql)
		}
		out, err := s.Rewrite(context.Background(), sql, nil)
		if stead.CodeOf(err) == stead.Internal && err != nil {
			t.Fatalf("%q: %s", sql, cause(err))
		}
		for _, name := range []string{"duckdb_", "x_own", "sqlite_master"} {
			if err == nil && strings.Contains(out, "FROM "+name) {
				t.Fatalf("%q became %q", sql, out)
			}
		}
	})
}
