package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stead"
	"stead/client"
	"stead/internal/govern"
)

// platformServer answers as a server does whose reconciler is at a given point, and keeps what it was asked.
type platformServer struct {
	t  *testing.T
	at string

	mu       sync.Mutex
	asked    []string
	plan     string
	statuses []string // of the connection, one after the other; the last stays
	applied  []string // answers of apply
	codes    []int
	disabled bool          // the connection
	began    chan struct{} // closed when an apply waits
}

const (
	quietPlan   = `{"connection":"hr","from":0,"to":7,"steps":[{"kind":"bootstrap","object":"immuta_system","why":"stead keeps there who may see what"},{"kind":"objects","object":"hr.emp","source":"hr.emp","why":"rows are filtered","sql":["REVOKE ALL ON\n hr.emp FROM bob","ALTER TABLE hr.emp ENABLE ROW LEVEL SECURITY"]},{"kind":"rows","object":"member","why":"subscribers","widens":true,"rows":[{"table":"member","added":2,"removed":0,"put":[["s1","7","r"]]}]}],"problems":[{"object":"hr.v","message":"a view reads hr.emp","hint":"it is revoked"}]}`
	blockedPlan = `{"connection":"hr","from":0,"to":7,"steps":[],"problems":[{"message":"the server is version 14","hint":"15 or later","blocking":true}]}`
	currentIs   = `{"phase":"current","current":true,"world":9,"applied":9,"since":"2026-01-01T00:00:00Z"}`
	applyingIs  = `{"phase":"applying","current":false,"world":9,"applied":3,"since":"2026-01-01T00:00:00Z","done":4,"total":8,"step":"hr.emp"}`
	pendingIs   = `{"phase":"pending","current":false,"world":9,"applied":3,"since":"2026-01-01T00:00:00Z","held":[{"path":["hr","emp"],"reason":"its objects wait"}]}`
	openIs      = `{"phase":"current","current":true,"world":9,"applied":9,"since":"2026-01-01T00:00:00Z","drift":[{"kind":"foreign","object":"hr.emp","what":"another policy","open":true}]}`
	notedIs     = `{"phase":"current","current":true,"world":9,"applied":9,"since":"2026-01-01T00:00:00Z","drift":[{"kind":"columns","object":"hr.emp","what":"column x is not registered","note":true}]}`
	retriedIs   = `{"phase":"failing","current":false,"world":9,"applied":3,"since":"2026-01-01T00:00:00Z","error":"the server is away","retry":"2026-01-01T00:00:01Z"}`
	failingIs   = `{"phase":"failing","current":false,"world":9,"applied":3,"since":"2026-01-01T00:00:00Z","error":"the server is away","drift":[{"kind":"missing","object":"hr.emp","what":"a policy is gone","open":true,"repairable":true}]}`
)

