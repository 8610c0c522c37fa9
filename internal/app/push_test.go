package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/govern"
	"stead/internal/pgserver"
	"stead/internal/reconcile"
	"stead/policy"
)

// governedSite is a database "target" with a table of people, governed as connection hr.
type governedSite struct {
	*running
	pg    *pgserver.Server
	admin *pgx.Conn
	by    govern.Caller
}

func target(t *testing.T, r *running, pg *pgserver.Server) *governedSite {
	t.Helper()
	g := &governedSite{running: r, pg: pg, by: r.App.asAdmin(t, r.FirstKey)}
	setup, err := pgx.Connect(t.Context(), pg.DSN(pgserver.Superuser, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = setup.Close(context.Background()) }()
	if _, err := setup.Exec(t.Context(), "CREATE DATABASE target"); err != nil {
		t.Fatal(err)
	}
	g.admin = g.dial(t, pgserver.Superuser)
	if _, err := g.admin.PgConn().Exec(t.Context(), `CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE SCHEMA hr;
		CREATE TABLE hr.emp(id int PRIMARY KEY, dept text, ssn text); GRANT USAGE ON SCHEMA hr TO PUBLIC; GRANT SELECT ON hr.emp TO PUBLIC;
		INSERT INTO hr.emp SELECT g, 'd' || g % 3, 's' || g FROM generate_series(1, 9) g`).ReadAll(); err != nil {
		t.Fatal(err)
	}
	g.sees(t, r.apply(t, g.by, govern.PutConnection{Connection: stead.Connection{Key: "hr", Platform: stead.PostgreSQL,
		Address: fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=target sslmode=disable", pg.Port, pgserver.Superuser)}}))
	return g
}

func (a *App) asAdmin(t *testing.T, key string) govern.Caller {
	t.Helper()
	login, err := a.SignIn.APIKey(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return govern.Caller{Actor: login.Actor}
}

func (g *governedSite) dial(t *testing.T, role string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), g.pg.DSN(role, "target"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// rows is what a role sees of the table, or the error's text.
func (g *governedSite) rows(t *testing.T, role string) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), g.pg.DSN(role, "target"))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close(context.Background()) }()
	var out string
	if err := c.QueryRow(t.Context(), "SELECT count(*) || ' ' || coalesce(min(ssn), '-') FROM emp").Scan(&out); err != nil {
		return err.Error()
	}
	return out
}

// becomes waits until a role sees something, and returns how long that took.
func (g *governedSite) becomes(t *testing.T, began time.Time, role, want string) time.Duration {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		got := g.rows(t, role)
		if got == want || strings.Contains(got, want) && want == "denied" {
			return time.Since(began)
		}
		time.Sleep(5 * time.Millisecond) // between two looks from outside
		if time.Now().After(deadline) {
			st, _ := g.Push.Status("hr")
			t.Fatalf("%s sees %q, not %q: %+v", role, got, want, st)
		}
	}
}

func (g *governedSite) current(t *testing.T, r *running, revision stead.Revision) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		st, ok := r.Push.Status("hr")
		if ok && st.Phase == reconcile.Current && st.Applied >= revision {
			return
		}
		time.Sleep(5 * time.Millisecond) // between two looks from outside
		if time.Now().After(deadline) {
			t.Fatalf("not current at %d: %+v", revision, st)
		}
	}
}

// register takes the table in, with alice and bob subscribed.
func (g *governedSite) register(t *testing.T) stead.Revision {
	t.Helper()
	found, err := g.Govern.Crawl(t.Context(), g.by, g.App, "hr")
	if err != nil || len(found) != 1 || strings.Join(found[0].Source.Path, ".") != "hr.emp" {
		t.Fatal(found, err)
	}
	g.apply(t, g.by, govern.PutSource{Source: found[0].Source})
	g.policy(t, `{"policyKey":"reach","name":"reach","type":"subscription","actions":{"type":"manual"},"circumstances":[{"type":"all"}]}`)
	var last stead.Revision
	for _, name := range []string{"alice", "bob"} {
		g.apply(t, g.by, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: name, Attributes: map[string][]string{"dept": {"d1"}}}})
		last = g.subscribe(t, name)
	}
	return last
}

