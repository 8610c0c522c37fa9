package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"math"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/store"
)

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, after stead.Revision, limit int) ([]store.Change, error) {
	var out []store.Change
	err := s.view(ctx, func(r *reader) (err error) {
		out, err = r.changes(ctx, after, limit)
		return err
	})
	return out, err
}

func (r *reader) changes(ctx context.Context, after stead.Revision, limit int) (out []store.Change, err error) {
	if after == r.revision { // nothing is new, which is the usual case
		return nil, nil
	}
	var horizon int64
	last := int64(math.MaxInt64)
	err = bounded(ctx, r.ask, func(ctx context.Context) error {
		if err := r.conn.QueryRow(ctx, "SELECT value FROM stead.counters WHERE name = 'horizon'").Scan(&horizon); err != nil || limit <= 0 {
			return err
		}
		err := r.conn.QueryRow(ctx, "SELECT revision FROM stead.changes WHERE revision > $1 ORDER BY revision, ordinal LIMIT 1 OFFSET $2",
			int64(after), limit-1).Scan(&last)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := store.Reaches(stead.Revision(horizon), r.revision, after); err != nil {
		return nil, err
	}
	err = r.each(ctx, changeColumns+" WHERE revision > $1 AND revision <= $2 ORDER BY revision, ordinal", []any{int64(after), last},
		func(rows pgx.Rows) error {
			c, err := store.ScanChange(rows.Scan)
			out = append(out, c)
			return err
		})
	return out, err
}

const changeColumns = "SELECT revision, ordinal, op, noun, id, key, created, doc FROM stead.changes"

// PendingRecords implements store.Store. A record that this server took is its own until it is acknowledged, also
// when it is killed: only its chain may have the record already.
func (s *Store) PendingRecords(ctx context.Context, limit int) ([]store.PendingRecord, error) {
	if limit <= 0 {
		limit = math.MaxInt32
	}
	if err := s.mustHold(); err != nil {
		return nil, err
	}
	var out []store.PendingRecord
	err := s.direct(ctx, func(ctx context.Context, c *pgx.Conn) error {
		out = nil
		if _, err := c.Exec(ctx, `UPDATE stead.records SET writer = $1 WHERE seq IN
			(SELECT seq FROM stead.records WHERE writer IS NULL ORDER BY seq LIMIT $2 FOR UPDATE SKIP LOCKED)`, s.opt.Server, limit); err != nil {
			return err
		}
		r := reader{limits: s.limits, conn: c}
		return r.each(ctx, "SELECT seq, doc FROM stead.records WHERE writer = $1 ORDER BY seq LIMIT $2", []any{s.opt.Server, limit},
			func(rows pgx.Rows) error {
				var p store.PendingRecord
				var doc []byte
				if err := rows.Scan(&p.Seq, &doc); err != nil {
					return err
				}
				err := json.Unmarshal(doc, &p.Record)
				out = append(out, p)
				return err
			})
	})
	return out, err
}

// AckRecords implements store.Store.
func (s *Store) AckRecords(ctx context.Context, seq int64) error {
	if err := s.mustHold(); err != nil {
		return err
	}
	return s.direct(ctx, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "DELETE FROM stead.records WHERE writer = $1 AND seq <= $2", s.opt.Server, seq)
		return err
	})
}

// Mark implements store.Store.
func (s *Store) Mark(ctx context.Context, name, value string, replace bool) (kept string, err error) {
	insert := "INSERT INTO stead.meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
	if replace {
		insert = "INSERT INTO stead.meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
	}
	err = s.direct(ctx, func(ctx context.Context, c *pgx.Conn) error {
		if _, err := c.Exec(ctx, insert, markPrefix+name, value); err != nil {
			return err
		}
		return c.QueryRow(ctx, "SELECT value FROM stead.meta WHERE name = $1", markPrefix+name).Scan(&kept)
	})
	return kept, err
}

// markPrefix begins the names of marks in the table of what the store notes about itself.
const markPrefix = "mark/"