func (p *platformServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Error(err)
	}
	p.mu.Lock()
	p.asked = append(p.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
	next := func(list *[]string) string {
		out := (*list)[0]
		if len(*list) > 1 {
			*list = (*list)[1:]
		}
		return out
	}
	answer, status := "", http.StatusOK
	switch path := r.Method + " " + r.URL.Path; path {
	case "POST /v1/connections/preview":
		answer = `{"plan":` + p.plan + `,"script":"CREATE ROLE immuta_owner;\n"}`
	case "GET /v1/connections/hr/plan":
		answer = p.plan
	case "GET /v1/connections/hr/script":
		answer = `{"script":"CREATE ROLE immuta_owner;\n"}`
	case "GET /v1/status":
		answer = `{"revision":9}`
	case "GET /v1/connections/hr/status":
		answer = next(&p.statuses)
	case "GET /v1/connections/hr":
		answer = `{"key":"hr","platform":"postgresql","address":"x"}`
		if p.disabled {
			answer = `{"key":"hr","platform":"postgresql","address":"x","disabled":true}`
		}
	case "POST /v1/connections/hr/verify":
		answer = `{"drift":[{"kind":"foreign","object":"hr.emp","what":"another policy","open":true}]}`
	case "POST /v1/connections/hr/crawl":
		answer = `{"items":[{"source":{"connection":"hr","path":["hr","emp"],"columns":[]},"status":"new"},{"source":{"connection":"hr","path":["hr","dept"],"columns":[]},"status":"new"},{"source":{"connection":"hr","path":["pay","emp"],"columns":[]},"status":"new"}]}`
	case "POST /v1/connections/hr/apply":
		answer = next(&p.applied)
		if len(p.codes) > 0 {
			status, p.codes = p.codes[0], p.codes[1:]
		}
	case "PUT /v1/connections/hr":
		answer = `{"noun":"connection","key":"hr","op":"create","revision":9}`
	default:
		answer = `{"noun":"datasource","key":"x","op":"create","revision":9}`
		if !strings.HasPrefix(path, "PUT /v1/") && !strings.HasPrefix(path, "DELETE /v1/credentials/") {
			p.t.Errorf("nobody expects %s", path)
		}
	}
	p.mu.Unlock()
	if answer == "hang" {
		close(p.began)
		<-r.Context().Done()
		return
	}
	kind := "application/json"
	if status/100 != 2 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

func newPlatformServer(t *testing.T) *platformServer {
	p := &platformServer{t: t, plan: quietPlan, statuses: []string{currentIs}, applied: []string{`{"finished":true,"status":` + currentIs + `}`}, began: make(chan struct{})}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.at = s.URL
	return p
}

// run runs a command line against the server.
func (p *platformServer) run(ctx context.Context, in string, env map[string]string, args ...string) (status int, out, errs string) {
	var o, x bytes.Buffer
	vars := map[string]string{"STEAD_URL": p.at, "STEAD_KEY": "stead_x"}
	for k, v := range env {
		vars[k] = v
	}
	e := newEnv(in, &o, &x, vars)
	status = run(ctx, e, args)
	return status, o.String(), x.String()
}

func newEnv(in string, out, errs io.Writer, vars map[string]string) *env {
	return &env{in: strings.NewReader(in), out: out, err: errs, getenv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}
}

const dsn = "postgres://svc@db.example.com/hr"

func TestConnectPreviews(t *testing.T) {
	p := newPlatformServer(t)
	status, out, errs := p.run(t.Context(), "", map[string]string{"PGPASSWORD": "s3cr3t"}, "connect", "postgres", "--dsn", dsn, "--key", "hr", "--setting", "exempt=etl,dba")
	if status != 0 || errs != "" {
		t.Fatalf("%d %s", status, errs)
	}
	for _, want := range []string{"1 problem, 3 steps, revision 0 to 7", "note: hr.v: a view reads hr.emp", "  ! member: subscribers", "- REVOKE ALL ON hr.emp FROM bob",
		"member: 2 added, 0 removed", "Nothing was changed. Give --apply"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "ENABLE ROW LEVEL") || strings.Contains(out, "s3cr3t") {
		t.Errorf("%s", out)
	}
	if len(p.asked) != 2 || !strings.Contains(p.asked[1], `"password":"s3cr3t"`) || !strings.Contains(p.asked[1], `"settings":{"exempt":"etl,dba"}`) {
		t.Errorf("%q", p.asked)
	}
	status, out, _ = p.run(t.Context(), "", nil, "connect", "postgres", "--dsn", dsn, "--key", "hr", "-v")
	if status != 0 || !strings.Contains(out, "ENABLE ROW LEVEL") || !strings.Contains(out, "+ s1 | 7 | r") {
		t.Errorf("%d %s", status, out)
	}
	status, out, _ = p.run(t.Context(), "", nil, "connect", "postgres", "--dsn", dsn, "--key", "hr", "--script")
	if status != 0 || out != "CREATE ROLE immuta_owner;\n" {
		t.Errorf("%d %q", status, out)
	}
	status, out, _ = p.run(t.Context(), "", nil, "connect", "postgres", "--dsn", dsn, "--key", "hr", "-o", "json")
	var found client.Previewed
	if err := json.Unmarshal([]byte(out), &found); status != 0 || err != nil || len(found.Plan.Steps) != 3 {
		t.Errorf("%d %v %s", status, err, out)
	}
	p.plan = blockedPlan
	status, out, _ = p.run(t.Context(), "", nil, "connect", "postgres", "--dsn", dsn, "--key", "hr")
	if status != exitDiffers || !strings.Contains(out, "blocks everything: the server is version 14") || strings.Contains(out, "--apply") {
		t.Errorf("%d %s", status, out)
	}
	status, _, errs = p.run(t.Context(), "", nil, "connect", "postgres", "--dsn", dsn, "--key", "hr", "--apply")
	if status != exitFailed || !strings.Contains(errs, "nothing was stored") || strings.Contains(strings.Join(p.asked, "\n"), "PUT ") {
		t.Errorf("%d %s %q", status, errs, p.asked)
	}
}

func TestConnectRefuses(t *testing.T) {
	p := newPlatformServer(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--dsn", "postgres://svc:s3cr3t@db/hr", "--key", "hr"}, "leave it out: give it with --ask-password"},
		{[]string{"--dsn", "host=db user=svc dbname=hr password=s3cr3t", "--key", "hr"}, "PGPASSWORD"},
		{[]string{"--dsn", "postgres://db", "--key", "hr"}, "--dsn"},
		{[]string{"--dsn", dsn}, "has no key"},
		{[]string{"--key", "hr"}, "dsn"},
		{[]string{"--dsn", dsn, "--key", "hr", "--setting", "colour=red"}, "settings.colour"},
		{[]string{"--dsn", dsn, "--key", "hr", "--setting", "drift=report", "--setting", "drift=repair"}, "given twice"},
		{[]string{"--dsn", dsn, "--key", "hr", "--setting", "drift"}, "name=value"},
		{[]string{"--dsn", dsn, "--key", "hr", "--apply", "--script"}, "none of the others"},
		{[]string{"--dsn", dsn, "--key", "hr", "--ask-password"}, "no terminal"},
		{[]string{"--dsn", dsn, "--key", "hr", "--password-stdin"}, "password is empty"},
		{[]string{"--dsn", dsn, "--key", "hr", "--credential", "x", "--password-stdin"}, "none of the others"},
	} {
		status, out, errs := p.run(t.Context(), "", nil, append([]string{"connect", "postgres"}, c.args...)...)
		if status == 0 || !strings.Contains(errs, c.want) || strings.Contains(out+errs, "s3cr3t") {
			t.Errorf("%q: %d %s%s", c.args, status, out, errs)
		}
	}
	if len(p.asked) > 0 {
		t.Errorf("the server was asked: %q", p.asked)
	}
}

func TestConnectApplies(t *testing.T) {
	p := newPlatformServer(t)
	p.applied = []string{`{"finished":false,"status":` + applyingIs + `}`, `{"finished":true,"status":` + currentIs + `}`}
	status, out, errs := p.run(t.Context(), "s3cr3t\n", nil, "connect", "postgres", "--dsn", dsn, "--key", "hr", "--password-stdin", "--apply")
	if status != 0 || !strings.Contains(out, "connection hr: created") || !strings.Contains(out, "connection hr is current. Next: stead register hr") || strings.Contains(out+errs, "s3cr3t") {
		t.Fatalf("%d %s%s", status, out, errs)
	}
	all := strings.Join(p.asked, "\n")
	for _, want := range []string{`PUT /v1/credentials/hr {"secret":"s3cr3t"}`, `PUT /v1/connections/hr {"id":0,"key":"hr"`, `"credential":"hr"`, `POST /v1/connections/hr/apply {"bootstrap":true,"waitSeconds":240}`} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
	if strings.Count(all, "/apply") != 2 || strings.Index(all, "credentials") > strings.Index(all, "PUT /v1/connections") {
		t.Errorf("%s", all)
	}
	p.asked, p.disabled = nil, true
	status, out, _ = p.run(t.Context(), "", map[string]string{"PGPASSWORD": "unused"}, "connect", "postgres", "--dsn", dsn, "--key", "hr", "--credential", "kept", "--apply", "-o", "json")
	var said struct {
		Change client.Change
		Status client.PlatformStatus
	}
	if err := json.Unmarshal([]byte(out), &said); status != 0 || err != nil || said.Change.Op != "create" || !said.Status.Current {
		t.Errorf("%d %v %s", status, err, out)
	}
	if all := strings.Join(p.asked, "\n"); strings.Contains(all, "/v1/credentials") || strings.Contains(all, "unused") || !strings.Contains(all, `"credential":"kept","disabled":true`) {
		t.Errorf("%s", all)
	}
}

func TestInterruptingLeavesTheWorkGoing(t *testing.T) {
	p := newPlatformServer(t)
	p.applied = []string{"hang"}
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-p.began; stop() }()
	status, _, errs := p.run(ctx, "", nil, "connection", "apply", "hr")
	if status != exitFailed || !strings.Contains(errs, "goes on at the server (stead connection status hr)") && !strings.Contains(errs, "stead connection status hr") {
		t.Errorf("%d %s", status, errs)
	}
}