func (g *governedSite) subscribe(t *testing.T, name string) stead.Revision {
	t.Helper()
	return g.apply(t, g.by, govern.PutSubscription{Subscription: stead.Subscription{
		Source: stead.Object{Connection: "hr", Kind: stead.TableObject, Path: []string{"hr", "emp"}}, State: stead.Approved,
		Principal: stead.Principal{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: name}, Access: stead.ReadAccess}})
}

func (g *governedSite) policy(t *testing.T, doc string) stead.Revision {
	t.Helper()
	p, err := policy.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return g.apply(t, g.by, govern.PutPolicy{Policy: p})
}

func rowRule(attribute string) string {
	return fmt.Sprintf(`{"policyKey":"rows","name":"rows","type":"data","actions":[{"rules":[{"type":"Row Restriction by User Entitlements",
		"config":{"matches":[{"type":"attribute","attribute":%q,"column":"dept"}]}}]}],
		"circumstances":[{"type":"all"}]}`, attribute)
}

const maskRule = `{"policyKey":"mask","name":"mask","type":"data","actions":[{"rules":[{"type":"Masking",
	"config":{"fields":[{"type":"columnName","columnName":"ssn"}],"maskingConfig":{"type":"Constant","constant":"x"}}}]}],
	"circumstances":[{"type":"all"}]}`

// TestPostgreSQL takes a real server under government, and sees changes in effect there from either of two servers of
// stead.
func TestPostgreSQL(t *testing.T) {
	pg, on := shared(t)
	r := start(t, on("s0"))
	g := target(t, r, pg)
	other := start(t, on("s1"))
	other.FirstKey = r.FirstKey
	if got := g.rows(t, "alice"); got == "9 s1" {
		t.Fatal("emp is found without stead's search path:", got)
	}
	if err := r.Push.Apply(t.Context(), "hr", false); stead.CodeOf(err) != stead.Conflict {
		t.Fatal(err)
	}
	plan, err := r.Push.Plan(t.Context(), "hr")
	if err != nil || len(plan.Steps) == 0 {
		t.Fatal(plan, err)
	}
	if err := r.Push.Apply(t.Context(), "hr", true); err != nil {
		t.Fatal(err)
	}
	rev := g.register(t)
	g.becomes(t, time.Now(), "alice", "9 s1")
	g.current(t, r, rev)
	g.current(t, other, rev)

	began := time.Now()
	g.policy(t, rowRule("dept"))
	t.Log("row rule, an object edit:", g.becomes(t, began, "alice", "3 s1"))
	began = time.Now()
	g.policy(t, maskRule)
	t.Log("mask, an object edit:", g.becomes(t, began, "alice", "3 x"))
	began = time.Now()
	g.apply(t, g.by, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "alice", Attributes: map[string][]string{"dept": {"d1", "d2"}}}})
	t.Log("attribute, a row edit:", g.becomes(t, began, "alice", "6 x"))
	began = time.Now()
	g.apply(t, g.by, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "bob", Disabled: true, Attributes: map[string][]string{"dept": {"d1"}}}})
	t.Log("identity switched off:", g.becomes(t, began, "bob", "0 -"))
	if got := g.rows(t, "alice"); got != "6 x" {
		t.Error("alice sees", got)
	}
	began = time.Now()
	g.disable(t, true)
	t.Log("connection switched off:", g.becomes(t, began, "alice", "0 -"))
	rev = g.disable(t, false)
	g.becomes(t, time.Now(), "alice", "6 x")
	g.current(t, r, rev)
	g.current(t, other, rev)
	g.drift(t)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	g.current(t, other, rev)
	if status, body := other.get(t, "/metrics"); status != 200 || !strings.Contains(body, `stead_push_revision_lag{connection="hr"} 0`) {
		t.Error(status, body)
	}
}

func (g *governedSite) disable(t *testing.T, off bool) stead.Revision {
	t.Helper()
	return g.change(t, func(c *stead.Connection) { c.Disabled = off })
}

// drift takes a policy away by hand: nothing opens, it is found and repaired.
func (g *governedSite) drift(t *testing.T) {
	t.Helper()
	var name string
	if err := g.admin.QueryRow(t.Context(), "SELECT polname FROM pg_policy WHERE polrelid = 'hr.emp'::regclass AND polname ~ '^stead_[0-9]+_rows$'").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if _, err := g.admin.Exec(t.Context(), "DROP POLICY "+pgx.Identifier{name}.Sanitize()+" ON hr.emp"); err != nil {
		t.Fatal(err)
	}
	if got := g.rows(t, "alice"); got == "6 x" || got == "9 x" {
		t.Errorf("without %s alice sees %s", name, got)
	}
	found, err := g.Push.Verify(t.Context(), "hr")
	if err != nil || len(found) == 0 {
		t.Error(found, err)
	}
	g.becomes(t, time.Now(), "alice", "6 x")
}

