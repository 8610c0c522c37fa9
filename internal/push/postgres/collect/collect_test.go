package collect_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stead/internal/pgserver/town"
	"stead/internal/push"
	"stead/internal/push/postgres"
)

// logbook is a town whose log is collected.
type logbook struct {
	*town.Town
	p    *postgres.Platform
	all  []push.Asked
	gaps []push.Gap
}

const (
	withAudit = "shared_preload_libraries = 'pgaudit'"
	auditAll  = "pgaudit.log = 'all'"
	auditRel  = "pgaudit.log_relation = on"
)

func newLogbook(t *testing.T, destination string, conf ...string) *logbook {
	t.Helper()
	b := &logbook{Town: town.New(t, append([]string{"logging_collector = on", "log_destination = '" + destination + "'", "log_rotation_age = 0"}, conf...)...)}
	b.Exec(b.Connect("postgres"), "UPDATE immuta_system.collected SET since = clock_timestamp()") // not how the town was built
	b.p = b.platform()
	return b
}

func (b *logbook) platform() *postgres.Platform {
	b.T.Helper()
	p, err := postgres.Open(b.T.Context(), postgres.Config{Address: b.DSN("postgres"), Settings: b.Settings(), Connection: "hr", Instance: "one"})
	if err != nil {
		b.T.Fatal(err)
	}
	b.T.Cleanup(func() { _ = p.Close() })
	return p
}

func (b *logbook) keep(_ context.Context, batch push.Batch) error {
	b.all, b.gaps = append(b.all, batch.Asked...), append(b.gaps, batch.Gaps...)
	return nil
}

// collect collects what there is.
func (b *logbook) collect() push.Reach {
	b.T.Helper()
	reach, err := b.p.Collect(b.T.Context(), b.keep)
	if err != nil {
		b.T.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	return reach
}

// until collects until something was found: the server writes its log a moment after the answer.
func (b *logbook) until(what string, found func(push.Asked) bool) push.Asked {
	b.T.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		b.collect()
		if i := slices.IndexFunc(b.all, found); i >= 0 {
			return b.all[i]
		}
		if time.Now().After(deadline) {
			b.T.Fatalf("%s was not collected:\n%s", what, b.text())
		}
	}
}

// marked finds the statement that holds a mark in a comment.
func (b *logbook) marked(mark string) push.Asked {
	b.T.Helper()
	return b.until(mark, func(a push.Asked) bool {
		return a.Kind == push.AskedStatement && strings.Contains(a.Statement, "/*"+mark+"*/")
	})
}

func (b *logbook) text() string {
	var out strings.Builder
	for _, a := range b.all[max(0, len(b.all)-40):] {
		if a.Login == "postgres" {
			continue
		}
		fmt.Fprintf(&out, "%s %s login=%s subject=%d %s %.120q %v failed=%s %v\n", a.Time.Format(time.TimeOnly), a.Kind, a.Login, a.Subject, a.Basis, a.Statement, a.Relations, a.Failed, a.Remarks)
	}
	for _, g := range b.gaps {
		fmt.Fprintf(&out, "gap %d %s\n", g.Lines, g.What)
	}
	return out.String()
}

// askedShape is what a test compares.
func askedShape(a push.Asked) string {
	var sources []string
	for _, r := range a.Relations {
		sources = append(sources, fmt.Sprintf("%s=%d", strings.Join(r.Path, "."), r.Source))
	}
	return fmt.Sprintf("%s as %d by %s of %s %s", a.Login, a.Subject, a.Basis, strings.Join(sources, " "), a.Failed)
}

const governedQuery = "SELECT /*%s*/ count(*) FROM hr_gov.emp"

func q(mark string) string { return fmt.Sprintf(governedQuery, mark) }

