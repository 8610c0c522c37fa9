package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/govern"
)

// running is an App that serves until the test ends.
type running struct {
	*App
	at   Addresses
	log  *bytes.Buffer
	data string
	stop func() error
}

func start(t *testing.T, change func(*Config)) *running {
	t.Helper()
	r := &running{log: &bytes.Buffer{}, data: t.TempDir()}
	c := Defaults()
	c.Data = filepath.Join(t.TempDir(), "state")
	c.HTTP.Listen, c.Gateway.Listen = "127.0.0.1:0", "127.0.0.1:0"
	if change != nil {
		change(&c)
	}
	var err error
	if r.App, err = Open(t.Context(), c, slog.New(slog.NewTextHandler(r.log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan Addresses, 1), make(chan error, 1)
	go func() { ended <- r.Serve(ctx, func(at Addresses) { ready <- at }) }()
	select {
	case r.at = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-ended
		if cerr := r.Close(); err == nil {
			err = cerr
		}
		return err
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	return r
}

// lake registers one table over a CSV file and lets admin read it as its owner.
func (r *running) lake(t *testing.T, csv string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.data, "t.csv"), []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := r.admin(t)
	if _, err := r.Govern.Apply(t.Context(), admin, govern.PutConnection{Connection: stead.Connection{Key: "lake", Platform: stead.Embedded, Address: r.data}}); err != nil {
		t.Fatal(err)
	}
	found, err := r.Govern.Crawl(t.Context(), admin, r.App, "lake")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	d := found[0].Source
	d.Owners = []stead.Principal{{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: "admin"}}
	done, err := r.Govern.Apply(t.Context(), admin, govern.PutSource{Source: d})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.World.WaitFor(t.Context(), done.Revision); err != nil {
		t.Fatal(err)
	}
}

func (r *running) admin(t *testing.T) govern.Caller {
	t.Helper()
	login, err := r.SignIn.APIKey(t.Context(), r.FirstKey)
	if err != nil {
		t.Fatal(err)
	}
	return govern.Caller{Actor: login.Actor}
}

func (r *running) connect(t *testing.T) (*pgx.Conn, error) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), "postgres://admin:"+r.FirstKey+"@"+r.at.Gateway+"/lake?sslmode=prefer")
	if err == nil {
		t.Cleanup(func() { _ = c.Close(context.Background()) })
	}
	return c, err
}

func (r *running) get(t *testing.T, path string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.at.HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.FirstKey)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestServeAndEnd(t *testing.T) {
	r := start(t, nil)
	r.lake(t, "id,name\n1,ana\n2,bo\n")
	c, err := r.connect(t)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := c.QueryRow(t.Context(), "select count(*) from t").Scan(&n); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	for path, want := range map[string]string{"/healthz": "", "/readyz": "", "/metrics": "stead_gateway_statements_total", "/v1/status": "revision"} {
		if status, body := r.get(t, path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_ = c.Close(context.Background())
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.log.String(), r.FirstKey) {
		t.Error("the first key is in the log")
	}
}

func TestTheFirstKeyIsShownOnce(t *testing.T) {
	r := start(t, nil)
	if r.FirstKey == "" {
		t.Fatal("no first key")
	}
	cfg := r.Config
	if _, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("a second process opened the folder: %v", err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if again.FirstKey != "" {
		t.Error("a key was made again")
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestChangedDataIsMarkedByTheStatementThatMeetsIt(t *testing.T) {
	r := start(t, nil)
	r.lake(t, "id,name\n1,ana\n")
	c, err := r.connect(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.data, "t.csv"), []byte("id,other\n1,ana\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), "select * from t"); err == nil || !strings.Contains(err.Error(), "55000") {
		t.Errorf("changed data: %v", err)
	}
	r.waitForDrift(t)
}

func TestEveryOtherAddressGetsTLS(t *testing.T) {
	r := start(t, func(c *Config) { c.HTTP.Listen, c.Gateway.Listen = "0.0.0.0:0", "0.0.0.0:0" })
	r.lake(t, "id\n1\n")
	if !strings.HasPrefix(r.at.HTTP, "https://") {
		t.Errorf("the HTTP API is at %s", r.at.HTTP)
	}
	if _, err := pgx.Connect(t.Context(), "postgres://admin:"+r.FirstKey+"@"+r.at.Gateway+"/lake?sslmode=disable"); err == nil {
		t.Error("a client without TLS was let in")
	}
	c, err := pgx.Connect(t.Context(), "postgres://admin:"+r.FirstKey+"@"+r.at.Gateway+"/lake?sslmode=require")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close(context.Background())
	if status, _ := r.get(t, "/readyz"); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	r.reachedAsTold(t)
}

// reachedAsTold follows what is said at the start: the address this machine's clients ask at, and the one
// certificate that both listeners show.
func (r *running) reachedAsTold(t *testing.T) {
	t.Helper()
	pem, err := os.ReadFile(r.at.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("there is no certificate in", r.at.CA)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	resp, err := client.Get(r.at.Local + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_, port, err := net.SplitHostPort(r.at.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), "postgres://admin:"+r.FirstKey+"@127.0.0.1:"+port+"/lake?sslmode=verify-full&sslrootcert="+r.at.CA)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close(context.Background())
}

func TestStatusSaysThatTheDataOfAConnectionIsAway(t *testing.T) {
	r := start(t, nil)
	r.lake(t, "id\n1\n")
	away := r.data + ".away"
	if err := os.Rename(r.data, away); err != nil {
		t.Fatal(err)
	}
	if _, body := r.get(t, "/v1/status"); !strings.Contains(body, `"current":false`) || !strings.Contains(body, "nothing that can be read at "+r.data) {
		t.Errorf("while it is away: %s", body)
	}
	if err := os.Rename(away, r.data); err != nil {
		t.Fatal(err)
	}
	if _, body := r.get(t, "/v1/status"); !strings.Contains(body, `"current":true`) {
		t.Errorf("when it is back: %s", body)
	}
}

func TestAStoreWithoutItsKeysIsRefused(t *testing.T) {
	r := start(t, nil)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(r.Config.Data, "keys")
	if err := os.Rename(keys, keys+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), r.Config, slog.New(slog.DiscardHandler)); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("a store without its keys: %v", err)
	}
	if err := os.Rename(keys+".away", keys); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), r.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestValuesThatNoLongerFitMarkTheTable(t *testing.T) {
	r := start(t, nil)
	r.lake(t, "id,name\n1,ana\n")
	c, err := r.connect(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.data, "t.csv"), []byte("id,name\nx,ana\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), "select sum(id) from t"); err == nil || !strings.Contains(err.Error(), "55000") {
		t.Errorf("changed data: %v", err)
	}
	r.waitForDrift(t)
}

// waitForDrift returns when the table of lake is marked.
func (r *running) waitForDrift(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w, err := r.World.World()
		if err != nil {
			t.Fatal(err)
		}
		if s := w.Sources("lake"); len(s) == 1 && s[0].State == stead.Drifted {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the table was not marked")
		}
	}
}
