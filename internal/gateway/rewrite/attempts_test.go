package rewrite_test

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"

	"stead"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/rewrite"
)

// sqlstates are the outcomes of refusals as testdata/attempts.txt writes them.
var sqlstates = map[stead.Code]string{stead.Denied: "42501", stead.NotFound: "42P01", stead.Unsupported: "0A000",
	stead.Invalid: "42601", stead.Limit: "54000", stead.Internal: "XX000"}

// outcome runs a text as a client may send it and says what came of its last statement.
func (w *world) outcome(sql string) (string, []string, string) {
	statements, err := rewrite.Split(sql)
	if err != nil {
		return sqlstates[stead.CodeOf(err)], nil, err.Error()
	}
	if len(statements) == 0 {
		return "empty", nil, ""
	}
	var rows []string
	for _, s := range statements {
		got, p, err := w.run(s)
		var engine *duck.Error
		switch {
		case errors.As(err, &engine):
			return "engine", rows, ""
		case err != nil:
			return sqlstates[stead.CodeOf(err)], rows, err.Error()
		case p.Catalogue:
			return "catalogue", rows, ""
		}
		rows = append(rows, got...)
	}
	return "rows", rows, ""
}

// TestLeakAttempts is the table of attempts to see what the asker may not: each is
// refused as its line says, or gives governed rows only.
func TestLeakAttempts(t *testing.T) {
	w := newWorld(t)
	f, err := os.Open("testdata/attempts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, ran := bufio.NewScanner(f), 0
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "--") || lines.Text() == "" {
			continue
		}
		want, sql, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			t.Fatalf("%q has no outcome", lines.Text())
		}
		ran++
		got, rows, message := w.outcome(sql)
		if got != want {
			t.Errorf("%s: %s, want %s (%s)", sql, got, want, message)
		}
		for _, leak := range []string{"TOPSECRET", "hidden", "US", "@example", "+49"} {
			if shown := strings.Join(rows, "\n"); strings.Contains(shown, leak) {
				t.Errorf("%s shows %q: %s", sql, leak, shown)
			}
			if leak != "US" && !strings.Contains(sql, leak) && strings.Contains(message, leak) {
				t.Errorf("%s: the message says %q", sql, message)
			}
		}
	}
	if ran < 200 {
		t.Errorf("only %d attempts ran", ran)
	}
}

// The text for a table that is hidden is that for one that is not there.
func TestHiddenLooksMissing(t *testing.T) {
	w := newWorld(t)
	_, _, hidden := w.outcome("select * from secrets")
	_, _, missing := w.outcome("select * from secrest")
	if hidden == "" || strings.ReplaceAll(hidden, "secrets", "x") != strings.ReplaceAll(missing, "secrest", "x") {
		t.Errorf("%q and %q", hidden, missing)
	}
}
