package gateway_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stead"
)

var update = flag.Bool("update", false, "write the observed outcomes into testdata/attempts and the documentation")

// attempt is one statement that tries to see more than it may. Its outcome is an SQLSTATE, or "rows": then only
// governed data came. Outcomes of the simple and the extended protocol are written "simple/extended" where they differ;
// "~" marks an answer whose rows are a matter of chance.
type attempt struct {
	want, sql string
	args      []string
	section   string
	chance    bool
	observed  string
}

const attemptsDir = "testdata/attempts"

// readAttempts reads a table: "outcome TAB statement [TAB parameters, separated by |]", with "== title" between sections.
func readAttempts(t testing.TB, file string) []*attempt {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(attemptsDir, file))
	must(t, err)
	var out []*attempt
	section := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, "== "); ok {
			section = title
			continue
		}
		cells := strings.Split(line, "\t")
		if len(cells) < 2 {
			t.Fatalf("%s: %q has no outcome", file, line)
		}
		a := &attempt{sql: cells[1], section: section}
		a.want, a.chance = strings.CutPrefix(cells[0], "~")
		if len(cells) > 2 {
			a.args = strings.Split(cells[2], "|")
		}
		out = append(out, a)
	}
	return out
}

// way is how a statement reaches the server.
type way struct {
	name    string
	user    string
	options string
	run     func(w *wireClient, a *attempt) (reply, bool) // false: not by this way
}

var ways = []way{
	{"simple", "ana", "", func(w *wireClient, a *attempt) (reply, bool) { return w.query(a.sql), a.args == nil }},
	{"extended", "bi", "-c immuta.impersonate.user=ana", func(w *wireClient, a *attempt) (reply, bool) {
		return w.prepared(a.sql, 0, a.args...), true
	}},
	{"binary", "ana", "", func(w *wireClient, a *attempt) (reply, bool) { return w.prepared(a.sql, 1, a.args...), true }},
	{"cursor", "ana", "", func(w *wireClient, a *attempt) (reply, bool) {
		return w.query("begin; declare leak cursor for " + a.sql + "\n; fetch 2000 leak; rollback"), queries(a)
	}},
	{"copy", "ana", "", func(w *wireClient, a *attempt) (reply, bool) {
		return w.query("copy (" + a.sql + "\n) to stdout with (format csv)"), queries(a)
	}},
	{"commented", "bi", "-c immuta.impersonate.user=ana", func(w *wireClient, a *attempt) (reply, bool) {
		return w.query(a.sql + " /* pg_class information_schema */"), queries(a)
	}},
}

func queries(a *attempt) bool {
	return a.args == nil && (strings.HasPrefix(a.sql, "select") || strings.HasPrefix(a.sql, "with"))
}

// side is a house and a connection to it.
type side struct {
	house *leakHouse
	w     *wireClient
}

func (s *side) ask(t *testing.T, y way, a *attempt) (reply, bool) {
	if s.w == nil || s.w.dead {
		s.w = s.house.as(t, y.user, y.options)
	}
	r, ok := y.run(s.w, a)
	if !s.w.dead {
		s.w.query("rollback; discard all")
	}
	return r, ok
}

// canaries are what hidden values hold, as text, in hexadecimal and as the number among them.
var canaries = [][]byte{[]byte("canary"), []byte("63616e617279"), []byte("43414e415259"), []byte("98765432"), []byte("stead_row"), []byte("stead_copy"), []byte("sha256(")}

// shown returns the canary that the server sent and the statement did not hold.
func shown(r reply, a *attempt) []byte {
	raw, said := bytes.ToLower(r.raw), strings.ToLower(a.sql+strings.Join(a.args, " "))
	for _, c := range canaries {
		if bytes.Contains(raw, c) && !strings.Contains(said, string(c)) {
			return c
		}
	}
	return nil
}

// TestLeakAttempts runs every attempt by every way on both houses: no hidden value may be in any byte of the answer, and the answer must be
// the one that a database gives which holds nothing but what the asker may see.
func TestLeakAttempts(t *testing.T) {
	governed, reference := leakHouses(t, "parquet", houseOptions{})
	governed.mustSing(t)
	runAttempts(t, governed, reference, ways, true)
	governed.mustKeepStill(t)
}

