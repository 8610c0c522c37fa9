package audit

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stead"
	keyfile "stead/internal/keys/file"
	"stead/internal/store"
	"stead/internal/store/sqlite"
)

const killDir = "STEAD_TEST_KILL"

// killed is what runs in the process that is killed, and what is looked at afterwards.
type killed struct {
	store *sqlite.Store
	log   *Log
}

func openKilled(t *testing.T, dir string) *killed {
	t.Helper()
	keeper, err := keyfile.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), Options{Dir: filepath.Join(dir, "audit"), Writer: "w1", Keeper: keeper, SegmentSize: 16 << 10, CheckpointEvery: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	return &killed{s, l}
}

// TestKillLosesNothing kills a process that writes changes and records, at random points, and looks
// for everything that it had acknowledged.
func TestKillLosesNothing(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	var dir string
	var acked map[string]bool
	all := 0
	for round := range killRounds {
		if round%10 == 0 { // killed ten times in the same folder
			dir, acked = t.TempDir(), map[string]bool{}
		}
		before := len(acked)
		runAndKill(t, dir, round, acked)
		checkKilled(t, dir, acked)
		all += len(acked) - before
	}
	if all < 2*killRounds {
		t.Errorf("only %d acknowledgements", all)
	}
}

func writeUntilKilled(t *testing.T, dir string) {
	k := openKilled(t, dir)
	go (&Shipper{Log: k.log, Outbox: k.store, Failed: func(err error) { panic(err) }}).Run(t.Context())
	var mu sync.Mutex
	ack := func(kind, id string) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := fmt.Printf("ack %s %s\n", kind, id); err != nil {
			panic(err)
		}
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				r := query("ana", "bi")
				r.ID = NewID()
				if err := k.log.Append(t.Context(), r); err != nil {
					panic(err)
				}
				ack("record", r.ID)
			}
		})
		wg.Go(func() {
			for {
				id := NewID()
				if err := k.change(t.Context(), id); err != nil {
					panic(err)
				}
				ack("change", id)
			}
		})
	}
	wg.Wait()
}

// change commits a row and its record.
func (k *killed) change(ctx context.Context, id string) error {
	_, err := k.store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: id, Doc: []byte(`{}`)}); err != nil {
			return err
		}
		r := query("ana", "bi")
		r.ID, r.Kind, r.Time = id, stead.Change, k.log.opt.Now().UTC()
		return tx.Record(ctx, r)
	})
	return err
}

// runAndKill kills the process after a random number of acknowledgements: it is in the midst of others then.
func runAndKill(t *testing.T, dir string, round int, acked map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillLosesNothing$")
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	left := 1 + rand.IntN(150)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 3 || f[0] != "ack" || len(f[2]) != 32 {
			if left > 0 { // the last line may be cut
				t.Fatalf("round %d: the process said %q", round, lines.Text())
			}
			continue
		}
		acked[f[1]+" "+f[2]] = true
		if left--; left == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || left > 0 {
		t.Fatalf("round %d: the process ended by itself: %v", round, err)
	}
}

func checkKilled(t *testing.T, dir string, acked map[string]bool) {
	t.Helper()
	k := openKilled(t, dir)
	defer func() {
		if err := k.log.Close(); err != nil {
			t.Error(err)
		}
		if err := k.store.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := (&Shipper{Log: k.log, Outbox: k.store}).Ship(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	if err := k.store.View(t.Context(), func(r store.Reader) error {
		rows, err := r.List(t.Context(), store.Groups, 0, 0)
		for _, row := range rows {
			keys[row.Key] = true
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	records := map[string]int{}
	if _, err := k.log.each(t.Context(), &Filter{}, func(e *Entry) error { records[e.Record.ID]++; return nil }); err != nil {
		t.Fatal(err)
	}
	for what := range acked {
		kind, id, _ := strings.Cut(what, " ")
		if records[id] != 1 {
			t.Errorf("the record of the acknowledged %s is there %d times", what, records[id])
		}
		if kind == "change" && !keys[id] {
			t.Errorf("the acknowledged %s is lost", what)
		}
	}
	for id, n := range records {
		if n != 1 {
			t.Errorf("the record %s is there %d times", id, n)
		}
	}
	for key := range keys {
		if records[key] != 1 {
			t.Errorf("the change %s has no record", key)
		}
	}
	checkOrder(t, k, dir)
}

// checkOrder looks for gaps in the change log and the chain.
func checkOrder(t *testing.T, k *killed, dir string) {
	t.Helper()
	cs, err := k.store.Changes(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cs {
		if c.Revision != stead.Revision(i+1) {
			t.Fatalf("revision %d follows %d", c.Revision, i)
		}
	}
	r, err := Verify(t.Context(), filepath.Join(dir, "audit"), KeysOf(t.Context(), k.log.opt.Keeper), k.log.Status().Head)
	if err != nil || !r.OK() {
		t.Errorf("verify: %v, %v", r, err)
	}
}
