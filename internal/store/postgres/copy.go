package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"stead/internal/store"
)

// Export implements store.Store.
func (s *Store) Export(ctx context.Context, fn func(*store.Item) error) error {
	return s.view(ctx, func(r *reader) error {
		return bounded(ctx, exportTime, func(ctx context.Context) error {
			if _, err := r.conn.Exec(ctx, "SET LOCAL statement_timeout = "+millis(exportTime)); err != nil {
				return err
			}
			return export(ctx, r.conn, fn)
		})
	})
}

// exportTime is for a whole store, at the pace of whoever takes it.
const exportTime = 30 * time.Minute

// parts are the statements that read a whole store, in the order of store.Item.
var parts = []struct {
	query string
	scan  func(pgx.Rows) (*store.Item, error)
}{
	{"SELECT name, value FROM stead.counters ORDER BY name", counterItem},
	{"SELECT name, value FROM stead.meta WHERE name LIKE 'mark/%' ORDER BY name", markItem},
	{"SELECT noun, id, key, created, revision, doc FROM stead.documents ORDER BY noun, id", rowItem},
	{changeColumns + " ORDER BY revision, ordinal", changeItem},
	{"SELECT seq, coalesce(writer, ''), doc FROM stead.records ORDER BY seq", recordItem},
}

// export reads within the transaction of the connection.
func export(ctx context.Context, conn *pgx.Conn, fn func(*store.Item) error) error {
	for _, part := range parts {
		rows, err := conn.Query(ctx, part.query)
		if err != nil {
			return translate(ctx, err)
		}
		for rows.Next() {
			i, err := part.scan(rows)
			if err == nil {
				err = fn(i)
			}
			if err != nil {
				rows.Close()
				return translate(ctx, err)
			}
		}
		if err := rows.Err(); err != nil {
			return translate(ctx, err)
		}
	}
	return nil
}

func counterItem(rows pgx.Rows) (*store.Item, error) {
	var c store.Counter
	err := rows.Scan(&c.Name, &c.Value)
	return &store.Item{Counter: &c}, err
}

func markItem(rows pgx.Rows) (*store.Item, error) {
	var m store.Mark
	err := rows.Scan(&m.Name, &m.Value)
	m.Name = strings.TrimPrefix(m.Name, markPrefix)
	return &store.Item{Mark: &m}, err
}

func rowItem(rows pgx.Rows) (*store.Item, error) {
	var r store.Row
	err := rows.Scan(&r.Noun, &r.ID, &r.Key, &r.Created, &r.Revision, &r.Doc)
	return &store.Item{Row: &r}, err
}

func changeItem(rows pgx.Rows) (*store.Item, error) {
	c, err := store.ScanChange(rows.Scan)
	return &store.Item{Change: &c}, err
}

func recordItem(rows pgx.Rows) (*store.Item, error) {
	var r store.StoredRecord
	err := rows.Scan(&r.Seq, &r.Writer, &r.Doc)
	return &store.Item{Record: &r}, err
}
