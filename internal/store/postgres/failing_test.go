package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/pgserver"
	"stead/internal/store"
)

func put(ctx context.Context, s store.Store, key string) (stead.Revision, error) {
	return s.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: key, Doc: []byte(`{}`)})
		return err
	})
}

func has(t *testing.T, s store.Store, key string) bool {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		_, err := r.Find(t.Context(), store.Groups, key)
		return err
	})
	if err != nil && stead.CodeOf(err) != stead.NotFound {
		t.Fatal(err)
	}
	return err == nil
}

// TestHangingDatabase: a database that does not answer is away, for whoever asks and for as long as it lasts.
func TestHangingDatabase(t *testing.T) {
	address := newDatabase(t, server)
	p := newProxy(t, server)
	s, err := open(t.Context(), p.through(address, server), Options{}, steps, func(s *Store) {
		s.limits = limits{ask: 200 * time.Millisecond, read: 200 * time.Millisecond}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	create(t, s, "a")
	p.set(func() { p.silent = true })
	for what, ask := range map[string]func() error{
		"update":   func() error { _, err := put(t.Context(), s, "b"); return err },
		"view":     func() error { return s.View(t.Context(), func(store.Reader) error { return nil }) },
		"revision": func() error { _, err := s.Revision(t.Context()); return err },
		"changes":  func() error { _, err := s.Changes(t.Context(), 0, 0); return err },
		"mark":     func() error { _, err := s.Mark(t.Context(), "m", "v", false); return err },
	} {
		if err := ask(); stead.CodeOf(err) != stead.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := put(ended, s, "c"); stead.CodeOf(err) != stead.Canceled {
		t.Errorf("canceled by the caller: %v", err)
	}
	p.set(func() { p.silent = false })
	create(t, s, "back")
}

// TestLostAnswer: when the answer to a commit is lost, the store finds out what became of it.
func TestLostAnswer(t *testing.T) {
	address := newDatabase(t, server)
	p := newProxy(t, server)
	s := openAt(t, p.through(address, server), Options{})
	create(t, s, "a")
	p.set(func() { p.cutAfter = true })
	if rev, err := put(t.Context(), s, "committed"); err != nil || rev != 2 {
		t.Errorf("a commit whose answer was lost: revision %d, %v", rev, err)
	}
	p.set(func() { p.cutAfter, p.cutBefore = false, true })
	runs := 0
	_, err := s.Update(t.Context(), func(tx store.Tx) error {
		runs++
		_, err := tx.Put(t.Context(), store.Row{Noun: store.Groups, Key: "lost", Doc: []byte(`{}`)})
		return err
	})
	if stead.CodeOf(err) != stead.Unavailable || !strings.Contains(err.Error(), "nothing was changed") || runs != 1 {
		t.Errorf("a commit that never arrived: %d runs, %v", runs, err)
	}
	p.set(func() { p.cutBefore = false })
	for key, want := range map[string]bool{"committed": true, "lost": false} {
		if has(t, s, key) != want {
			t.Errorf("%s is there: %v", key, !want)
		}
	}
	if rev := create(t, s, "next"); rev != 3 {
		t.Errorf("the next revision is %d", rev)
	}
}

// TestRunAgain: what the database gives up for another's sake is run again.
func TestRunAgain(t *testing.T) {
	address := newDatabase(t, server)
	s := openAt(t, address, Options{})
	create(t, s, "a")
	run(t, address, `CREATE SEQUENCE public.tries`, `CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN IF nextval('public.tries') < 3 THEN RAISE EXCEPTION 'on purpose' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$`,
		`CREATE TRIGGER refuse BEFORE INSERT ON stead.documents FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
	runs := 0
	rev, err := s.Update(t.Context(), func(tx store.Tx) error {
		runs++
		_, err := tx.Put(t.Context(), store.Row{Noun: store.Groups, Key: "b", Doc: []byte(`{}`)})
		return err
	})
	if err != nil || rev != 2 || runs != 3 {
		t.Errorf("revision %d after %d runs, %v", rev, runs, err)
	}
}

// TestSwallowedFailure: a transaction in which a write failed does not commit, whatever its function returns.
func TestSwallowedFailure(t *testing.T) {
	address := newDatabase(t, server)
	s := openAt(t, address, Options{})
	create(t, s, "a")
	run(t, address, `CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'on purpose'; END $$`,
		`CREATE TRIGGER refuse BEFORE UPDATE ON stead.documents FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
	_, err := s.Update(t.Context(), func(tx store.Tx) error {
		row, err := tx.Find(t.Context(), store.Groups, "a")
		if err != nil {
			return err
		}
		row.Doc = []byte(`{"n":1}`)
		if _, err := tx.Put(t.Context(), row); err == nil {
			t.Error("the put passed")
		}
		return nil
	})
	if rev, _ := s.Revision(t.Context()); err == nil || rev != 1 {
		t.Errorf("revision %d, %v", rev, err)
	}
}

func TestServerRestarts(t *testing.T) {
	own, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	s := openAt(t, newDatabase(t, own), Options{})
	create(t, s, "a")
	woken := s.Watch(t.Context())
	if err := own.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t.Context(), s, "away"); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("while it is away: %v", err)
	}
	if err := own.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for { // the name at the store is taken again with the connection
		if _, err = s.PendingRecords(t.Context(), 0); err == nil {
			break
		}
		if stead.CodeOf(err) != stead.Unavailable {
			t.Fatal(err)
		}
		<-woken // tells when it listens again
	}
	if rev := create(t, s, "b"); rev != 2 || has(t, s, "away") {
		t.Errorf("revision %d", rev)
	}
}

// TestAnotherHistory: a standby that became the primary may lack commits that somebody saw: numbers go on at a
// distance, and consumers begin anew.
func TestAnotherHistory(t *testing.T) {
	own, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	address := newDatabase(t, own)
	s := openAt(t, address, Options{})
	create(t, s, "a")
	standby, err := own.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = standby.Close() }()
	database := address[strings.Index(address, "dbname="):]
	there := strings.Replace(standby.DSN(pgserver.Superuser, "x"), "dbname='x' sslmode=disable", database, 1)
	if _, err := Open(t.Context(), there, Options{}); stead.CodeOf(err) != stead.Unavailable || !strings.Contains(err.Error(), "standby") {
		t.Errorf("a standby was opened: %v", err)
	}
	promoted(t, there)
	s2 := openAt(t, there, Options{})
	row := store.Row{Noun: store.Groups, Key: "after", Doc: []byte(`{}`)}
	if _, err := s2.Update(t.Context(), func(tx store.Tx) (err error) { row, err = tx.Put(t.Context(), row); return err }); err != nil {
		t.Fatal(err)
	}
	if row.ID < store.Skipped || row.Revision < store.Skipped || !has(t, s2, "a") {
		t.Errorf("goes on with %+v", row)
	}
	if _, err := s2.Changes(t.Context(), 1, 0); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("a consumer from before: %v", err)
	}
	if err := s2.Close(); err != nil {
		t.Fatal(err)
	}
	if next := create(t, openAt(t, there, Options{}), "later"); next != row.Revision+1 {
		t.Errorf("moved on again to %d", next)
	}
}