// mustKeepStill looks for hidden values and the key of the hash mask where they could be left: the server's log and the audit folder.
func (h *leakHouse) mustKeepStill(t *testing.T) {
	t.Helper()
	key, err := h.keeper.Secret(t.Context(), "hash/source/1")
	must(t, err)
	kept := map[string][]byte{"the log": []byte(h.logs.String())}
	must(t, filepath.WalkDir(filepath.Join(h.dir, "audit"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			kept[path], err = os.ReadFile(path)
		}
		return err
	}))
	if len(kept) < 2 {
		t.Error("there is no audit log")
	}
	for where, b := range kept {
		for _, secret := range []string{key.Hex(), "CANARY-TOP", "CANARY(", "{CANARY", "+49 CANARY 2", "4111-CANARY", "raw2@canary"} {
			if i := bytes.Index(b, []byte(secret)); i >= 0 {
				t.Errorf("%s has %q: %.600s", where, secret, b[max(0, i-300):])
			}
		}
	}
}

// mustSing checks that the canaries can be seen by who may, so that their silence tells something. Catalogues with more in
// them are made first.
func (h *leakHouse) mustSing(t *testing.T) {
	t.Helper()
	h.guest("eve", func(id *stead.Identity) { id.Attributes = stead.Attributes{"region": {"EU", "US", "CANARYLAND"}} })
	for user, sql := range map[string]string{"admin": "select v from secrets", "eve": "select name from customers"} {
		w := h.as(t, user, "")
		w.query("select relname from pg_class where relname = 'secrets'")
		if r := w.query(sql); shown(r, &attempt{sql: sql}) == nil {
			t.Fatalf("%s: %s shows no canary: %.200q", user, sql, r.raw)
		}
	}
}

func runAttempts(t *testing.T, governed, reference *leakHouse, ways []way, outcomes bool) {
	files := []string{"tried.txt", "rewritten.txt", "own.txt"}
	all := map[string][]*attempt{}
	for _, f := range files {
		all[f] = readAttempts(t, f)
	}
	ran := 0
	for n, y := range ways {
		g, r := &side{house: governed}, &side{house: reference}
		for _, f := range files {
			for i, a := range all[f] {
				if !leakFull && n > 1 && i%5 != n { // the rarer ways: some of each
					continue
				}
				if runAttempt(t, y, a, g, r) {
					ran++
				}
			}
		}
	}
	t.Logf("%d runs", ran)
	if !outcomes {
		return
	}
	for _, f := range files {
		checkOutcomes(t, f, all[f])
	}
	checkDocument(t, files, all)
}

func runAttempt(t *testing.T, y way, a *attempt, g, r *side) bool {
	if y.name != "simple" && y.name != "extended" && !queries(a) {
		return false
	}
	got, ok := g.ask(t, y, a)
	if !ok {
		return false
	}
	want, _ := r.ask(t, y, a)
	if c := shown(got, a); c != nil {
		t.Errorf("%s: %s: the server sent %q:\n%.300q", y.name, a.sql, c, got.raw)
	}
	a.note(y.name, got.state())
	x, z := got.lines(), want.lines()
	if a.chance {
		x, z = got.shape(), want.shape()
	}
	if !slices.Equal(x, z) {
		t.Errorf("%s: %s: differs from a database that holds only what may be seen:\n%.400s\n%.400s", y.name, a.sql, difference(x, z), difference(z, x))
	}
	return true
}

// difference is what a has and b has not.
func difference(a, b []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) }), "\n")
}

// note keeps the outcome for the two protocols.
func (a *attempt) note(way, state string) {
	switch {
	case way == "simple", way == "extended" && a.observed == "":
		a.observed = state
	case way == "extended" && a.observed != state:
		a.observed += "/" + state
	}
}

func checkOutcomes(t *testing.T, file string, all []*attempt) {
	if *update {
		writeAttempts(t, file, all)
		return
	}
	for _, a := range all {
		if a.observed != a.want {
			t.Errorf("%s: %s: %s, want %s", file, a.sql, a.observed, a.want)
		}
	}
}

func writeAttempts(t *testing.T, file string, all []*attempt) {
	var b strings.Builder
	section := ""
	for _, a := range all {
		if a.section != section {
			section = a.section
			fmt.Fprintf(&b, "== %s\n", section)
		}
		if a.chance {
			b.WriteByte('~')
		}
		fmt.Fprintf(&b, "%s\t%s", a.observed, a.sql)
		if a.args != nil {
			b.WriteString("\t" + strings.Join(a.args, "|"))
		}
		b.WriteByte('\n')
	}
	must(t, os.WriteFile(filepath.Join(attemptsDir, file), []byte(b.String()), 0o644))
}
