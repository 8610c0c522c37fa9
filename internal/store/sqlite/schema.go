package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"stead"
	"stead/internal/store"
)

// steps[i] brings a store from format i to i+1. A step that was released is never edited.
var steps = []string{`
CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE documents (
	noun TEXT NOT NULL, id BIGINT NOT NULL, key TEXT NOT NULL,
	created BIGINT NOT NULL, revision BIGINT NOT NULL, doc TEXT NOT NULL,
	PRIMARY KEY (noun, id), UNIQUE (noun, key));
CREATE TABLE changes (
	revision BIGINT NOT NULL, ordinal BIGINT NOT NULL, op TEXT NOT NULL,
	noun TEXT NOT NULL, id BIGINT NOT NULL, key TEXT NOT NULL, created BIGINT NOT NULL, doc TEXT NOT NULL,
	PRIMARY KEY (revision, ordinal));
CREATE TABLE records (seq BIGINT NOT NULL PRIMARY KEY, doc TEXT NOT NULL);
`}

const (
	revisionCounter = store.RevisionCounter
	recordCounter   = store.RecordCounter
	horizonCounter  = store.HorizonCounter
)

// upgrade brings the store to the newest format, in one transaction, or leaves it as it was.
func upgrade(ctx context.Context, db *sql.DB, steps []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after the commit
	format, err := formatOf(ctx, tx)
	if err != nil {
		return err
	}
	if format > len(steps) {
		return stead.Errorf(stead.Unsupported, "the data folder has format %d, this version knows up to %d", format, len(steps)).
			WithHint("use the newer version of stead, or restore a backup made before the upgrade into an empty folder")
	}
	if format == len(steps) {
		return nil
	}
	for i := format; i < len(steps); i++ {
		if _, err := tx.ExecContext(ctx, steps[i]); err != nil {
			return fmt.Errorf("upgrade to format %d: %w", i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM meta WHERE name = 'format'"); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('format', ?)", strconv.Itoa(len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}

// formatOf reads the format number; a database without tables has format 0.
func formatOf(ctx context.Context, tx *sql.Tx) (int, error) {
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)"); err != nil {
		return 0, err
	}
	var text string
	err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'format'").Scan(&text)
	if err == sql.ErrNoRows {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	format, err := strconv.Atoi(text)
	if err != nil || format < 1 {
		return 0, stead.Errorf(stead.Unsupported, "the data folder's format %q is unknown", text).
			WithHint("restore a backup into an empty folder")
	}
	return format, nil
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// counter reads a counter; one that was never used is 0.
func counter(ctx context.Context, q querier, name string) (int64, error) {
	var v int64
	err := q.QueryRowContext(ctx, "SELECT value FROM counters WHERE name = ?", name).Scan(&v)
	if err == sql.ErrNoRows {
		return 0, nil
	}
	return v, err
}

// advance adds to a counter and returns its new value.
func advance(ctx context.Context, q querier, name string, by int64) (int64, error) {
	var v int64
	err := q.QueryRowContext(ctx, `INSERT INTO counters (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING value`, name, by).Scan(&v)
	return v, err
}