func TestConnectionVerbs(t *testing.T) {
	p := newPlatformServer(t)
	for _, c := range []struct {
		line, status string
		exit         int
		want         []string
	}{
		{"plan hr", currentIs, 0, []string{"3 steps", "- REVOKE ALL"}},
		{"script hr", currentIs, 0, []string{"CREATE ROLE"}},
		{"status hr", currentIs, 0, []string{"hr: current, enforces revision 9"}},
		{"status hr", applyingIs, exitDiffers, []string{"applying 4 of 8 steps"}},
		{"status hr", pendingIs, exitDiffers, []string{"pending, enforces revision 3 of 9", "hr.emp is closed: its objects wait"}},
		{"status hr", failingIs, exitDiffers, []string{"failing", "the server is away", "drift (missing, open): hr.emp: a policy is gone"}},
		{"status hr", openIs, exitDiffers, []string{"current", "drift (foreign, open, its owner must look): hr.emp"}},
		{"status hr", notedIs, 0, []string{"current", "drift (columns): hr.emp: column x is not registered"}},
		{"status hr --wait --timeout 0s", retriedIs, exitFailed, []string{"failing", "the server is away"}},
		{"status hr -o json", failingIs, exitDiffers, []string{`"phase": "failing"`}},
		{"apply hr", currentIs, 0, []string{"current"}},
		{"verify hr", currentIs, exitDiffers, []string{"drift (foreign, open, its owner must look): hr.emp: another policy"}},
	} {
		p.statuses = []string{c.status}
		status, out, errs := p.run(t.Context(), "", nil, append([]string{"connection"}, strings.Fields(c.line)...)...)
		for _, want := range c.want {
			if status != c.exit || !strings.Contains(out, want) {
				t.Errorf("%s: %d %s%s", c.line, status, out, errs)
			}
		}
	}
	p.statuses = []string{retriedIs, applyingIs, retriedIs, currentIs}
	if status, out, errs := p.run(t.Context(), "", nil, "connection", "status", "hr", "--wait"); status != 0 || !strings.Contains(errs, "failing: the server is away; it is tried again") {
		t.Errorf("%d %s%s", status, out, errs)
	}
	p.plan = `{"connection":"hr","steps":[],"problems":[{"source":"hr.emp","object":"hr.emp","message":"it is closed","blocking":true}]}`
	if _, out, _ := p.run(t.Context(), "", nil, "connection", "plan", "hr"); !strings.Contains(out, "  blocks hr.emp: it is closed\n") {
		t.Error(out)
	}
	p.plan = blockedPlan
	if status, _, _ := p.run(t.Context(), "", nil, "connection", "plan", "hr"); status != exitDiffers {
		t.Errorf("a blocked plan: %d", status)
	}
	p.applied, p.codes = []string{`{"code":"conflict","detail":"hr.emp: a view reads it","hint":"look"}`}, []int{409}
	if status, _, errs := p.run(t.Context(), "", nil, "connection", "apply", "hr"); status != exitFailed || !strings.Contains(errs, "a view reads it") {
		t.Errorf("%d %s", status, errs)
	}
}

