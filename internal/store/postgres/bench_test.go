package postgres

import (
	"context"
	"fmt"
	"testing"

	"stead"
	"stead/internal/pgserver"
	"stead/internal/store"
	"stead/internal/store/sqlite"
)

// BenchmarkUpdate is one change with its record: SQLite and PostgreSQL with their disks waited for, in one run.
func BenchmarkUpdate(b *testing.B) {
	pg, err := pgserver.Start(b.Context(), "fsync = on", "full_page_writes = on")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = pg.Close() }()
	address := pg.DSN(pgserver.Superuser, "postgres")
	b.Run("sqlite", func(b *testing.B) {
		s, err := sqlite.Open(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		update(b, s)
	})
	b.Run("postgres", func(b *testing.B) {
		s, err := Open(b.Context(), address, Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		update(b, s)
	})
}

func update(b *testing.B, s store.Store) {
	b.Helper()
	row := store.Row{Noun: store.Groups, Key: "a", Doc: []byte(`{}`)}
	n := 0
	for b.Loop() {
		n++
		_, err := s.Update(b.Context(), func(tx store.Tx) (err error) {
			next := row
			next.Doc = []byte(fmt.Sprintf(`{"n":%d}`, n))
			if row, err = tx.Put(b.Context(), next); err != nil {
				return err
			}
			return tx.Record(b.Context(), record("r"))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChangeSeen is from the begin of a change on one server until another has read it from the log.
func BenchmarkChangeSeen(b *testing.B) {
	pg, err := pgserver.Start(b.Context(), "fsync = on", "full_page_writes = on")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = pg.Close() }()
	address := pg.DSN(pgserver.Superuser, "postgres")
	open := func(name string, change func(*Store)) *Store {
		s, err := open(context.Background(), address, Options{Server: name}, steps, change)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		return s
	}
	writer := open("writer", func(*Store) {})
	for name, s := range map[string]*Store{"told": open("told", func(*Store) {}), "asked": open("asked", func(s *Store) { s.deaf = true })} {
		b.Run(name, func(b *testing.B) {
			first, err := s.Revision(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			seen := make(chan stead.Revision, 1000)
			go follow(b, s, first, seen)
			n := 0
			for b.Loop() {
				n++
				want, err := put(b.Context(), writer, fmt.Sprint(name, b.N, "-", n))
				if err != nil {
					b.Fatal(err)
				}
				for <-seen < want {
				}
			}
		})
	}
}

// follow tells what revisions it reads, each time that it is woken.
func follow(b *testing.B, s *Store, cursor stead.Revision, seen chan<- stead.Revision) {
	for range s.Watch(b.Context()) {
		cs, err := s.Changes(b.Context(), cursor, 0)
		if err != nil {
			return
		}
		for _, c := range cs {
			cursor = c.Revision
			seen <- cursor
		}
	}
}
