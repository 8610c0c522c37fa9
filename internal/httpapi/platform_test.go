package httpapi

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stead"
	"stead/client"
	"stead/internal/push"
	"stead/internal/reconcile"
)

// platforms is a reconciler that says what the test wants.
type platforms struct {
	mu       sync.Mutex
	status   map[string]reconcile.Status
	drift    []push.Drift
	fail     error
	hang     bool
	password string
	applied  []bool // bootstrap
}

func (p *platforms) plan(key string) *push.Plan {
	return &push.Plan{Connection: key, From: 3, To: 9,
		Problems: []push.Problem{{Source: 1, Object: "hr.emp", Message: "a view reads it", Hint: "look", Blocking: true}},
		Steps: []push.Step{
			{Kind: push.RowEdit, Object: "value", Why: "people changed", Widens: true, Edits: []push.Edit{{Table: push.Values, Put: make([]push.Row, 30), Delete: []push.Row{{"7", "attribute", "dept", "Sales"}}}}},
			{Kind: push.ObjectEdit, Object: "hr.emp", Source: 1, Why: "its rows are filtered", SQL: []string{"REVOKE ALL ON hr.emp FROM bob"}},
			{Kind: push.KeyEdit, Object: "hash_key", Why: "masks need it", Keys: []string{"source/1"}}}}
}

func (p *platforms) Plan(_ context.Context, key string) (*push.Plan, error) {
	if p.fail != nil {
		return nil, p.fail
	}
	return p.plan(key), nil
}

func (p *platforms) Script(context.Context, string) (string, error) {
	return "CREATE ROLE x;\n", p.fail
}

func (p *platforms) Preview(ctx context.Context, c stead.Connection) (*push.Plan, string, error) {
	p.password, _ = reconcile.PasswordOf(ctx)
	if p.fail != nil {
		return nil, "", p.fail
	}
	return p.plan(c.Key), "CREATE ROLE x;\n", nil
}

func (p *platforms) Apply(ctx context.Context, key string, bootstrap bool) error {
	p.mu.Lock()
	p.applied = append(p.applied, bootstrap)
	p.mu.Unlock()
	if p.hang {
		<-ctx.Done()
		return stead.Errorf(stead.Unavailable, "the work goes on").WithCause(ctx.Err())
	}
	return p.fail
}

func (p *platforms) Verify(context.Context, string) ([]push.Drift, error) { return p.drift, p.fail }

func (p *platforms) Status(key string) (reconcile.Status, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st, ok := p.status[key]
	return st, ok
}

func (p *platforms) is(key string, st reconcile.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st.Connection = key
	p.status[key] = st
}

// warehouse is a company with a PostgreSQL server, on which olaf owns a table.
func warehouse(t testing.TB) (*world, *platforms) {
	w := company(t)
	p := &platforms{status: map[string]reconcile.Status{}}
	w.s.Platforms = p
	w.must(w.admin, "PUT", "/v1/identities/olaf", `{"kind":"user","permissions":["CREATE_DATA_SOURCE"]}`)
	w.must(w.admin, "PUT", "/v1/identities/aud", `{"kind":"user","permissions":["AUDIT"]}`)
	w.must(w.admin, "PUT", "/v1/connections/hr", `{"platform":"postgresql","address":"postgres://svc@127.0.0.1/hr","credential":"hr"}`)
	w.must(w.admin, "PUT", "/v1/datasources/hr/hr.emp", `{"columns":[{"name":"id","type":"int"}]}`)
	olaf := w.must(w.admin, "POST", "/v1/identities/olaf/keys", `{"name":"first"}`).json["secret"].(string)
	w.must(olaf, "PUT", "/v1/datasources/hr/hr.dept", `{"columns":[{"name":"id","type":"int"}]}`)
	p.is("hr", reconcile.Status{Phase: reconcile.Current, World: 9, Applied: 9, Since: time.Unix(0, 0)})
	return w, p
}

func sourceID(t *testing.T, w *world, path string) stead.SourceID {
	t.Helper()
	id, ok := w.must(w.admin, "GET", "/v1/datasources/hr/"+path, "").json["id"].(float64)
	if !ok {
		t.Fatal("no id")
	}
	return stead.SourceID(id)
}

