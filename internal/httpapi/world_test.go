package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/keys/file"
	"stead/internal/session"
	"stead/internal/signin"
	"stead/internal/snapshot"
	"stead/internal/store/sqlite"
)

// world is the API on its real parts, listening.
type world struct {
	t        testing.TB
	s        *server
	url      string
	admin    string // key
	govern   *govern.Service
	follower *snapshot.Follower
	log      *audit.Log
	crawled  []govern.Discovered
	unseen   error // of crawls
	shipper  *audit.Shipper
	keys     string // folder
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Crawl implements govern.Crawler with what the test says is there.
func (w *world) Crawl(context.Context, stead.Connection) ([]govern.Discovered, error) {
	return w.crawled, w.unseen
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	dir := t.TempDir()
	db, err := sqlite.Open(dir + "/store")
	check(t, err)
	keeper, err := file.Open(dir + "/keys")
	check(t, err)
	log, err := audit.Open(ctx, audit.Options{Dir: dir + "/audit", Writer: "test", Keeper: keeper})
	check(t, err)
	w := &world{t: t, log: log, keys: dir + "/keys", govern: govern.New(db, time.Now)}
	w.admin, err = w.govern.Bootstrap(ctx)
	check(t, err)
	w.follower, err = snapshot.Start(ctx, db, snapshot.Options{})
	check(t, err)
	sign, err := signin.New(ctx, db, keeper, time.Now)
	check(t, err)
	sessions := session.New(session.Config{Log: log, Now: time.Now, Live: sign.Live, World: func() (session.World, error) {
		w, err := w.follower.World()
		if err != nil {
			return nil, err
		}
		return w, nil
	}})
	done := make(chan struct{})
	go func() { defer close(done); w.follower.Run(ctx) }()
	s, mux, err := build(Config{Govern: w.govern, SignIn: sign, Sessions: sessions, World: w.follower.World, WaitFor: w.follower.WaitFor,
		Current: w.follower.Current, Audit: log, AuditDir: dir + "/audit", AuditKeys: audit.KeysOf(ctx, keeper), Crawler: w, Credentials: keeper,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Now:     time.Now, Version: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	check(t, err)
	w.s, w.shipper = s, &audit.Shipper{Outbox: db, Log: log}
	front := httptest.NewServer(s.outer(mux))
	w.url = front.URL
	t.Cleanup(func() {
		front.Close()
		stop()
		<-done
		check(t, log.Close())
		check(t, db.Close())
	})
	return w
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (w *world) do(key, method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	check(w.t, err)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	check(w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(w.t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.json) // not every answer is an object
	return a
}

// must is do for what has to work.
func (w *world) must(key, method, path, body string, headers ...string) answer {
	w.t.Helper()
	a := w.do(key, method, path, body, headers...)
	if a.status/100 != 2 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.status, a.text)
	}
	return a
}

// key makes an API key.
func (w *world) key(identity string) string {
	w.t.Helper()
	return w.must(w.admin, "POST", "/v1/identities/"+identity+"/keys", `{"name":"test"}`).json["secret"].(string)
}

// company is a small world: ana sees the rows of her department with masked numbers, ben nothing, cora owns the table, gil governs.
func company(t testing.TB) *world {
	w := newWorld(t)
	for name, body := range map[string]string{
		"ana":  `{"kind":"user","attributes":{"department":["Finance"]}}`,
		"ben":  `{"kind":"user"}`,
		"cora": `{"kind":"user"}`,
		"gil":  `{"kind":"user","permissions":["GOVERNANCE"]}`,
		"bi":   `{"kind":"user","permissions":["IMPERSONATE_USER"]}`,
	} {
		w.must(w.admin, "PUT", "/v1/identities/"+name, body)
	}
	w.must(w.admin, "PUT", "/v1/connections/demo", `{"platform":"embedded","address":"/data"}`)
	w.must(w.admin, "PUT", "/v1/datasources/demo/hr.people", `{"columns":[{"name":"id","type":"int"},{"name":"department","type":"text"},
		{"name":"ssn","type":"text","tags":["PII.SSN"]}],"tags":["HR"],"owners":[{"type":"user","name":"cora"}]}`)
	w.must(w.admin, "PUT", "/v1/policies/hr-access", `{"policyKey":"hr-access","name":"HR access","type":"subscription",
		"actions":{"type":"entitlements","entitlements":{"operator":"any","attributes":[{"name":"department","value":"Finance"}]},"automaticSubscription":true},
		"circumstances":[{"type":"tags","tag":"HR"}]}`)
	w.must(w.admin, "PUT", "/v1/policies/hr-rows", `{"policyKey":"hr-rows","name":"HR rows","type":"data","actions":[
		{"rules":[{"type":"Row Restriction by User Entitlements","config":{"operator":"all","matches":[{"type":"attribute","attribute":"department","column":"department"}]}}]},
		{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.SSN"}],"maskingConfig":{"type":"Hash"}}}]}],
		"circumstances":[{"type":"tags","tag":"HR"}]}`)
	return w
}
