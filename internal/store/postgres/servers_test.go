package postgres

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stead"
	"stead/internal/store"
)

// servers opens the store as several servers.
func servers(t *testing.T, n int) []*Store {
	t.Helper()
	address := newDatabase(t, server)
	var out []*Store
	for i := range n {
		out = append(out, openAt(t, address, Options{Server: fmt.Sprint("s", i)}))
	}
	return out
}

// TestOrderOfCommits: whoever saw revision n, on whatever server, never sees a later commit with a revision of n or
// less. Each commit makes one row, so that a state of revision r has r rows, and those up to n never change.
func TestOrderOfCommits(t *testing.T) {
	all := servers(t, 3)
	ctx := t.Context()
	const writers, each = 3, 30
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for i, s := range all {
		for w := range writers {
			writing.Go(func() {
				for n := range each {
					if _, err := put(ctx, s, fmt.Sprint(i, "-", w, "-", n)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		reading.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			var cursor stead.Revision
			for {
				select {
				case <-done:
					return
				default:
				}
				seen, err := all[r.IntN(len(all))].Revision(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.View(ctx, func(r store.Reader) error {
					rows, err := r.List(ctx, store.Groups, 0, 0)
					if r.Revision() < seen || len(rows) != int(r.Revision()) {
						t.Errorf("revision %d was seen, then %d with %d rows", seen, r.Revision(), len(rows))
					}
					return err
				}); err != nil {
					t.Error(err)
				}
				cs, err := s.Changes(ctx, cursor, 1+r.IntN(20))
				if err != nil {
					t.Error(err)
				}
				for _, c := range cs {
					if c.Revision != cursor+1 {
						t.Errorf("revision %d follows %d", c.Revision, cursor)
					}
					cursor = c.Revision
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	if rev, err := all[0].Revision(ctx); err != nil || rev != 3*writers*each {
		t.Errorf("revision %d, %v", rev, err)
	}
}

// TestServersSeeEachOther: a commit of one wakes the others, also when nothing is told of it, and after the connection that listens was lost.
func TestServersSeeEachOther(t *testing.T) {
	address := newDatabase(t, server)
	writer := openAt(t, address, Options{Server: "writer"})
	for name, change := range map[string]func(*Store){"told": func(*Store) {}, "not-told": func(s *Store) { s.deaf = true }} {
		t.Run(name, func(t *testing.T) {
			s, err := open(t.Context(), address, Options{Server: name}, steps, change)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			woken := s.Watch(t.Context())
			for i := range 3 {
				want := create(t, writer, fmt.Sprint(name, i))
				waitFor(t, s, woken, want)
			}
			run(t, address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			waitFor(t, s, woken, create(t, writer, name+" after"))
			if _, err := writer.Update(t.Context(), func(tx store.Tx) error { return tx.Record(t.Context(), record(name)) }); err != nil {
				t.Fatal(err)
			}
			for len(mustPending(t, s, woken)) == 0 { // records alone wake too
				<-woken
			}
		})
	}
}

func waitFor(t *testing.T, s *Store, woken <-chan struct{}, want stead.Revision) {
	t.Helper()
	for {
		if rev, err := s.Revision(t.Context()); err == nil && rev >= want {
			return
		} else if err != nil && stead.CodeOf(err) != stead.Unavailable {
			t.Fatal(err)
		}
		<-woken
	}
}

// mustPending asks again while the name is being taken again.
func mustPending(t *testing.T, s *Store, woken <-chan struct{}) []store.PendingRecord {
	t.Helper()
	for {
		p, err := s.PendingRecords(t.Context(), 0)
		if err == nil {
			return p
		}
		if stead.CodeOf(err) != stead.Unavailable {
			t.Fatal(err)
		}
		<-woken
	}
}

func record(id string) stead.Record {
	return stead.Record{ID: id, Kind: stead.Change, Time: time.Unix(1700000000, 0).UTC(), Status: stead.Success}
}

// TestEachRecordGoesToOneServer: also when servers are slow to acknowledge, or are closed and opened again before they do.
func TestEachRecordGoesToOneServer(t *testing.T) {
	address := newDatabase(t, server)
	const count, n = 3, 120
	first := openAt(t, address, Options{Server: "s0"})
	for i := range n {
		if _, err := first.Update(t.Context(), func(tx store.Tx) error { return tx.Record(t.Context(), record(fmt.Sprint("r", i))) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	got := make([]map[string]bool, count)
	var wg sync.WaitGroup
	for i := range count {
		got[i] = map[string]bool{}
		wg.Go(func() { shipAll(t, address, fmt.Sprint("s", i), uint64(i), got[i]) })
	}
	wg.Wait()
	all := map[string]int{}
	for _, ids := range got {
		for id := range ids {
			all[id]++
		}
	}
	for i := range n {
		if id := fmt.Sprint("r", i); all[id] != 1 {
			t.Errorf("%s went to %d servers", id, all[id])
		}
	}
}

// shipAll takes records until none is left, and stops now and then before it acknowledges.
func shipAll(t *testing.T, address, name string, seed uint64, got map[string]bool) {
	r := rand.New(rand.NewPCG(seed, 7))
	for {
		s, err := Open(t.Context(), address, Options{Server: name})
		if err != nil {
			t.Error(err)
			return
		}
		for r.IntN(8) > 0 {
			pending, err := s.PendingRecords(t.Context(), 1+r.IntN(9))
			if err != nil {
				t.Error(err)
			}
			if len(pending) == 0 {
				_ = s.Close()
				return
			}
			if !slices.IsSortedFunc(pending, func(a, b store.PendingRecord) int { return int(a.Seq - b.Seq) }) {
				t.Errorf("not in order: %v", pending)
			}
			for _, p := range pending {
				got[p.Record.ID] = true
			}
			if r.IntN(4) == 0 {
				break
			}
			if err := s.AckRecords(t.Context(), pending[len(pending)-1].Seq); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNameIsTaken(t *testing.T) {
	address := newDatabase(t, server)
	a := openAt(t, address, Options{Server: "a"})
	// The wait for the name is what the test would wait for.
	short := strings.Replace(address, "sslmode", "options='-c lock_timeout=100' sslmode", 1)
	_, err := open(t.Context(), short, Options{Server: "a"}, steps, func(s *Store) { s.conf.RuntimeParams["lock_timeout"] = "100" })
	if stead.CodeOf(err) != stead.Conflict {
		t.Errorf("opened twice: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, address, Options{Server: "a"})
}

// TestVersions: servers of a format go on, and start, over a later one that only adds; over one that breaks they do not.
func TestVersions(t *testing.T) {
	address := newDatabase(t, server)
	adds := append(slices.Clone(steps), step{sql: "ALTER TABLE stead.records ADD COLUMN note TEXT; CREATE TABLE stead.extra (n BIGINT)"})
	breaks := append(slices.Clone(adds), step{breaks: true, sql: "ALTER TABLE stead.records ALTER COLUMN note SET NOT NULL"})
	broken := append(slices.Clone(adds), step{sql: "CREATE TABLE stead.half (n BIGINT); CREATE TABLE stead.half (n BIGINT)"})
	start := func(name string, steps []step) (*Store, error) {
		s, err := open(t.Context(), address, Options{Server: name}, steps, func(*Store) {})
		if err == nil {
			t.Cleanup(func() { _ = s.Close() })
		}
		return s, err
	}
	old := openAt(t, address, Options{Server: "old"})
	create(t, old, "a")
	newer, err := start("newer", adds)
	if err != nil {
		t.Fatal(err)
	}
	create(t, old, "b")
	create(t, newer, "c")
	if _, err := old.Update(t.Context(), func(tx store.Tx) error { return tx.Record(t.Context(), record("r")) }); err != nil {
		t.Error(err)
	}
	if rev, err := old.Revision(t.Context()); err != nil || rev != 3 {
		t.Errorf("revision %d, %v", rev, err)
	}
	again, err := start("again", steps)
	if err != nil {
		t.Fatalf("a server of the format before, over one that adds: %v", err)
	}
	if _, err := start("broken", broken); err == nil {
		t.Error("a broken step passed")
	}
	if _, err := start("breaks", breaks); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("a step that breaks, while servers run: %v", err)
	}
	if p, err := newer.PendingRecords(t.Context(), 0); err != nil || len(p) != 1 {
		t.Errorf("%v, %v", p, err)
	} else if err := newer.AckRecords(t.Context(), p[0].Seq); err != nil {
		t.Error(err)
	}
	for _, s := range []*Store{old, newer, again} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := start("breaks", breaks); err != nil {
		t.Fatalf("a step that breaks, while none runs: %v", err)
	}
	for _, before := range [][]step{steps, adds} {
		if _, err := start("late", before); stead.CodeOf(err) != stead.Unsupported {
			t.Errorf("a server of an older version was let in: %v", err)
		}
	}
}

// TestOrdinaryRole: the store needs a database of its own role, and nothing of the superuser's.
func TestOrdinaryRole(t *testing.T) {
	run(t, server.DSN("postgres", "postgres"), "CREATE ROLE store_role LOGIN", "CREATE DATABASE store_own OWNER store_role", "CREATE ROLE store_other LOGIN")
	own := server.DSN("store_role", "store_own")
	s := openAt(t, own, Options{})
	create(t, s, "a")
	if _, err := Open(t.Context(), server.DSN("store_other", "store_own"), Options{}); err == nil {
		t.Error("another role was let in")
	}
	run(t, server.DSN("postgres", "postgres"), "CREATE DATABASE store_laid OWNER store_role")
	run(t, server.DSN("postgres", "store_laid"), "CREATE SCHEMA stead AUTHORIZATION store_other")
	if _, err := Open(t.Context(), server.DSN("store_role", "store_laid"), Options{}); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("a schema of somebody else's: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"postgres://stead@db/stead?sslmode=verify-full": true,
		"host=db user=stead dbname=stead":               true,
		"postgres://stead:secret@db/stead":              false,
		"postgres://db/stead?user=u&password=secret":    false,
		"host=db password=secret":                       false,
		"host=db password = secret":                     false,
		"postgres://db:nonsense/":                       false,
	} {
		err := Check(address)
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || stead.CodeOf(err) != stead.Invalid) {
			t.Errorf("%s: %v", address, err)
		}
	}
	conf, err := parse("postgres://stead@db.example.com/stead", "p")
	if err != nil || conf.TLSConfig == nil || conf.Password != "p" {
		t.Fatal(conf, err)
	}
	for _, f := range conf.Fallbacks {
		if f.TLSConfig == nil {
			t.Error("the password may be sent to another machine in the clear")
		}
	}
}
