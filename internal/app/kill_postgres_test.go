//go:build kill

package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/client"
	"stead/internal/pgserver"
)

// killConfig tells the process that is killed its store, its keys and its data, one a line.
const killConfig = "STEAD_TEST_KILL_APP"

// TestKillOfAGovernor kills a server of stead, with its store on PostgreSQL, while it pushes to a governed PostgreSQL: nobody there ever
// sees what no state shows, and the next server brings it to what was acknowledged.
func TestKillOfAGovernor(t *testing.T) {
	if text := os.Getenv(killConfig); text != "" {
		governUntilKilled(t, strings.Split(text, "\n"))
		return
	}
	const rounds = 40
	pg, on := shared(t)
	data := t.TempDir()
	r := start(t, func(c *Config) { on("k0")(c); c.Data = data })
	g := target(t, r, pg)
	if err := r.Push.Apply(t.Context(), "hr", true); err != nil {
		t.Fatal(err)
	}
	g.register(t)
	g.policy(t, rowRule("dept"))
	g.policy(t, strings.Replace(maskRule, `"constant":"x"`, `"constant":"a"`, 1))
	g.becomes(t, time.Now(), "alice", "3 a")
	k := &killedGovernor{governedSite: g, key: r.FirstKey, said: seen{"d1", "a"}, tried: seen{"d1", "a"}}
	k.env = killConfig + "=" + strings.Join([]string{pg.DSN(pgserver.Superuser, "postgres"), r.Config.Keys.Dir, data}, "\n")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() { k.watch(t, stop) })
	for round := range rounds {
		k.round(t, round == rounds-1)
		if t.Failed() {
			break
		}
	}
	close(stop)
	group.Wait()
	t.Log(k.changes, "changes acknowledged,", k.answers.Load(), "answers with rows")
	if k.changes < rounds || k.answers.Load() < rounds {
		t.Error("hardly anything happened")
	}
}

func governUntilKilled(t *testing.T, text []string) {
	c := Defaults()
	c.Store, c.Keys.Dir, c.Data, c.Server = text[0], text[1], text[2], "k0"
	c.HTTP.Listen, c.Gateway.Listen = "127.0.0.1:0", "127.0.0.1:0"
	a, err := Open(t.Context(), c, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	if err := a.Serve(t.Context(), func(at Addresses) { fmt.Println("at", at.HTTP) }); err != nil {
		fmt.Println("failed", err)
	}
}

// seen is what decides what alice sees: her departments and the mask's constant.
type seen struct{ depts, mask string }

func (s seen) rows() string {
	return fmt.Sprintf("%d %s", 3*len(strings.Split(s.depts, ",")), s.mask)
}

type killedGovernor struct {
	*governedSite
	key, env    string
	said, tried seen // what was acknowledged last, and what may have happened besides
	changes     int
	answers     atomic.Int64
}

// round starts a server, waits until the platform is current, changes things, and kills the server.
func (k *killedGovernor) round(t *testing.T, last bool) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKillOfAGovernor$")
	c.Env = append(os.Environ(), k.env)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	at, ok := strings.CutPrefix(strings.TrimSpace(line), "at ")
	if !ok {
		t.Fatal("the server did not start: ", line, err)
	}
	api, err := client.New(at, k.key, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	k.settle(t, api)
	if last {
		if drift, err := api.VerifyConnection(t.Context(), "hr"); err != nil || len(drift) > 0 {
			t.Error(drift, err)
		}
		return
	}
	dead := time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { _ = c.Process.Kill() })
	defer dead.Stop()
	for k.change(t, api) == nil {
		k.changes++
	}
}

// settle waits until the platform is current; then alice sees what was acknowledged, or the change that was under way.
func (k *killedGovernor) settle(t *testing.T, api *client.Client) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		st, err := api.ConnectionStatus(t.Context(), "hr")
		if err == nil && st.Phase == "current" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not current: %+v %v", st, err)
		}
	}
	switch got := k.rows(t, "alice"); got {
	case k.said.rows():
	case k.tried.rows():
		k.said = k.tried
	default:
		t.Fatalf("alice sees %q: neither %q nor %q", got, k.said.rows(), k.tried.rows())
	}
}

func (k *killedGovernor) change(t *testing.T, api *client.Client) error {
	next := k.said
	var err error
	if rand.IntN(2) == 0 {
		next.depts = []string{"d1", "d0,d1"}[rand.IntN(2)]
		k.tried = next
		_, err = api.SetAttributes(t.Context(), stead.DefaultIAM, "alice", stead.Attributes{"dept": strings.Split(next.depts, ",")}, client.With{})
	} else {
		next.mask = string(rune('a' + rand.IntN(26)))
		k.tried = next
		_, err = api.PutPolicy(t.Context(), "mask", json.RawMessage(strings.Replace(maskRule, `"constant":"x"`, fmt.Sprintf(`"constant":%q`, next.mask), 1)), client.With{})
	}
	if err == nil {
		k.said = next
	}
	return err
}

// watch asks as alice all the time.
func (k *killedGovernor) watch(t *testing.T, stop chan struct{}) {
	c, err := pgx.Connect(context.Background(), k.pg.DSN("alice", "target"))
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = c.Close(context.Background()) }()
	for {
		select {
		case <-stop:
			return
		default:
		}
		var got string
		err := c.QueryRow(context.Background(), "SELECT count(*) || ' ' || coalesce(min(ssn), '-') FROM emp").Scan(&got)
		n, mask, _ := strings.Cut(got, " ")
		switch {
		case err != nil && (strings.Contains(err.Error(), "40001") || strings.Contains(err.Error(), "55000")):
		case err != nil:
			t.Error(err)
			return
		case got == "0 -":
		case !slices.Contains([]string{"3", "6"}, n) || len(mask) != 1 || mask[0] < 'a' || mask[0] > 'z':
			t.Error("alice sees ", got)
			return
		default:
			k.answers.Add(1)
		}
	}
}
