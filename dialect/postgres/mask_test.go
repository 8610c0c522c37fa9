package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"stead/dialect/postgres"
	"stead/policy/eval/gen"
	"stead/policy/expr"
)

func call(t *testing.T, f expr.Func, args ...expr.Node) expr.Node {
	t.Helper()
	c, err := expr.NewCall(f, args...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// columnTypes are the types and collations of a relation's columns as the catalogue has them.
func columnTypes(t *testing.T, c *pgx.Conn, relation string) map[string]string {
	t.Helper()
	rows, err := c.Query(t.Context(), `SELECT attname::pg_catalog.text, pg_catalog.concat(pg_catalog.format_type(atttypid, atttypmod), ' ', attcollation::pg_catalog.regcollation)
		FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=) '`+relation+`'::pg_catalog.regclass AND attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2`)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	var name, typ string
	if _, err := pgx.ForEachRow(rows, []any{&name, &typ}, func() error { out[name] = typ; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// A view made in a hostile session has the table's types and collations, and gives in every other session what the interpreter says.
func TestMasksKeepTypes(t *testing.T) {
	for _, tc := range []struct{ name, locale, collate, collation string }{
		{"bytes", "bytes", " COLLATE public.blind", "public.blind"}, {"turkish", "turkish", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := database(t, "masks_"+tc.name, locales[tc.locale])
			g := gen.New(77)
			cols := gen.Columns()
			rows := fill(t, c, g, cols, 40, tc.collate, false)
			friendly := connect(t, "masks_"+tc.name)
			hostile(t, c)
			p := postgres.Printer{Key: keyOf, Collation: tc.collation}
			for round := range cases(t) / 500 {
				var items []string
				var questions []question
				for _, col := range cols {
					var n = g.Of(col.Typ, cols)
					switch round % 4 {
					case 0:
						n = col
					case 1:
						n = call(t, expr.If, g.Bool(cols), col, expr.NullOf(col.Typ))
					case 2:
						n = call(t, expr.If, g.Bool(cols), col, n)
					}
					sql, err := p.Mask(n, col.Typ)
					if err != nil {
						t.Fatalf("%s: %v", expr.Print(n), err)
					}
					items = append(items, sql+" AS "+postgres.Quote(col.Name))
					seen := postgres.Quote(col.Name)
					if col.Typ.Kind == expr.Decimal { // the column itself shows its NaN, as which the language sees NULL
						seen = "NULLIF(" + seen + ", 'NaN')"
					}
					questions = append(questions, question{n, seen, func(row map[string]expr.Value) expr.Value { return evaluate(t, n, row) }, col.Typ})
				}
				view := fmt.Sprintf("public.v%d", round)
				run(t, c, "CREATE VIEW "+view+" AS SELECT n, "+strings.Join(items, ", ")+" FROM public.t")
				want := columnTypes(t, c, "public.t")
				for name, typ := range columnTypes(t, c, view) {
					if typ != want[name] {
						t.Errorf("%s became %s", want[name], typ)
					}
				}
				ask(t, friendly, rows, view, questions)
			}
		})
	}
}

// Every type of the server keeps itself under a NULL mask and a conditional one, and reads as itself.
func TestTypesOfTheServer(t *testing.T) {
	c := database(t, "types", "")
	run(t, c, `CREATE TYPE public."Odd ""Type" AS (a int, b text)`, "CREATE TYPE public.span AS RANGE (subtype = int4)", "SET search_path = ''")
	types := []string{"numeric(10,2)", "numeric(38,0)", "numeric(39,2)", "numeric(3,-2)", "numeric(3,5)", "numeric", "character varying(20)", "character varying", "character(7)", "character(1)",
		"timestamp(3) without time zone", "timestamp(0) with time zone", "time(6) without time zone", "time(2) with time zone", "interval(3)", "interval year to month", "interval second(2)",
		"bit(5)", "bit varying(9)", "bit varying", "public.mood", `public."Odd ""Type"`, "public.span", "public.span[]", "public.mood[]", "character varying(3)[]", "numeric(5,1)[]", "text[]", "timestamp(3) without time zone[]"}
	rows, err := c.Query(t.Context(), `SELECT DISTINCT pg_catalog.format_type(oid, NULL) FROM pg_catalog.pg_type t WHERE typtype IN ('b', 'r', 'm') AND typisdefined AND
		NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typtype IN ('c', 'p')) AND typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND typname NOT IN ('cstring', 'bpchar', 'bit', '_bpchar', '_bit') AND typname NOT LIKE 'reg%'`)
	if err != nil {
		t.Fatal(err)
	}
	builtin, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(builtin) < 100 {
		t.Fatal(len(builtin), err)
	}
	types = append(append(types, builtin...), "regclass", "bpchar", `"char"`)
	var defs, items []string
	for i, native := range types {
		typ := postgres.ParseType(native)
		if native == "public.mood" {
			typ = postgres.EnumType(native)
		}
		name := fmt.Sprintf("c%d", i)
		if slices.Contains([]string{"character", "bit"}, native) {
			t.Fatal(native)
		}
		defs = append(defs, name+" "+native)
		col := expr.Column{Name: name, Typ: typ}
		for k, n := range []expr.Node{expr.NullOf(typ), col, call(t, expr.If, call(t, expr.IsNull, col), col, expr.NullOf(typ))} {
			sql, err := postgres.Printer{}.Mask(n, typ)
			if err != nil {
				t.Fatalf("%s: %+v: %v", native, typ, err)
			}
			items = append(items, fmt.Sprintf("%s AS m%d_%d", sql, i, k))
		}
	}
	run(t, c, "CREATE TABLE public.every ("+strings.Join(defs, ", ")+")", "INSERT INTO public.every DEFAULT VALUES", "SET search_path = evil, pg_catalog",
		"CREATE VIEW public.every_v AS SELECT "+strings.Join(items, ", ")+" FROM public.every", "SELECT * FROM public.every_v", "SET search_path = ''")
	declared, masked := columnTypes(t, c, "public.every"), columnTypes(t, c, "public.every_v")
	for i, native := range types {
		want := declared[fmt.Sprintf("c%d", i)]
		for k := range 3 {
			got := masked[fmt.Sprintf("m%d_%d", i, k)]
			if native == "character varying" { // text in all but name
				got = strings.Replace(got, "text", native, 1)
			}
			if native == "character varying[]" {
				got = strings.Replace(got, "text[]", native, 1)
			}
			if native == "bpchar" && k == 2 || got == want {
				continue
			}
			t.Errorf("%s became %s", want, got)
		}
	}
}

func TestEnums(t *testing.T) {
	c := database(t, "enums", "")
	run(t, c, "CREATE TABLE public.e (n int, m public.mood)", `INSERT INTO public.e VALUES (0, 'sad'), (1, 'a''b'), (2, NULL)`)
	hostile(t, c)
	typ := postgres.EnumType("public.mood")
	m := expr.Column{Name: "m", Typ: typ}
	p := postgres.Printer{ByteText: true}
	for _, tc := range []struct {
		n    expr.Node
		want [3]string
	}{
		{expr.TextLit("ok"), [3]string{"ok", "ok", "ok"}}, {expr.TextLit("nothing"), [3]string{"-", "-", "-"}},
		{call(t, expr.Concat, m, expr.TextLit("")), [3]string{"sad", "a'b", "-"}},
		{call(t, expr.Upper, m), [3]string{"-", "-", "-"}},
		{call(t, expr.If, call(t, expr.Eq, m, expr.TextLit("sad")), expr.NullOf(typ), m), [3]string{"-", "a'b", "-"}},
		{call(t, expr.If, call(t, expr.In, m, expr.TextLit("sad"), expr.TextLit("no label")), m, expr.TextLit("ok")), [3]string{"sad", "ok", "ok"}},
	} {
		sql, err := p.Mask(tc.n, typ)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range tc.want {
			got := scalar(t, c, fmt.Sprintf("SELECT coalesce((%s)::pg_catalog.text, '-') FROM public.e WHERE n OPERATOR(pg_catalog.=) %d", sql, n))
			if got != want {
				t.Errorf("%s, row %d: %s, want %s\n%s", expr.Print(tc.n), n, got, want, sql)
			}
		}
	}
}
