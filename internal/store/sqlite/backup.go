package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"

	"stead"
	"stead/internal/store"
)

// Backup implements store.Store: it writes a SQLite database. The store goes on working meanwhile.
func (s *Store) Backup(ctx context.Context, w io.Writer) (err error) {
	dir, err := os.MkdirTemp(s.dir, "backup-")
	if err != nil {
		return translate(err)
	}
	defer func() { err = translate(errors.Join(err, os.RemoveAll(dir))) }()
	path := filepath.Join(dir, fileName)
	db, err := connect(filepath.Join(s.dir, fileName), "deferred", false, 1)
	if err != nil {
		return translate(err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", path)
	if err := errors.Join(err, db.Close()); err != nil {
		return translate(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return translate(err)
	}
	_, err = io.Copy(w, readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return f.Read(p)
	}))
	return translate(errors.Join(err, f.Close()))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Restore makes a store in the folder from a backup. A folder that has a store already is refused
// with stead.Conflict, a backup that is cut, damaged or newer than this version with an error; the folder
// has no store then. Ids and revisions go on at a distance (see store.Skipped), so that none is reused.
func Restore(ctx context.Context, dir string, r io.Reader) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return translate(err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return translate(err)
	}
	lock, err := lockFolder(filepath.Join(dir, lockName))
	if err != nil {
		return err
	}
	defer func() { err = translate(errors.Join(err, lock.Close())) }()
	target := filepath.Join(dir, fileName)
	if _, err := os.Lstat(target); !errors.Is(err, os.ErrNotExist) {
		return stead.Errorf(stead.Conflict, "the data folder has a store already").
			WithHint("restore into an empty folder").WithCause(err)
	}
	tmp, err := os.MkdirTemp(dir, "restore-")
	if err != nil {
		return translate(err)
	}
	defer func() { err = translate(errors.Join(err, os.RemoveAll(tmp))) }()
	path := filepath.Join(tmp, fileName)
	if err := receive(ctx, path, r); err != nil {
		return translate(err)
	}
	if err := os.Rename(path, target); err != nil {
		return translate(err)
	}
	return translate(syncDir(dir))
}

// receive writes the backup to the path, checks it and moves its counters on.
func receive(ctx context.Context, path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	db, err := connect(path, "immediate", false, 1)
	if err != nil {
		return err
	}
	err = check(ctx, db)
	if err == nil {
		err = upgrade(ctx, db, steps)
	}
	if err == nil {
		err = moveOn(ctx, db)
	}
	if err == nil { // everything into the one file that is renamed
		_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return errors.Join(err, db.Close())
}

// check refuses what is not a whole backup.
func check(ctx context.Context, db *sql.DB) error {
	refuse := func(cause error) error {
		return stead.Errorf(stead.Invalid, "this is not a whole backup of a store").
			WithHint("take another backup, or copy this one again").WithCause(cause)
	}
	var text string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&text); err != nil {
		return refuse(err)
	}
	if text != "ok" {
		return refuse(errors.New(text))
	}
	if err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'format'").Scan(&text); err != nil {
		return refuse(err)
	}
	return nil
}

func moveOn(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after the commit
	if _, err := tx.ExecContext(ctx, "UPDATE counters SET value = value + ? WHERE name <> ?", store.Skipped, horizonCounter); err != nil {
		return err
	}
	if _, err := advance(ctx, tx, revisionCounter, 0); err != nil {
		return err
	}
	rev, err := counter(ctx, tx, revisionCounter)
	if err != nil {
		return err
	}
	if err := trim(ctx, tx, rev); err != nil {
		return err
	}
	return tx.Commit()
}
