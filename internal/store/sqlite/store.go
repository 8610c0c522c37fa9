// Package sqlite keeps the governed world in one SQLite file: the embedded default of the
// store contract. Its SQL is the portable kind, so that another database can follow it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"stead"
	"stead/internal/store"
)

const (
	fileName = "store.db"
	lockName = "lock"
	readers  = 8
	// logKeep is how many revisions the change log reaches back at least.
	logKeep = 100_000
	// trimEvery is how often, in revisions, the log is trimmed.
	trimEvery = 1_000
)

// Store is the SQLite store of one data folder.
type Store struct {
	dir  string
	lock *os.File
	// write has one connection: SQLite has one writer, and waiting for it here honours contexts.
	write *sql.DB
	read  *sql.DB
	keep  int64

	watchers store.Watchers
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the folder, makes it if there is none, and upgrades an older
// format. It refuses a folder that another process has open (stead.Conflict) and a format newer
// than it knows (stead.Unsupported); neither is touched then.
func Open(dir string) (*Store, error) { return open(context.Background(), dir, steps) }

func open(ctx context.Context, dir string, steps []string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, translate(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, translate(err)
	}
	lock, err := lockFolder(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, lock: lock, keep: logKeep}
	if err := s.start(ctx, steps); err != nil {
		return nil, translate(errors.Join(err, s.Close()))
	}
	return s, nil
}

// start opens the file in the locked folder.
func (s *Store) start(ctx context.Context, steps []string) (err error) {
	path := filepath.Join(s.dir, fileName)
	if err := createPrivate(path); err != nil {
		return err
	}
	if s.write, err = connect(path, "immediate", false, 1); err != nil {
		return err
	}
	if err := upgrade(ctx, s.write, steps); err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	s.read, err = connect(path, "deferred", true, readers)
	return err
}

// connect opens a pool. A commit is on the disk when it returns (synchronous=FULL).
func connect(path, lock string, readOnly bool, size int) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// createPrivate makes an empty file that only its owner reads, if it is absent.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close closes the store and gives the folder free.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	return translate(errors.Join(errs...))
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.view(ctx, func(r *reader) error { return fn(r) })
}

func (s *Store) view(ctx context.Context, fn func(*reader) error) (err error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return translate(err)
	}
	// Nothing was written: a failing roll-back loses nothing.
	defer func() { _ = tx.Rollback() }()
	// The first read fixes the state that all later ones see.
	rev, err := counter(ctx, tx, revisionCounter)
	if err != nil {
		return translate(err)
	}
	return fn(&reader{tx: tx, revision: stead.Revision(rev)})
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (stead.Revision, error) {
	sqlTx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, translate(err)
	}
	defer func() { _ = sqlTx.Rollback() }() // a no-op after the commit
	rev, err := counter(ctx, sqlTx, revisionCounter)
	if err != nil {
		return 0, translate(err)
	}
	t := &tx{reader: reader{tx: sqlTx, revision: stead.Revision(rev)}}
	if err := fn(t); err != nil {
		return 0, err
	}
	if err := t.finish(ctx); err != nil {
		return 0, translate(err)
	}
	if t.changed && int64(t.revision)%trimEvery == 0 {
		if err := trim(ctx, sqlTx, int64(t.revision)-s.keep); err != nil {
			return 0, translate(err)
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return 0, translate(err)
	}
	s.watchers.Announce()
	return t.revision, nil
}

// Revision implements store.Store.
func (s *Store) Revision(ctx context.Context) (stead.Revision, error) {
	rev, err := counter(ctx, s.read, revisionCounter)
	return stead.Revision(rev), translate(err)
}

// Watch implements store.Store. No other process has the folder open, so that every commit is seen at once.
func (s *Store) Watch(ctx context.Context) <-chan struct{} { return s.watchers.Watch(ctx) }