func TestPlatformRights(t *testing.T) {
	w, _ := warehouse(t)
	keys := map[string]string{"admin": w.admin}
	for _, name := range []string{"gil", "aud", "olaf", "ben"} {
		keys[name] = w.key(name)
	}
	const preview = `{"connection":{"key":"new","platform":"postgresql","address":"postgres://svc@db/x"}}`
	for _, c := range []struct {
		method, path, body string
		may                string
	}{
		{"POST", "/v1/connections/preview", preview, "admin"},
		{"GET", "/v1/connections/hr/plan", "", "admin gil aud"},
		{"GET", "/v1/connections/hr/script", "", "admin gil aud"},
		{"GET", "/v1/connections/hr/status", "", "admin gil aud olaf"},
		{"POST", "/v1/connections/hr/apply", `{}`, "admin"},
		{"POST", "/v1/connections/hr/verify", "", "admin"},
		{"PUT", "/v1/credentials/hr", `{"secret":"x"}`, "admin"},
		{"DELETE", "/v1/credentials/hr", "", "admin"},
	} {
		for name, key := range keys {
			a := w.do(key, c.method, c.path, c.body)
			may := strings.Contains(c.may, name)
			if may != (a.status == 200) || !may && a.status != 403 && a.status != 404 {
				t.Errorf("%s %s as %s: %d %s", c.method, c.path, name, a.status, a.text)
			}
		}
	}
}

