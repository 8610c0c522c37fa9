package postgres

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/pgserver"
	"stead/internal/store"
	"stead/internal/store/storetest"
)

var server *pgserver.Server

func TestMain(m *testing.M) {
	if os.Getenv("STEAD_TEST_KILL_ADDRESS") != "" { // a process that is killed could not end a server of its own
		os.Exit(m.Run())
	}
	var err error
	if server, err = pgserver.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if err := server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

var databases atomic.Int64

// newDatabase makes an empty database and returns its address.
func newDatabase(t *testing.T, on *pgserver.Server) string {
	t.Helper()
	name := fmt.Sprintf("store_%d", databases.Add(1))
	run(t, on.DSN(pgserver.Superuser, "postgres"), "CREATE DATABASE "+name)
	return on.DSN(pgserver.Superuser, name)
}

func run(t *testing.T, address string, statements ...string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	for _, sql := range statements {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func openAt(t *testing.T, address string, opt Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), address, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func openTest(t *testing.T) store.Store {
	t.Helper()
	s, err := Open(t.Context(), newDatabase(t, server), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, openTest) }

func TestBackup(t *testing.T) {
	storetest.RunBackup(t, openTest, func(t *testing.T, backup []byte) (store.Store, error) {
		address := newDatabase(t, server)
		if err := Restore(t.Context(), address, Options{}, bytes.NewReader(backup)); err != nil {
			return nil, err
		}
		return Open(t.Context(), address, Options{})
	})
}

func TestRestoreRefusesAStoreInUse(t *testing.T) {
	s := openAt(t, newDatabase(t, server), Options{})
	var backup bytes.Buffer
	if err := s.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	address := newDatabase(t, server)
	other := openAt(t, address, Options{})
	restore := func() error { return Restore(t.Context(), address, Options{}, bytes.NewReader(backup.Bytes())) }
	if err := restore(); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("while a server uses it: %v", err)
	}
	create(t, other, "a")
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := restore(); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("over what is there: %v", err)
	}
	again := openAt(t, address, Options{})
	if rev, err := again.Revision(t.Context()); err != nil || rev != 1 {
		t.Errorf("the refused restore left revision %d, %v", rev, err)
	}
}

func create(t *testing.T, s store.Store, key string) stead.Revision {
	t.Helper()
	rev, err := s.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Put(t.Context(), store.Row{Noun: store.Groups, Key: key, Doc: []byte(`{}`)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rev
}
