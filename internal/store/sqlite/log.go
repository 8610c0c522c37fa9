package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"stead"
	"stead/internal/store"
)

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, after stead.Revision, limit int) ([]store.Change, error) {
	var out []store.Change
	err := s.view(ctx, func(r *reader) error {
		horizon, err := counter(ctx, r.tx, horizonCounter)
		if err != nil {
			return translate(err)
		}
		if err := store.Reaches(stead.Revision(horizon), r.revision, after); err != nil {
			return err
		}
		last, err := lastOf(ctx, r.tx, after, limit)
		if err != nil {
			return translate(err)
		}
		out, err = changes(ctx, r.tx, after, last)
		return translate(err)
	})
	return out, err
}

// lastOf finds the revision up to which whole revisions have about limit entries.
func lastOf(ctx context.Context, tx *sql.Tx, after stead.Revision, limit int) (stead.Revision, error) {
	const most = int64(1<<63 - 1)
	if limit <= 0 {
		return stead.Revision(most), nil
	}
	var last int64
	err := tx.QueryRowContext(ctx, "SELECT revision FROM changes WHERE revision > ? ORDER BY revision, ordinal LIMIT 1 OFFSET ?",
		after, limit-1).Scan(&last)
	if err == sql.ErrNoRows {
		return stead.Revision(most), nil
	}
	return stead.Revision(last), err
}

func changes(ctx context.Context, tx *sql.Tx, after, last stead.Revision) ([]store.Change, error) {
	rows, err := tx.QueryContext(ctx, `SELECT revision, ordinal, op, noun, id, key, created, doc FROM changes
		WHERE revision > ? AND revision <= ? ORDER BY revision, ordinal`, after, last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err has what went wrong
	var out []store.Change
	for rows.Next() {
		c, err := store.ScanChange(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Trim forgets log entries up to and including a revision; consumers that are behind it start
// from a full list. The store does it by itself when the log is long.
func (s *Store) Trim(ctx context.Context, upTo stead.Revision) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return translate(err)
	}
	defer func() { _ = tx.Rollback() }() // a no-op after the commit
	if err := trim(ctx, tx, int64(upTo)); err != nil {
		return translate(err)
	}
	return translate(tx.Commit())
}

func trim(ctx context.Context, tx *sql.Tx, upTo int64) error {
	rev, err := counter(ctx, tx, revisionCounter)
	if err != nil {
		return err
	}
	horizon, err := counter(ctx, tx, horizonCounter)
	if err != nil {
		return err
	}
	upTo = min(upTo, rev)
	if upTo <= horizon {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM changes WHERE revision <= ?", upTo); err != nil {
		return err
	}
	_, err = advance(ctx, tx, horizonCounter, upTo-horizon)
	return err
}

// PendingRecords implements store.Store.
func (s *Store) PendingRecords(ctx context.Context, limit int) ([]store.PendingRecord, error) {
	if limit <= 0 {
		limit = 1 << 30
	}
	rows, err := s.read.QueryContext(ctx, "SELECT seq, doc FROM records ORDER BY seq LIMIT ?", limit)
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has what went wrong
	var out []store.PendingRecord
	for rows.Next() {
		var p store.PendingRecord
		var doc []byte
		if err := rows.Scan(&p.Seq, &doc); err != nil {
			return nil, translate(err)
		}
		if err := json.Unmarshal(doc, &p.Record); err != nil {
			return nil, translate(err)
		}
		out = append(out, p)
	}
	return out, translate(rows.Err())
}

// AckRecords implements store.Store.
func (s *Store) AckRecords(ctx context.Context, seq int64) error {
	_, err := s.write.ExecContext(ctx, "DELETE FROM records WHERE seq <= ?", seq)
	return translate(err)
}