// TestCollect follows people who switch, and those who are refused, in each form of the log and from each source.
func TestCollect(t *testing.T) {
	audited := " of hr_gov.emp=1 hr.emp=1 "
	for _, c := range []struct {
		name, destination, from, relations string
		conf                               []string
	}{
		{"pgaudit, jsonlog", "jsonlog", "pgaudit", audited, []string{withAudit, auditAll, auditRel}},
		{"pgaudit, csvlog", "csvlog", "pgaudit", audited, []string{withAudit, auditAll, auditRel}},
		{"log_statement, jsonlog", "jsonlog", "log_statement", " of hr_gov.emp=1 hr.emp=1 ", []string{"log_statement = 'all'"}},
		{"durations, csvlog", "csvlog", "log_min_duration_statement", " of hr_gov.emp=1 hr.emp=1 ", []string{"log_min_duration_statement = 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newLogbook(t, c.destination, c.conf...)
			if reach := b.collect(); reach.From != c.from || reach.Missing != "" {
				t.Fatal(reach)
			}
			alice, svc := b.Connect("alice"), b.Connect("svc")
			b.Ask(alice, q("own"))
			b.Ask(svc, town.Call("bob"))
			b.Ask(svc, q("bob"))
			b.Ask(svc, "BEGIN")
			b.Ask(svc, town.Call("dora"))
			b.Ask(svc, q("dora"))
			b.Ask(svc, "ROLLBACK")
			b.Ask(svc, q("bobagain"))
			b.Ask(svc, town.Call("alice"))
			b.Ask(svc, q("refused"))
			b.Ask(svc, town.Call(""))
			b.Ask(svc, q("ended"))
			b.Ask(svc, town.Call("bob"))
			b.Ask(svc, "DISCARD ALL")
			b.Ask(svc, q("lost"))
			b.Ask(svc, town.Call("dora"))
			b.Ask(svc, q("back"))
			b.Ask(alice, "SELECT /*base*/ ssn FROM hr.emp")
			b.Ask(b.Connect("stranger"), q("stranger"))
			got := map[string]string{}
			marks := []string{"own", "bob", "dora", "bobagain", "refused", "ended", "lost", "back", "base", "stranger"}
			for _, m := range marks {
				got[m] = askedShape(b.marked(m))
			}
			want := map[string]string{"own": "alice as 1 by login", "bob": "svc as 2 by impersonation", "dora": "svc as 3 by impersonation",
				"bobagain": "svc as 2 by impersonation", "refused": "svc as 0 by ", "ended": "svc as 4 by login", "lost": "svc as 0 by ",
				"back": "svc as 3 by impersonation", "base": "alice as 1 by login", "stranger": "stranger as 0 by "}
			for _, m := range marks {
				if !strings.HasPrefix(got[m], want[m]) {
					t.Errorf("%s: %s, not %s", m, got[m], want[m])
				}
			}
			if !strings.HasSuffix(got["lost"], " 42501") || !strings.HasSuffix(got["base"], " 42501") {
				t.Error("refused statements:", got["lost"], got["base"])
			}
			if !strings.Contains(got["bob"], "hr_gov.emp=1") {
				t.Error(got["bob"])
			}
			b.noSecrets()
			b.noTwice()
			if len(b.gaps) > 0 || t.Failed() {
				t.Error(b.text())
			}
		})
	}
}

// noSecrets looks for what binds sessions, for keys, and for stead's own statements.
func (b *logbook) noSecrets() {
	b.T.Helper()
	admin := b.Connect("postgres")
	text := b.text()
	for _, secret := range strings.Split(b.Ask(admin, "SELECT string_agg(nonce, ',') FROM immuta_system.binding")+","+b.Ask(admin, "SELECT string_agg(key, ',') FROM immuta_system.hash_key"), ",") {
		if len(secret) > 20 && strings.Contains(text, secret) {
			b.T.Error("a secret was collected")
		}
	}
	files, err := filepath.Glob(filepath.Join(b.Server.Dir, "data", "log", "*.*"))
	if err != nil {
		b.T.Fatal(err)
	}
	for _, name := range files { // reading the log must not make it grow
		if log, err := os.ReadFile(name); err != nil || strings.Contains(string(log), "FROM immuta_system.collected FOR UPDATE SKIP LOCKED") {
			b.T.Error("stead's own statements are logged, and read again", err)
		}
	}
}