func promoted(t *testing.T, address string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	var done bool
	if err := c.QueryRow(t.Context(), "SELECT pg_promote(true, 60)").Scan(&done); err != nil || !done {
		t.Fatal(done, err)
	}
}

// A crash gives the number of a transaction that it took out again: another's commit under that number is not ours.
func TestANumberGivenOutAgainProvesNothing(t *testing.T) {
	s := openAt(t, newDatabase(t, server), Options{})
	if _, err := s.Update(t.Context(), func(store.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var other identity
	c, err := connect(t.Context(), s.conf)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(c)
	// A transaction of somebody else, which has committed.
	if err := c.QueryRow(t.Context(), "SELECT pg_current_xact_id()::text, value FROM stead.meta WHERE name = 'cluster'").Scan(&other.xid, &other.cluster); err != nil {
		t.Fatal(err)
	}
	other.server, other.token = "commit/"+s.opt.Server, "never committed"
	if err := s.resolve(t.Context(), other, errors.New("lost")); err == nil || strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("it was taken for ours, or for undone: %v", err)
	}
	var last string
	if err := c.QueryRow(t.Context(), "SELECT value FROM stead.meta WHERE name = $1", other.server).Scan(&last); err != nil {
		t.Fatal(err)
	}
	other.token = last
	if err := s.resolve(t.Context(), other, errors.New("lost")); err != nil {
		t.Errorf("what was committed is not known: %v", err)
	}
}
