package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"stead/internal/store"
)

// markPrefix begins the names of marks in the table of what the store notes about itself.
const markPrefix = "mark/"

// Mark implements store.Store.
func (s *Store) Mark(ctx context.Context, name, value string, replace bool) (kept string, err error) {
	insert := "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
	if replace {
		insert = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return "", translate(err)
	}
	defer func() { _ = tx.Rollback() }() // a no-op after the commit
	if _, err := tx.ExecContext(ctx, insert, markPrefix+name, value); err != nil {
		return "", translate(err)
	}
	if err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", markPrefix+name).Scan(&kept); err != nil {
		return "", translate(err)
	}
	return kept, translate(tx.Commit())
}

// Export implements store.Store.
func (s *Store) Export(ctx context.Context, fn func(*store.Item) error) error {
	return s.view(ctx, func(r *reader) error {
		for _, part := range []struct {
			query string
			scan  func(*sql.Rows) (*store.Item, error)
		}{
			{"SELECT name, value FROM counters ORDER BY name", counterItem},
			{"SELECT name, value FROM meta WHERE name LIKE 'mark/%' ORDER BY name", markItem},
			{"SELECT noun, id, key, created, revision, doc FROM documents ORDER BY noun, id", rowItem},
			{"SELECT revision, ordinal, op, noun, id, key, created, doc FROM changes ORDER BY revision, ordinal", changeItem},
			{"SELECT seq, doc FROM records ORDER BY seq", recordItem},
		} {
			if err := exportPart(ctx, r.tx, part.query, part.scan, fn); err != nil {
				return translate(err)
			}
		}
		return nil
	})
}

func exportPart(ctx context.Context, tx *sql.Tx, query string, scan func(*sql.Rows) (*store.Item, error), fn func(*store.Item) error) (err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		i, err := scan(rows)
		if err != nil {
			return err
		}
		if err := fn(i); err != nil {
			return err
		}
	}
	return rows.Err()
}

func counterItem(rows *sql.Rows) (*store.Item, error) {
	var c store.Counter
	err := rows.Scan(&c.Name, &c.Value)
	return &store.Item{Counter: &c}, err
}

func markItem(rows *sql.Rows) (*store.Item, error) {
	var m store.Mark
	err := rows.Scan(&m.Name, &m.Value)
	m.Name = strings.TrimPrefix(m.Name, markPrefix)
	return &store.Item{Mark: &m}, err
}

func rowItem(rows *sql.Rows) (*store.Item, error) {
	var r store.Row
	err := rows.Scan(&r.Noun, &r.ID, &r.Key, &r.Created, &r.Revision, &r.Doc)
	return &store.Item{Row: &r}, err
}

func changeItem(rows *sql.Rows) (*store.Item, error) {
	c, err := store.ScanChange(rows.Scan)
	return &store.Item{Change: &c}, err
}

func recordItem(rows *sql.Rows) (*store.Item, error) {
	var r store.StoredRecord
	err := rows.Scan(&r.Seq, &r.Doc)
	return &store.Item{Record: &r}, err
}
