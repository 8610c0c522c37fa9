package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stead"
	"stead/internal/audit"
	keyfile "stead/internal/keys/file"
	"stead/internal/pgserver"
	"stead/internal/store"
)

// killAddress and killDir tell the process that is killed what to write to.
const killAddress, killDir = "STEAD_TEST_KILL_ADDRESS", "STEAD_TEST_KILL_DIR"

// killed is one server: what runs in the process that is killed, and what is looked at afterwards.
type killed struct {
	*Store
	log    *audit.Log
	keeper *keyfile.Keeper
}

func openKilled(t *testing.T, address, dir string) *killed {
	t.Helper()
	keeper, err := keyfile.Open(filepath.Join(dir, "..", "keys"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), address, Options{Server: filepath.Base(dir)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(t.Context(), audit.Options{Dir: filepath.Join(dir, "audit"), Writer: filepath.Base(dir), Keeper: keeper, SegmentSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return &killed{s, l, keeper}
}

// TestKillLosesNothing kills servers, and the database under them, at random points, and looks for what was
// acknowledged: every change is there, each with one record in one chain, and none that was said not to have happened.
func TestKillLosesNothing(t *testing.T) {
	if address := os.Getenv(killAddress); address != "" {
		writeUntilKilled(t, address, os.Getenv(killDir))
		return
	}
	own, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	var h *killHouse
	all := 0
	for round := range killRounds {
		if round%10 == 0 {
			h = &killHouse{t: t, pg: own, address: newDatabase(t, own), dir: t.TempDir(), said: map[string]string{}}
		}
		before := len(h.said)
		h.runAndKill(round)
		h.check()
		all += len(h.said) - before
	}
	if all < 10*killRounds {
		t.Errorf("only %d acknowledgements", all)
	}
}

func writeUntilKilled(t *testing.T, address, dir string) {
	k := openKilled(t, address, dir)
	// Shipping fails while the database is away, and is tried again.
	go (&audit.Shipper{Log: k.log, Outbox: k.Store}).Run(t.Context())
	var mu sync.Mutex
	say := func(what, id string) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := fmt.Printf("%s %s\n", what, id); err != nil {
			panic(err)
		}
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				id := audit.NewID()
				err := k.change(t.Context(), id)
				switch {
				case err == nil:
					say("done", id)
				case stead.CodeOf(err) != stead.Unavailable:
					panic(err)
				case strings.Contains(err.Error(), "nothing was changed"):
					say("undone", id)
				}
			}
		})
	}
	wg.Wait()
}

// change commits a row and its record.
func (k *killed) change(ctx context.Context, id string) error {
	_, err := k.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: id, Doc: []byte(`{}`)}); err != nil {
			return err
		}
		return tx.Record(ctx, stead.Record{ID: id, Kind: stead.Change, Time: time.Now().UTC(), Status: stead.Success})
	})
	return err
}

// killHouse is one database with two servers.
type killHouse struct {
	t       *testing.T
	pg      *pgserver.Server
	address string
	dir     string

	mu   sync.Mutex
	said map[string]string // what was said of an id
}

var killServers = []string{"s0", "s1"}

// runAndKill runs the servers, kills the database now and then, and the servers after a random number of acknowledgements.
func (h *killHouse) runAndKill(round int) {
	h.t.Helper()
	heard := make(chan struct{}, 1<<16)
	var cmds []*exec.Cmd
	var readers sync.WaitGroup
	for _, name := range killServers {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKillLosesNothing$")
		cmd.Env = append(os.Environ(), killAddress+"="+h.address, killDir+"="+filepath.Join(h.dir, name))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			h.t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			h.t.Fatal(err)
		}
		cmds = append(cmds, cmd)
		readers.Go(func() { h.read(out, heard) })
	}
	wait := func(n int) {
		for range n {
			select {
			case <-heard:
			case <-time.After(time.Minute):
				h.t.Fatalf("round %d: the servers are silent", round)
			}
		}
	}
	wait(1 + rand.IntN(100))
	if round%2 == 1 {
		h.killDatabase()
		wait(1 + rand.IntN(100))
	}
	for _, cmd := range cmds {
		if err := cmd.Process.Kill(); err != nil {
			h.t.Fatal(err)
		}
	}
	readers.Wait()
	for _, cmd := range cmds {
		if err := cmd.Wait(); err == nil {
			h.t.Fatalf("round %d: a server ended by itself", round)
		}
	}
}

func (h *killHouse) read(out io.Reader, heard chan<- struct{}) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, id, _ := strings.Cut(lines.Text(), " ")
		if len(id) != 32 || what != "done" && what != "undone" { // the last line may be cut
			continue
		}
		h.mu.Lock()
		h.said[id] = what
		h.mu.Unlock()
		if what == "done" {
			heard <- struct{}{}
		}
	}
}

// killDatabase kills the database's first process, which takes the others with it, and starts it again.
func (h *killHouse) killDatabase() {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.pg.Dir, "data", "postmaster.pid"))
	if err != nil {
		h.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
	for range 50 { // it does not start before the last of them has noticed
		if err = h.pg.Restart(h.t.Context()); err == nil {
			return
		}
	}
	h.t.Fatal(err)
}

func (h *killHouse) check() {
	t := h.t
	t.Helper()
	records := map[string]int{}
	var first *killed
	for _, name := range killServers {
		k := openKilled(t, h.address, filepath.Join(h.dir, name))
		defer func() { _ = k.Close() }()
		if err := (&audit.Shipper{Log: k.log, Outbox: k.Store}).Ship(t.Context()); err != nil {
			t.Fatal(err)
		}
		for cursor := ""; ; {
			page, err := k.log.Search(t.Context(), audit.Filter{Kinds: []stead.RecordKind{stead.Change}}, 1000, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				records[e.Record.ID]++
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if err := k.log.Close(); err != nil {
			t.Error(err)
		}
		r, err := audit.Verify(t.Context(), filepath.Join(h.dir, name, "audit"), audit.KeysOf(t.Context(), k.keeper), k.log.Status().Head)
		if err != nil || !r.OK() {
			t.Errorf("verify: %v, %v", r, err)
		}
		if first == nil {
			first = k
		}
	}
	h.compare(first, records)
}

func (h *killHouse) compare(k *killed, records map[string]int) {
	h.t.Helper()
	rows := map[string]bool{}
	cs, err := k.Changes(h.t.Context(), 0, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	for i, c := range cs {
		if c.Revision != stead.Revision(i+1) {
			h.t.Fatalf("revision %d follows %d", c.Revision, i)
		}
		rows[c.Row.Key] = true
	}
	for id, what := range h.said {
		if rows[id] != (what == "done") {
			h.t.Errorf("%s was said to be %s; it is there: %v", id, what, rows[id])
		}
	}
	for id := range rows {
		if records[id] != 1 {
			h.t.Errorf("the change %s has %d records", id, records[id])
		}
	}
	if len(records) != len(rows) {
		h.t.Errorf("%d records of %d changes", len(records), len(rows))
	}
}
