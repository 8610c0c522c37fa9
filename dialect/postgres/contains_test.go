package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stead/dialect/postgres"
	"stead/policy/expr"
)

// texts are canonical texts and what is nearly one.
func texts(r *rand.Rand) []string {
	out := []string{"", "0", "-0", "+1", "007", "7", "-7", " 7", "7 ", "7\n", "1e3", "٧", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "99999999999999999999", "2024-02-29", "2023-02-29", "2023-02-30", "2023-06-31", "2023-13-01", "2023-00-10", "2023-01-00", "0000-01-01",
		"0001-01-01", "9999-12-31", "10000-01-01", "-0001-01-01", "infinity", "2023-1-1", "2023-01-01 ", "2023-01-01T00:00:00.000000", "2023-01-01T24:00:00.000000",
		"2023-01-01T23:60:00.000000", "2023-01-01T23:59:60.000000", "9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000001Z",
		"2023-02-29T10:00:00.000000Z", "2023-01-01T10:00:00Z", "2023-01-01T10:00:00.000000z", "2023-01-01T10:00:00.000000+00", "11111111-2222-3333-4444-555555555555",
		"aaaaaaaa-2222-3333-4444-555555555555", "AAAAAAAA-2222-3333-4444-555555555555", "{aaaaaaaa-2222-3333-4444-555555555555}", "aaaaaaaa222233334444555555555555"}
	for range 30 {
		day := fmt.Sprintf("%04d-%02d-%02d", r.IntN(10000), r.IntN(14), r.IntN(33))
		clock := fmt.Sprintf("T%02d:%02d:%02d.%06d", r.IntN(26), r.IntN(62), r.IntN(62), r.IntN(1_000_000))
		out = append(out, fmt.Sprint(int64(r.Uint64())>>r.IntN(60)), day, day+clock, day+clock+"Z", day+"T12:30:59.999999", day+"T12:30:59.999999Z")
	}
	for range 60 { // one character is another
		s := []byte(out[r.IntN(len(out))])
		if len(s) > 0 {
			s[r.IntN(len(s))] = "0123456789-:TZ.+ aA"[r.IntN(19)]
			out = append(out, string(s))
		}
	}
	return out
}

// meant is the canonical text of the value that a text could be taken for, by who reads less strictly.
func meant(s string, t expr.Type) string {
	s = strings.ToLower(strings.Trim(s, " \n{}+"))
	var y, m, d, h, mi, sec, us int
	switch t.Kind {
	case expr.Text:
		return s
	case expr.Int:
		var n int64
		_, _ = fmt.Sscanf(s, "%d", &n)
		return fmt.Sprint(n)
	case expr.UUID:
		if s = strings.ReplaceAll(s, "-", ""); len(s) != 32 {
			return ""
		}
		return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	}
	_, _ = fmt.Sscanf(s, "%d-%d-%dt%d:%d:%d.%d", &y, &m, &d, &h, &mi, &sec, &us)
	at := time.Date(y, time.Month(m), d, h, mi, sec, us*1000, time.UTC)
	text, _ := expr.CanonicalText(expr.Value{Valid: true, Kind: t.Kind, Int: at.UnixMicro()}, t)
	if t.Kind == expr.Date {
		text, _ = expr.CanonicalText(expr.DateValue(at.Unix()/86400), t)
	}
	return text
}

// The texts that count as values of a column are those that the language says are, whatever the texts are.
func TestTextsBecomeValues(t *testing.T) {
	c := database(t, "contains", locales["turkish"])
	hostile(t, c)
	all := texts(rand.New(rand.NewPCG(1, 2)))
	slices.Sort(all)
	all = slices.Compact(all)
	run(t, c, "CREATE TABLE public.given (t pg_catalog.text)", "INSERT INTO public.given SELECT pg_catalog.unnest("+list(all)+")")
	i32 := expr.Type{Kind: expr.Int, Bits: 32}
	for _, typ := range []expr.Type{expr.IntType, i32, expr.DateType, expr.TimestampType, expr.InstantType, {Kind: expr.UUID}, expr.TextType} {
		col, want := expr.Column{Name: "x", Typ: typ}, hold(t, c, all, typ)
		if len(want) < 2 {
			t.Fatalf("%s: no texts of values", typ)
		}
		for _, holds := range []bool{true, false} {
			sql := containing(t, col, holds, "(SELECT ARRAY[g.t])")
			got := column(t, c, "SELECT g.t FROM public.given AS g WHERE EXISTS (SELECT FROM public.held WHERE "+sql+`) ORDER BY g.t COLLATE pg_catalog."C"`)
			if !slices.Equal(got, want) {
				t.Errorf("one by one as %s: %q\nnot %q", typ, got, want)
			}
			text, err := postgres.Printer{}.Expr(call(t, expr.ToText, col))
			if err != nil {
				t.Fatal(err)
			}
			got = column(t, c, "SELECT DISTINCT "+text+" FROM public.held WHERE "+containing(t, col, holds, "(SELECT "+list(all)+")")+" ORDER BY 1")
			if !slices.Equal(got, want) {
				t.Errorf("together as %s: %q\nnot %q", typ, got, want)
			}
			for texts, n := range map[string]string{"NULL": "0", "'{}'": "0"} {
				if got := scalar(t, c, "SELECT pg_catalog.count(*)::pg_catalog.text FROM public.held WHERE "+containing(t, col, holds, "(SELECT CAST("+texts+" AS pg_catalog.text[]))")); got != n {
					t.Errorf("%s: %s rows of %s", typ, got, texts)
				}
			}
		}
		null := containing(t, col, false, "(SELECT CAST(NULL AS pg_catalog.text[]))")
		if got := scalar(t, c, "SELECT pg_catalog.count("+null+")::pg_catalog.text FROM public.held"); got != "0" {
			t.Errorf("%s: where nobody asks the answer is not NULL", typ)
		}
	}
}

// hold makes a table of what texts are and could be taken for, and gives the texts of values that the type has.
func hold(t *testing.T, c *pgx.Conn, all []string, typ expr.Type) (want []string) {
	t.Helper()
	name, err := postgres.TypeName(typ)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, s := range all {
		for _, text := range []string{s, meant(s, typ)} {
			v, ok := expr.ParseCanonical(text, typ)
			if !ok {
				continue
			}
			if text == s && !slices.Contains(want, s) {
				want = append(want, s)
			}
			sql, err := postgres.Literal(v, typ)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, "("+sql+")")
		}
	}
	run(t, c, "DROP TABLE IF EXISTS public.held", "CREATE TABLE public.held (x "+name+")", "INSERT INTO public.held VALUES "+strings.Join(values, ", "))
	return want
}

// containing prints that the column is among texts.
func containing(t *testing.T, col expr.Column, holds bool, texts string) string {
	t.Helper()
	p := postgres.Printer{Texts: func(expr.Subject) (string, error) { return texts, nil }}
	print := p.Expr
	if holds {
		print = p.Condition
	}
	sql, err := print(expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: col})
	if err != nil {
		t.Fatal(err)
	}
	return sql
}

// list is an array of texts.
func list(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return "CAST(ARRAY[" + strings.Join(quoted, ", ") + "] AS pg_catalog.text[])"
}

func column(t *testing.T, c *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := c.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}