func TestPlatformPlan(t *testing.T) {
	w, p := warehouse(t)
	plan := p.plan("hr")
	plan.Problems[0].Source = sourceID(t, w, "hr.emp")
	a := w.must(w.admin, "GET", "/v1/connections/hr/plan", "")
	steps := a.json["steps"].([]any)
	rows := steps[0].(map[string]any)["rows"].([]any)[0].(map[string]any)
	if len(steps) != 3 || rows["added"] != 30.0 || len(rows["put"].([]any)) != mostRows || rows["removed"] != 1.0 ||
		len(rows["delete"].([]any)[0].([]any)) != push.Width[push.Values] || a.json["from"] != 3.0 || a.json["problems"] == nil {
		t.Errorf("%s", a.text)
	}
	if a := w.must(w.admin, "GET", "/v1/connections/hr/script", ""); a.json["script"] != "CREATE ROLE x;\n" {
		t.Errorf("%s", a.text)
	}
	for path, status := range map[string]int{"/v1/connections/demo/plan": 501, "/v1/connections/none/plan": 404, "/v1/connections/demo/script": 501} {
		if a := w.do(w.admin, "GET", path, ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	p.fail = stead.Errorf(stead.Unavailable, "the server cannot be reached").WithCause(errors.New("s3cr3t cause"))
	if a := w.do(w.admin, "GET", "/v1/connections/hr/plan", ""); a.status != 503 || strings.Contains(a.text, "s3cr3t") {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestPreviewStoresNothing(t *testing.T) {
	w, p := warehouse(t)
	a := w.must(w.admin, "POST", "/v1/connections/preview",
		`{"connection":{"key":"new","platform":"postgresql","address":"postgres://svc@db/x"},"password":"s3cr3t"}`)
	if p.password != "s3cr3t" || a.json["script"] == "" || a.json["plan"] == nil || strings.Contains(a.text, "s3cr3t") {
		t.Errorf("%q %s", p.password, a.text)
	}
	if a := w.do(w.admin, "GET", "/v1/connections/new", ""); a.status != 404 {
		t.Errorf("%d %s", a.status, a.text)
	}
	for body, want := range map[string]string{
		`{"connection":{"key":"new","platform":"postgresql","address":"postgres://svc:s3cr3t@db/x"}}`:                             "password",
		`{"connection":{"key":"new","platform":"postgresql","address":"postgres://svc@db/x","settings":{"colour":"s3cr3t"}}}`:     "settings.colour",
		`{"connection":{"key":"new","platform":"embedded","address":"/data"}}`:                                                    "nothing is pushed",
		`{"connection":{"key":"new","platform":"postgresql","address":"postgres://svc@db/x"},"Password":"s3cr3t"}`:                "password",
		`{"connection":{"key":"new","platform":"postgresql","address":"postgres://svc@db/x"},"password":"x","password":"s3cr3t"}`: "twice",
	} {
		if a := w.do(w.admin, "POST", "/v1/connections/preview", body); a.status/100 == 2 || !strings.Contains(a.text, want) || strings.Contains(a.text, "s3cr3t") {
			t.Errorf("%s: %d %s", body, a.status, a.text)
		}
	}
}

func TestApplyPlatform(t *testing.T) {
	w, p := warehouse(t)
	a := w.must(w.admin, "POST", "/v1/connections/hr/apply", `{"bootstrap":true}`)
	if a.status != 200 || a.json["finished"] != true || len(p.applied) != 1 || !p.applied[0] {
		t.Errorf("%d %s %v", a.status, a.text, p.applied)
	}
	p.fail = stead.Errorf(stead.Conflict, "hr.emp: a view reads it").WithHint("look")
	if a := w.do(w.admin, "POST", "/v1/connections/hr/apply", `{}`); a.status != 409 || a.json["hint"] != "look" || p.applied[1] {
		t.Errorf("%d %s", a.status, a.text)
	}
	p.fail, p.hang = nil, true
	p.is("hr", reconcile.Status{Phase: reconcile.Applying, World: 9, Applied: 3, Done: 4, Total: 40, Step: "hr.emp"})
	if a := w.must(w.admin, "POST", "/v1/connections/hr/apply", `{}`); a.status != 202 || a.json["finished"] != false || !strings.Contains(a.text, `"step":"hr.emp"`) {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := w.do(w.admin, "POST", "/v1/connections/demo/apply", `{}`); a.status != 501 {
		t.Errorf("%d %s", a.status, a.text)
	}
	check(t, w.shipper.Ship(t.Context()))
	a = w.must(w.admin, "GET", "/v1/audit/records?connection=hr&limit=100", "")
	if strings.Count(a.text, `"operation":"apply"`) != 2 || strings.Count(a.text, `"operation":"bootstrap"`) != 1 {
		t.Errorf("records: %s", a.text)
	}
}

func TestPlatformStatus(t *testing.T) {
	w, p := warehouse(t)
	emp, dept := sourceID(t, w, "hr.emp"), sourceID(t, w, "hr.dept")
	full := reconcile.Status{Phase: reconcile.Failing, World: 9, Applied: 8, Error: "the server is away",
		Problems: []push.Problem{{Source: emp, Message: "of emp"}, {Source: dept, Message: "of dept"}, {Message: "of all"}},
		Held:     []reconcile.Held{{Source: emp, Path: []string{"hr", "emp"}, Reason: "waits"}},
		Drift:    []push.Drift{{Kind: push.Missing, Source: emp, Object: "hr.emp", What: "a policy is gone", Open: true}}}
	p.is("hr", full)
	a := w.must(w.admin, "GET", "/v1/connections/hr/status", "")
	for _, want := range []string{`"phase":"failing"`, `"current":false`, "of emp", "of dept", "of all", `"source":"hr.emp"`, "a policy is gone", "waits"} {
		if !strings.Contains(a.text, want) {
			t.Errorf("%q is missing: %s", want, a.text)
		}
	}
	a = w.must(w.key("olaf"), "GET", "/v1/connections/hr/status", "")
	if !strings.Contains(a.text, "of dept") || strings.Contains(a.text, "emp") || strings.Contains(a.text, "of all") || strings.Contains(a.text, "a policy is gone") {
		t.Errorf("an owner of one table: %s", a.text)
	}
	of := func() string {
		for _, c := range w.must(w.admin, "GET", "/v1/status", "").json["connections"].([]any) {
			if c := c.(map[string]any); c["key"] == "hr" {
				if c["current"] == true {
					return "current"
				}
				if c["push"] == nil {
					return c["problem"].(string)
				}
				return c["push"].(map[string]any)["phase"].(string) + ", not current"
			}
		}
		return "none"
	}
	for _, c := range []struct {
		st   reconcile.Status
		want string
	}{
		{full, "failing, not current"}, {reconcile.Status{Phase: reconcile.Current, World: 9, Applied: 9}, "current"},
		{reconcile.Status{Phase: reconcile.Current, World: 10, Applied: 9}, "current, not current"},
		{reconcile.Status{Phase: reconcile.Pending, World: 9, Applied: 9}, "pending, not current"}, {reconcile.Status{}, ", not current"},
		{reconcile.Status{Phase: reconcile.Current, World: 9, Applied: 9, Drift: full.Drift}, "current, not current"},
	} {
		p.is("hr", c.st)
		if got := of(); got != c.want {
			t.Errorf("%+v: %q, not %q", c.st, got, c.want)
		}
	}
	p.mu.Lock()
	delete(p.status, "hr")
	p.mu.Unlock()
	if got := of(); !strings.Contains(got, "not looked after") {
		t.Errorf("unknown: %q", got)
	}
	p.drift = full.Drift
	if a := w.must(w.admin, "POST", "/v1/connections/hr/verify", ""); !strings.Contains(a.text, `"open":true`) {
		t.Errorf("%s", a.text)
	}
}

func TestCredentialsAreNeverGiven(t *testing.T) {
	w, _ := warehouse(t)
	a := w.must(w.admin, "PUT", "/v1/credentials/pg%2Fhr", `{"secret":"s3cr3t"}`)
	if a.json["op"] != "set" || strings.Contains(a.text, "s3cr3t") {
		t.Errorf("%s", a.text)
	}
	text, err := os.ReadFile(filepath.Join(w.keys, "credentials", "pg%2fhr"))
	if err != nil || string(text) != "s3cr3t\n" {
		t.Errorf("%q %v", text, err)
	}
	if a := w.do(w.admin, "GET", "/v1/credentials/pg%2Fhr", ""); a.status/100 == 2 {
		t.Errorf("%d %s", a.status, a.text)
	}
	for body, where := range map[string]string{`{"secret":""}`: "secret", `{"secret":"s3cr3t\nx"}`: "secret", `{"Secret":"s3cr3t"}`: "", `{"secret":"s3cr3t","x":1}`: "", `{}`: ""} {
		if a := w.do(w.admin, "PUT", "/v1/credentials/x", body); a.status/100 == 2 || !strings.Contains(a.text, where) || strings.Contains(a.text, "s3cr3t") {
			t.Errorf("%s: %d %s", body, a.status, a.text)
		}
	}
	for _, path := range []string{"..%2Fx", ".x", "a%20b", strings.Repeat("a", 65)} {
		if a := w.do(w.admin, "PUT", "/v1/credentials/"+path, `{"secret":"s3cr3t"}`); a.status != 422 || strings.Contains(a.text, "s3cr3t") {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	check(t, w.shipper.Ship(t.Context()))
	records := w.must(w.admin, "GET", "/v1/audit/records?limit=1000", "").text
	if !strings.Contains(records, `"objectKey":"pg/hr"`) || strings.Contains(records, "s3cr3t") {
		t.Errorf("records: %s", records)
	}
	w.must(w.admin, "DELETE", "/v1/credentials/pg%2Fhr", "")
	if a := w.do(w.admin, "DELETE", "/v1/credentials/pg%2Fhr", ""); a.status != 404 {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestTheGoClientOnPlatforms(t *testing.T) {
	w, p := warehouse(t)
	ctx := t.Context()
	c, err := client.New(w.url, w.admin, nil)
	check(t, err)
	pre, err := c.PreviewConnection(ctx, stead.Connection{Key: "new", Platform: stead.PostgreSQL, Address: "postgres://svc@db/x"}, "pw")
	check(t, err)
	plan, err := c.PlanConnection(ctx, "hr")
	check(t, err)
	script, err := c.ScriptConnection(ctx, "hr")
	check(t, err)
	if len(pre.Plan.Steps) != 3 || len(plan.Steps) != 3 || !plan.Steps[0].Widens || pre.Script != script || p.password != "pw" {
		t.Errorf("%+v %+v %q", pre, plan, script)
	}
	st, finished, err := c.ApplyConnection(ctx, "hr", true, 0)
	check(t, err)
	if !finished || !st.Current {
		t.Errorf("%+v", st)
	}
	if st, err = c.ConnectionStatus(ctx, "hr"); err != nil || st.Phase != "current" {
		t.Errorf("%+v %v", st, err)
	}
	if drift, err := c.VerifyConnection(ctx, "hr"); err != nil || len(drift) != 0 {
		t.Errorf("%+v %v", drift, err)
	}
	check(t, c.SetCredential(ctx, "pg/hr", "x"))
	check(t, c.DeleteCredential(ctx, "pg/hr"))
	if err := c.DeleteCredential(ctx, "pg/hr"); stead.CodeOf(err) != stead.NotFound {
		t.Error(err)
	}
	status, err := c.Status(ctx)
	check(t, err)
	for _, s := range status.Connections {
		if s.Key == "hr" && (s.Push == nil || !s.Current) {
			t.Errorf("%+v", s)
		}
	}
}
