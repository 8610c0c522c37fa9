//go:build kill

package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stead"
	"stead/internal/app"
	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/keys/file"
	"stead/policy"
	"stead/policy/expr"
)

const (
	killDir    = "STEAD_TEST_KILL_SERVER"
	killRounds = 30
)

// TestKillTheServer kills the whole server at random moments while clients read: whoever got a byte of an answer has
// an intent record, no change is lost, and the chain holds.
func TestKillTheServer(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		serveUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "lake", "public"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "lake", "public", "t.csv"), []byte("id\n7\n"), 0o644))
	answered := map[string]bool{}
	for round := range killRounds {
		before := len(answered)
		killRound(t, dir, answered)
		t.Logf("round %d: %d answers", round, len(answered)-before)
		checkAnswered(t, dir, answered)
	}
	if len(answered) < killRounds {
		t.Errorf("only %d answers", len(answered))
	}
}

// serveUntilKilled is the process that is killed: the server as it is served.
func serveUntilKilled(t *testing.T, dir string) {
	cfg := app.Defaults()
	cfg.Data, cfg.HTTP.Listen, cfg.Gateway.Listen = filepath.Join(dir, "state"), "127.0.0.1:0", "127.0.0.1:0"
	cfg.Audit.SegmentBytes = 64 << 10
	a, err := app.Open(t.Context(), cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(t, err)
	if a.FirstKey != "" {
		furnish(t, a, dir)
	}
	must(t, a.Serve(t.Context(), func(at app.Addresses) { fmt.Println("ready", at.Gateway) }))
}

// furnish gives the new server its table and ana her key.
func furnish(t *testing.T, a *app.App, dir string) {
	ctx := t.Context()
	login, err := a.SignIn.APIKey(ctx, a.FirstKey)
	must(t, err)
	admin := govern.Caller{Actor: login.Actor}
	p, err := policy.Decode([]byte(`{"policyKey":"open","name":"Open","type":"subscription","circumstances":[{"type":"all"}],"actions":{"type":"anyone","automaticSubscription":true}}`))
	must(t, err)
	_, err = a.Govern.Apply(ctx, admin, govern.PutConnection{Connection: stead.Connection{Key: "lake", Platform: stead.Embedded, Address: filepath.Join(dir, "lake")}},
		govern.PutSource{Source: stead.DataSource{Connection: "lake", Path: []string{"public", "t"}, Location: "public/t.csv", Columns: []stead.Column{{Name: "id", Type: expr.IntType}}}},
		govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, Name: "ana"}}, govern.PutPolicy{Policy: p})
	must(t, err)
	secret, _, err := a.Govern.CreateKey(ctx, admin, govern.NewKey{Identity: "ana", Name: "test"})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "ana"), []byte(secret), 0o600))
}

// killRound lets clients ask until the server is killed, and adds the marks of what was answered.
func killRound(t *testing.T, dir string, answered map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillTheServer$")
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	at, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ready {
		t.Fatalf("the server said %q: %v", line, err)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "ana"))
	must(t, err)
	h := &leakHouse{t: t, addr: at, secrets: map[string]string{"ana": string(secret)}}
	var mu sync.Mutex
	got := map[string]bool{}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			w, err := h.connect(t, "ana", "")
			if err != nil {
				return // killed before
			}
			for !w.dead {
				mark := audit.NewID()
				if r := w.query("select '" + mark + "', id from public.t"); len(r.raw) > 0 {
					mu.Lock()
					got[mark] = true
					mu.Unlock()
				}
			}
		})
	}
	time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // the moment is meant to be any
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	clients.Wait()
	maps.Copy(answered, got)
}

// checkAnswered opens what the killed server left.
func checkAnswered(t *testing.T, dir string, answered map[string]bool) {
	t.Helper()
	ctx := context.Background()
	keeper, err := file.Open(filepath.Join(dir, "state", "keys"))
	must(t, err)
	log, err := audit.Open(ctx, audit.Options{Dir: filepath.Join(dir, "state", "audit"), Writer: "main", Keeper: keeper})
	must(t, err)
	defer func() { must(t, log.Close()) }()
	intents := map[string]int{}
	for cursor := ""; ; {
		page, err := log.Search(ctx, audit.Filter{Kinds: []stead.RecordKind{stead.QueryIntent}}, 1000, cursor)
		must(t, err)
		for _, e := range page.Entries {
			if parts := strings.Split(e.Record.Statement, "'"); len(parts) == 3 {
				intents[parts[1]]++
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for mark := range answered {
		if intents[mark] != 1 {
			t.Errorf("the answered statement %s has %d intent records", mark, intents[mark])
		}
	}
	report, err := audit.Verify(ctx, filepath.Join(dir, "state", "audit"), audit.KeysOf(ctx, keeper))
	must(t, err)
	if !report.OK() {
		t.Errorf("the chain does not hold: %+v", report.Problems)
	}
}