// TestPostgreSQLGoesAway stops the governed server while a policy changes: the connection says so, and the change is in
// effect when the server is back.
func TestPostgreSQLGoesAway(t *testing.T) {
	pg, _ := shared(t)
	r := start(t, nil)
	g := target(t, r, pg)
	if err := r.Push.Apply(t.Context(), "hr", true); err != nil {
		t.Fatal(err)
	}
	g.register(t)
	g.becomes(t, time.Now(), "alice", "9 s1")
	if err := pg.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	rev := g.policy(t, rowRule("dept"))
	g.phase(t, reconcile.Failing)
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.becomes(t, time.Now(), "alice", "3 s1")
	g.current(t, r, rev)

	// A table that somebody holds for long is closed, and no other waits for it.
	g.admin = g.dial(t, pgserver.Superuser)
	lock, err := g.admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), "LOCK TABLE hr.emp IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	rev = g.policy(t, maskRule)
	g.becomes(t, time.Now(), "alice", "0 -")
	g.phase(t, reconcile.Failing)
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.becomes(t, time.Now(), "alice", "3 x")
	g.current(t, r, rev)

	// Deleted from stead, it stays closed.
	g.apply(t, g.by, govern.DeleteSource{Object: stead.Object{Connection: "hr", Kind: stead.TableObject, Path: []string{"hr", "emp"}}})
	g.apply(t, g.by, govern.DeleteConnection{Key: "hr"})
	g.phase(t, reconcile.Off)
	if got := g.rows(t, "alice"); strings.HasPrefix(got, "9") || strings.HasPrefix(got, "3") {
		t.Error("after the connection was deleted alice sees", got)
	}
	var off bool
	if err := g.admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM immuta_system.switch WHERE name = 'off')").Scan(&off); err != nil || !off {
		t.Error("the switch is not off:", err)
	}
}

func (g *governedSite) phase(t *testing.T, want reconcile.Phase) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		st, ok := g.Push.Status("hr")
		if ok && st.Phase == want {
			return
		}
		time.Sleep(5 * time.Millisecond) // between two looks from outside
		if time.Now().After(deadline) {
			t.Fatalf("phase %q is not reached: %+v", want, st)
		}
	}
}

// TestPostgreSQLByHand holds a table closed until its objects are applied, through a restart of stead.
func TestPostgreSQLByHand(t *testing.T) {
	pg, _ := shared(t)
	state := t.TempDir()
	r := start(t, func(c *Config) { c.Data = state })
	g := target(t, r, pg)
	if err := r.Push.Apply(t.Context(), "hr", true); err != nil {
		t.Fatal(err)
	}
	g.register(t)
	g.becomes(t, time.Now(), "alice", "9 s1")
	g.change(t, func(c *stead.Connection) { c.Settings = map[string]string{"apply": "manual"} })
	g.policy(t, rowRule("dept"))
	g.phase(t, reconcile.Pending)
	g.becomes(t, time.Now(), "alice", "0 -")
	key := r.FirstKey
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	g.running = start(t, func(c *Config) { c.Data = state })
	g.FirstKey = key
	g.by = g.App.asAdmin(t, key)
	g.phase(t, reconcile.Pending)
	g.apply(t, g.by, govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "alice", Attributes: map[string][]string{"dept": {"d1", "d2"}}}})
	if got := g.rows(t, "alice"); got != "0 -" {
		t.Error("alice sees", got)
	}
	if err := g.Push.Apply(t.Context(), "hr", false); err != nil {
		t.Fatal(err)
	}
	g.becomes(t, time.Now(), "alice", "6 s1")
}

func (g *governedSite) change(t *testing.T, f func(*stead.Connection)) stead.Revision {
	t.Helper()
	w, err := g.World.World()
	if err != nil {
		t.Fatal(err)
	}
	c, _ := w.Connection("hr")
	changed := *c
	f(&changed)
	return g.apply(t, g.by, govern.PutConnection{Connection: changed})
}