func TestRegisterWaitsForThePlatform(t *testing.T) {
	p := newPlatformServer(t)
	p.statuses = []string{applyingIs, applyingIs, currentIs}
	status, out, errs := p.run(t.Context(), "", nil, "register", "hr", "--table", "hr.*", "--yes")
	all := strings.Join(p.asked, "\n")
	if status != 0 || !strings.Contains(out, "2 tables are governed on hr") || !strings.Contains(errs, "applying: 4 of 8") || strings.Contains(all, "pay.emp") ||
		!strings.Contains(all, "/v1/datasources/hr/hr.dept") {
		t.Errorf("%d %s%s\n%s", status, out, errs, all)
	}
	p.asked = nil
	if status, _, _ := p.run(t.Context(), "", nil, "register", "hr", "--yes", "--no-wait"); status != 0 || strings.Contains(strings.Join(p.asked, "\n"), "/status") {
		t.Errorf("%d %q", status, p.asked)
	}
	for _, pattern := range []string{"nothing.*", "[", "hr"} {
		if status, _, errs := p.run(t.Context(), "", nil, "register", "hr", "--table", pattern, "--yes"); status != exitFailed {
			t.Errorf("%s: %d %s", pattern, status, errs)
		}
	}
}

func TestNotEnforced(t *testing.T) {
	for text, want := range map[string]string{pendingIs: "its objects wait", failingIs: "the server is away", `{"phase":"off"}`: "switched off", `{"phase":"waiting"}`: "it is waiting"} {
		var st client.PlatformStatus
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			t.Fatal(err)
		}
		if err := notEnforced("hr", &st); !strings.Contains(err.Error(), want) || stead.AsError(err).Hint == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPasswordFile(t *testing.T) {
	const file = `# host:port:database:user:password
other:5432:hr:svc:wrong
db:5432:hr:svc:p:a\\s\:s
localhost:*:*:svc:local
broken line
*:6543:*:*:any
`
	for _, c := range []struct {
		target govern.Target
		want   string
	}{
		{govern.Target{Host: "db", Port: "5432", Database: "hr", User: "svc"}, `p:a\s:s`},
		{govern.Target{Host: "/var/run", Port: "5432", Database: "x", User: "svc"}, "local"},
		{govern.Target{Host: "db", Port: "6543", Database: "x", User: "y"}, "any"},
		{govern.Target{Host: "db", Port: "5432", Database: "hr", User: "other"}, ""},
	} {
		if got, err := passwordIn(strings.NewReader(file), c.target); err != nil || got != c.want {
			t.Errorf("%+v: %q %v", c.target, got, err)
		}
	}
	home := t.TempDir()
	path := filepath.Join(home, ".pgpass")
	if err := os.WriteFile(path, []byte("*:*:*:*:from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	find := func(vars map[string]string) (string, error) {
		return (&connecting{}).findPassword(newEnv("", io.Discard, io.Discard, vars), govern.Target{Host: "db", Port: "5432", Database: "hr", User: "svc"})
	}
	for _, c := range []struct {
		vars map[string]string
		want string
		bad  bool
	}{
		{map[string]string{"HOME": home}, "from file", false}, {map[string]string{"HOME": home, "PGPASSWORD": "first"}, "first", false},
		{map[string]string{"PGPASSFILE": path}, "from file", false}, {map[string]string{"PGPASSFILE": home + "/none"}, "", true},
		{map[string]string{"HOME": home + "/none"}, "", false}, {nil, "", false},
	} {
		if got, err := find(c.vars); got != c.want || (err != nil) != c.bad {
			t.Errorf("%v: %q %v", c.vars, got, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := find(map[string]string{"HOME": home}); err == nil || strings.Contains(err.Error(), "from file") {
		t.Errorf("a file that others may read: %v", err)
	}
}

func FuzzPasswordFile(f *testing.F) {
	f.Add("a:b:c:d:e\\:f\\\n*:*")
	f.Fuzz(func(t *testing.T, line string) {
		if got := fieldsOf(line); len(got) == 0 || len(got) > 5 {
			t.Errorf("%q has %d fields", line, len(got))
		}
	})
}

func TestCredentialCommand(t *testing.T) {
	p := newPlatformServer(t)
	status, out, errs := p.run(t.Context(), "s3cr3t\n", nil, "credential", "set", "pg/hr", "--stdin")
	if status != 0 || !strings.Contains(out, "credential pg/hr: set") || strings.Contains(out+errs, "s3cr3t") || p.asked[0] != `PUT /v1/credentials/pg/hr {"secret":"s3cr3t"}` {
		t.Errorf("%d %s%s %q", status, out, errs, p.asked)
	}
	if status, _, errs := p.run(t.Context(), "\n", nil, "credential", "set", "x", "--stdin"); status == 0 || !strings.Contains(errs, "empty") {
		t.Errorf("%d %s", status, errs)
	}
	if status, out, _ := p.run(t.Context(), "", nil, "credential", "delete", "x", "-o", "json"); status != 0 || !strings.Contains(out, `"deleted"`) {
		t.Errorf("%d %s", status, out)
	}
}