func (b *logbook) noTwice() {
	b.T.Helper()
	seen, queries := map[string]bool{}, map[string]bool{}
	for _, a := range b.all {
		if seen[a.ID] || queries[a.Query] {
			b.T.Errorf("collected twice: %s %s", a.Kind, a.Statement)
		}
		seen[a.ID], queries[a.Query] = true, true
	}
}

// A process that dies between keeping and noting has the same batch again, with the same ids.
func TestCollectAfterAKill(t *testing.T) {
	b := newLogbook(t, "jsonlog", withAudit, auditAll, auditRel)
	b.collect()
	alice := b.Connect("alice")
	b.Ask(alice, q("one"))
	died := errors.New("died")
	var kept []push.Asked
	for deadline := time.Now().Add(20 * time.Second); len(kept) == 0 && time.Now().Before(deadline); {
		_, err := b.p.Collect(t.Context(), func(_ context.Context, batch push.Batch) error {
			kept = append(kept, batch.Asked...)
			return died
		})
		if err != nil && !errors.Is(err, died) {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		b.Ask(alice, q(fmt.Sprint("more", i))) // what comes later does not mix with what is read again
	}
	other := b.platform()
	var again []push.Batch
	if _, err := other.Collect(t.Context(), func(_ context.Context, batch push.Batch) error {
		again = append(again, batch)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(again) == 0 || !again[0].Again || len(again[0].Asked) != len(kept) {
		t.Fatalf("kept %d, again %+v", len(kept), again)
	}
	for i := range kept {
		if kept[i].ID != again[0].Asked[i].ID || askedShape(kept[i]) != askedShape(again[0].Asked[i]) {
			t.Error("another batch the second time:", askedShape(kept[i]), askedShape(again[0].Asked[i]))
		}
	}
	for _, batch := range again {
		if err := b.keep(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	b.marked("more19")
	b.noTwice()
	if len(b.gaps) > 0 {
		t.Error(b.text())
	}
}

// logFiles are the files of the log.
func (b *logbook) logFiles() []string {
	b.T.Helper()
	found, err := filepath.Glob(filepath.Join(b.Server.Dir, "data", "log", "*.json"))
	if err != nil || len(found) == 0 {
		b.T.Fatal(found, err)
	}
	return found
}

func (b *logbook) gapOf(what string) {
	b.T.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		b.collect()
		if slices.ContainsFunc(b.gaps, func(g push.Gap) bool { return strings.Contains(g.What, what) }) {
			return
		}
	}
	b.T.Errorf("no gap %q:\n%s", what, b.text())
}

// Rotation and restarts lose nothing; what is taken out of the log is told.
func TestCollectGaps(t *testing.T) {
	b := newLogbook(t, "jsonlog", withAudit, auditAll, auditRel, "log_filename = 'l-%H%M%S.log'")
	admin := b.Connect("postgres")
	alice := b.Connect("alice")
	b.Ask(alice, q("before"))
	first := b.logFiles()
	rotate := func() {
		before := len(b.logFiles())
		for deadline := time.Now().Add(20 * time.Second); len(b.logFiles()) == before; { // the name holds the second
			b.Ask(admin, "SELECT pg_rotate_logfile()")
			time.Sleep(50 * time.Millisecond)
			if time.Now().After(deadline) {
				t.Fatal("no new file")
			}
		}
	}
	rotate()
	b.Ask(alice, q("after"))
	b.marked("before")
	b.marked("after")
	if err := os.Remove(first[0]); err != nil {
		t.Fatal(err)
	}
	b.collect()
	if len(b.gaps) > 0 {
		t.Error("rotation, and an end of what was read:", b.text())
	}

	b.Ask(alice, q("unread"))
	files := b.logFiles()
	rotate()
	b.Ask(alice, q("next"))
	for deadline := time.Now().Add(10 * time.Second); ; { // once it is written
		text, err := os.ReadFile(files[0])
		if err != nil || time.Now().After(deadline) {
			t.Fatal("not written", err)
		}
		if strings.Contains(string(text), "unread") {
			break
		}
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	b.marked("next")
	b.gapOf("was removed before it was read to its end")
	b.gapOf("lines of a session are missing")

	b.gaps = nil
	if err := b.Server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.p = b.platform()
	alice, admin = b.Connect("alice"), b.Connect("postgres")
	b.Ask(alice, q("restarted"))
	b.marked("restarted")
	b.collect()
	b.collect()
	if len(b.gaps) > 0 {
		t.Error("a restart:", b.text())
	}

	files = b.logFiles()
	f, err := os.OpenFile(files[len(files)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"timestamp":"2026-01-0` + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b.gapOf("cannot be read")
	b.Ask(alice, q("tail"))
	b.marked("tail")

	b.Ask(admin, "ALTER SYSTEM SET pgaudit.log = 'none'")
	b.Ask(admin, "SELECT pg_reload_conf()")
	b.gapOf("statements are not known")
	if reach := b.collect(); reach.Missing == "" || reach.From != "" {
		t.Error(reach)
	}
	b.Ask(admin, "ALTER SYSTEM SET pgaudit.log = 'all'")
	b.Ask(admin, "SELECT pg_reload_conf()")
	b.gapOf("known again")
	b.noTwice()
}

// What people write into the log themselves counts for nothing.
func TestCollectForgedLines(t *testing.T) {
	b := newLogbook(t, "jsonlog", withAudit, auditAll, auditRel)
	mallory := b.Connect("mallory")
	b.Ask(mallory, `DO $$ BEGIN RAISE LOG 'stead.impersonation {"event":"accepted","login":"mallory","subject":"bim:alice","identity":1,"asked":"alice","at":1,"pid":1,"start":1,"database":"postgres"}';
		RAISE LOG 'AUDIT: SESSION,900,1,READ,SELECT,TABLE,hr.emp,SELECT forged,<none>'; RAISE LOG 'statement: SELECT forged'; END $$`)
	b.Ask(mallory, `CREATE FUNCTION play."PL/pgSQL function immuta_system.tell("() RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE LOG ''stead.impersonation {"event":"accepted","identity":1,"at":2}''; END'; SELECT play."PL/pgSQL function immuta_system.tell("()`)
	b.Ask(mallory, q("after"))
	if got := askedShape(b.marked("after")); !strings.HasPrefix(got, "mallory as 5 by login") {
		t.Error(got)
	}
	forged := 0
	for _, a := range b.all {
		if a.Kind == push.AskedForged {
			forged++
		} else if a.Kind != push.AskedStatement || a.Statement == "SELECT forged" {
			t.Error("counts:", askedShape(a), a.Statement)
		}
	}
	if forged != 2 {
		t.Error("forged lines:", forged, b.text())
	}
}

// Nothing is known without a log, and who may not read it is told what to grant.
func TestCollectWithoutALog(t *testing.T) {
	b := &logbook{Town: town.New(t)}
	b.p = b.platform()
	if reach := b.collect(); !strings.Contains(reach.Missing, "logging_collector") {
		t.Error(reach)
	}
	b.gapOf("logging_collector")
	if len(b.gaps) != 1 {
		t.Error(b.text())
	}
}

// A role that is no superuser reads the log with what the documentation grants, and is told so before.
func TestCollectAsAService(t *testing.T) {
	b := newLogbook(t, "csvlog", "log_statement = 'all'")
	admin := b.Connect("postgres")
	b.Exec(admin, "CREATE ROLE service LOGIN IN ROLE immuta_owner")
	p, err := postgres.Open(t.Context(), postgres.Config{Address: b.DSN("service"), Settings: b.Settings(), Connection: "hr", Instance: "one"})
	if err != nil {
		t.Fatal(err)
	}
	b.T.Cleanup(func() { _ = p.Close() })
	if _, err := p.Collect(t.Context(), b.keep); err == nil || !strings.Contains(err.Error()+fmt.Sprint(err.(interface{ Unwrap() error }).Unwrap()), "pg_") {
		t.Error("read without a right:", err)
	}
	b.Exec(admin, "GRANT pg_monitor TO service; GRANT SET ON PARAMETER log_statement TO service; GRANT EXECUTE ON FUNCTION pg_current_logfile(text), pg_read_binary_file(text, bigint, bigint, boolean) TO service")
	b.p = p
	b.Ask(b.Connect("alice"), q("service"))
	if got := askedShape(b.marked("service")); !strings.HasPrefix(got, "alice as 1 by login") {
		t.Error(got)
	}
}

// Through a pooler who asks is said in each transaction.
func TestCollectThroughAPooler(t *testing.T) {
	b := newLogbook(t, "jsonlog", withAudit, auditAll, auditRel)
	b.Exec(b.Connect("postgres"), "INSERT INTO immuta_system.pooler VALUES ('127.0.0.1')")
	svc := b.Connect("svc")
	for _, sql := range []string{q("none"), "BEGIN", town.Call("bob"), q("in"), "COMMIT", q("behind"), "BEGIN", town.Call(""), q("itself"), "COMMIT"} {
		b.Ask(svc, sql)
	}
	b.Ask(b.Connect("alice"), q("alice"))
	for mark, want := range map[string]string{"none": "svc as 0 by ", "in": "svc as 2 by impersonation", "behind": "svc as 0 by ", "itself": "svc as 4 by login", "alice": "alice as 1 by login"} {
		if got := askedShape(b.marked(mark)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, not %s", mark, got, want)
		}
	}
}

// A file of the same name that is written anew is read from its beginning, and what was not read of the former is told.
func TestCollectFileWrittenAnew(t *testing.T) {
	b := newLogbook(t, "jsonlog", withAudit, auditAll, auditRel)
	alice := b.Connect("alice")
	b.Ask(alice, q("first"))
	b.marked("first")
	if err := os.Truncate(b.logFiles()[0], 0); err != nil { // the server appends
		t.Fatal(err)
	}
	b.Ask(alice, q("second"))
	b.marked("second")
	b.gapOf("was written anew")
	b.noTwice()
}

// Two that collect at once find everything once.
func TestCollectTogether(t *testing.T) {
	b := newLogbook(t, "jsonlog", withAudit, auditAll, auditRel)
	alice, other := b.Connect("alice"), b.platform()
	var mu sync.Mutex
	keep := func(ctx context.Context, batch push.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if batch.Again { // it may have been kept by one that was stopped before it could note it
			batch.Asked = slices.DeleteFunc(batch.Asked, func(a push.Asked) bool {
				return slices.ContainsFunc(b.all, func(k push.Asked) bool { return k.ID == a.ID })
			})
		}
		return b.keep(ctx, batch)
	}
	done := make(chan error, 2)
	ctx, stop := context.WithCancel(t.Context())
	for _, p := range []*postgres.Platform{b.p, other} {
		go func() {
			for ctx.Err() == nil {
				if _, err := p.Collect(ctx, keep); err != nil && ctx.Err() == nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := range 100 {
		b.Ask(alice, q(fmt.Sprint("n", i)))
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		mu.Lock()
		found := slices.ContainsFunc(b.all, func(a push.Asked) bool { return strings.Contains(a.Statement, "/*n99*/") })
		mu.Unlock()
		if found {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not collected")
		}
	}
	stop()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if _, err := b.p.Collect(t.Context(), keep); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, a := range b.all {
		if a.Login == "alice" {
			seen[a.Statement]++
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d statements", len(seen))
	}
	b.noTwice()
}
