package app

import (
	"context"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/pgserver"
)

// collected are the records of what was asked on the connection, by the mark in the statement's comment.
func (r *running) collected(t *testing.T, mark string) []stead.Record {
	t.Helper()
	page, err := r.Audit.Search(t.Context(), audit.Filter{Connection: "hr", Text: "/*" + mark + "*/", Kinds: []stead.RecordKind{stead.QueryCollected}}, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	var out []stead.Record
	for _, e := range page.Entries {
		out = append(out, *e.Record)
	}
	return out
}

func (r *running) collects(t *testing.T, mark string) stead.Record {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; {
		if found := r.collected(t, mark); len(found) > 0 {
			return found[0]
		}
		if time.Now().After(deadline) {
			st, _ := r.Collected.Status("hr")
			t.Fatalf("%s was not recorded: %+v\n%s", mark, st, r.log)
		}
	}
}

// TestCollected asks on a real server, in one's own name and in another's stead, and finds the records; a server of stead that is
// started anew records nothing twice and misses nothing.
func TestCollected(t *testing.T) {
	pg, err := pgserver.Start(t.Context(), "logging_collector = on", "log_destination = 'jsonlog'", "shared_preload_libraries = 'pgaudit'",
		"pgaudit.log = 'read, write, function, ddl, role, misc'", "pgaudit.log_relation = on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	state := t.TempDir()
	where := func(c *Config) { c.Data = state }
	r := start(t, where)
	g := target(t, r, pg)
	if err := r.Push.Apply(t.Context(), "hr", true); err != nil {
		t.Fatal(err)
	}
	if _, err := g.admin.Exec(t.Context(), "CREATE ROLE svc LOGIN"); err != nil {
		t.Fatal(err)
	}
	g.apply(t, g.by, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "svc", Permissions: []stead.Permission{stead.ImpersonateUser}}})
	rev := g.register(t)
	g.current(t, r, rev)

	if _, err := g.dial(t, "alice").Exec(t.Context(), "SELECT /*own*/ count(*) FROM hr.emp"); err != nil {
		t.Fatal(err)
	}
	svc := g.dial(t, "svc")
	for _, sql := range []string{"CALL immuta_procedures.impersonate_user('bob')", "SELECT /*stead*/ count(*) FROM hr.emp"} {
		if _, err := svc.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	own, stood := r.collects(t, "own"), r.collects(t, "stead")
	if own.Actor.Name != "alice" || own.Subject.Name != "alice" || own.Basis != stead.ByLogin || own.Status != stead.Success {
		t.Errorf("%+v", own)
	}
	if stood.Actor.Name != "svc" || stood.Subject.Name != "bob" || stood.Basis != stead.ByImpersonation || len(stood.Targets) != 1 || stood.Targets[0].SourceName == "" {
		t.Errorf("%+v", stood)
	}
	r.known(t)
	if status, body := r.get(t, "/metrics"); status != 200 || !strings.Contains(body, `stead_collected_known{connection="hr"} 1`) || !strings.Contains(body, `stead_collected_behind_bytes{connection="hr"}`) {
		t.Error(status, body)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Exec(context.Background(), "SELECT /*away*/ count(*) FROM hr.emp"); err != nil {
		t.Fatal(err)
	}
	again := start(t, where)
	if away := again.collects(t, "away"); away.Actor.Name != "svc" || away.Subject.Name != "bob" {
		t.Errorf("%+v", away)
	}
	for _, mark := range []string{"own", "stead", "away"} {
		if found := again.collected(t, mark); len(found) != 1 {
			t.Errorf("%s was recorded %d times", mark, len(found))
		}
	}
}

// known waits until the status says where statements are known from: it is told after the records are kept.
func (r *running) known(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		st, ok := r.Push.Status("hr")
		if ok && st.Collected != nil && st.Collected.From == "pgaudit" && st.Collected.Missing == "" && st.Collected.Gaps == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", st.Collected)
		}
	}
}
