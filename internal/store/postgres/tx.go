package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/store"
)

const columns = "SELECT id, key, created, revision, doc FROM stead.documents WHERE noun = $1"

// reader reads within one transaction.
type reader struct {
	limits
	conn     *pgx.Conn
	revision stead.Revision
}

func (r *reader) Revision() stead.Revision { return r.revision }

func (r *reader) Get(ctx context.Context, noun store.Noun, id int64) (store.Row, error) {
	return r.one(ctx, noun, columns+" AND id = $2", string(noun), id)
}

func (r *reader) Find(ctx context.Context, noun store.Noun, key string) (store.Row, error) {
	if !utf8.ValidString(key) || strings.ContainsRune(key, 0) { // the database refuses to look for it
		return store.Row{}, store.Absent(noun)
	}
	return r.one(ctx, noun, columns+" AND key = $2", string(noun), key)
}

func (r *reader) one(ctx context.Context, noun store.Noun, query string, args ...any) (store.Row, error) {
	row := store.Row{Noun: noun}
	err := bounded(ctx, r.ask, func(ctx context.Context) error {
		return r.conn.QueryRow(ctx, query, args...).Scan(&row.ID, &row.Key, &row.Created, &row.Revision, &row.Doc)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Row{}, store.Absent(noun)
	}
	if err != nil {
		return store.Row{}, translate(ctx, err)
	}
	return row, nil
}

func (r *reader) List(ctx context.Context, noun store.Noun, after int64, limit int) ([]store.Row, error) {
	query, args := columns+" AND id > $2 ORDER BY id", []any{string(noun), after}
	if limit > 0 {
		query, args = query+" LIMIT $3", append(args, limit)
	}
	var out []store.Row
	err := r.each(ctx, query, args, func(rows pgx.Rows) error {
		row := store.Row{Noun: noun}
		if err := rows.Scan(&row.ID, &row.Key, &row.Created, &row.Revision, &row.Doc); err != nil {
			return err
		}
		out = append(out, row)
		return nil
	})
	return out, translate(ctx, err)
}

// each runs fn on every row of an answer.
func (r *reader) each(ctx context.Context, query string, args []any, fn func(pgx.Rows) error) error {
	return bounded(ctx, r.read, func(ctx context.Context) error {
		rows, err := r.conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := fn(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// tx writes. The revision is taken by the first change, so that a transaction without one takes none; the
// turn to write makes it certain which it is.
type tx struct {
	reader
	changed bool
	ordinal int
	records []stead.Record
	// failed is the first error of a statement that wrote: the transaction must not commit then,
	// even if the caller went on.
	failed error
}

func (t *tx) Put(ctx context.Context, row store.Row) (store.Row, error) {
	old, same, err := store.Admit(ctx, t, row)
	if err != nil || same {
		return old, err
	}
	row.Created = old.Created
	if err := t.write(ctx, &row, old.ID == 0); err != nil {
		t.failed = errors.Join(t.failed, err)
		return store.Row{}, translate(ctx, err)
	}
	return row, nil
}

// Each statement writes the row and logs the change at once. Its id is what comes back.
const (
	logPut = `, done AS (INSERT INTO stead.changes (revision, ordinal, op, noun, id, key, created, doc)
	SELECT doc.revision, $5::bigint, 'put', doc.noun, doc.id, doc.key, doc.created, $6::text FROM doc)
	SELECT id FROM doc`
	insertCounted = `WITH next AS (INSERT INTO stead.counters (name, value) VALUES ('id/' || $1::text, 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value),
	doc AS (INSERT INTO stead.documents (noun, id, key, created, revision, doc)
		SELECT $1::text, value, $2::text, $3::bigint, $3::bigint, $4::text FROM next RETURNING *)` + logPut
	insertBorrowed = `WITH doc AS (INSERT INTO stead.documents (noun, id, key, created, revision, doc)
		VALUES ($1::text, $7::bigint, $2::text, $3::bigint, $3::bigint, $4::text) RETURNING *)` + logPut
	replace = `WITH doc AS (UPDATE stead.documents SET key = $2::text, revision = $3::bigint, doc = $4::text
		WHERE noun = $1::text AND id = $7::bigint RETURNING *)` + logPut
	remove = `WITH doc AS (DELETE FROM stead.documents WHERE noun = $1 AND id = $2 RETURNING *)
	INSERT INTO stead.changes (revision, ordinal, op, noun, id, key, created, doc)
	SELECT $3::bigint, $4::bigint, 'delete', noun, id, key, 0, '' FROM doc RETURNING id`
)

// write stores the row and logs the change.
func (t *tx) write(ctx context.Context, row *store.Row, create bool) error {
	t.change()
	row.Revision = t.revision
	if create {
		row.Created = t.revision
	}
	logged := string(row.Doc)
	if store.Secret(row.Noun) {
		logged = ""
	}
	t.ordinal++
	query, args := insertCounted, []any{string(row.Noun), row.Key, int64(t.revision), string(row.Doc), t.ordinal, logged}
	if row.ID != 0 {
		query, args = replace, append(args, row.ID)
		if create {
			query = insertBorrowed
		}
	}
	return bounded(ctx, t.ask, func(ctx context.Context) error { return t.conn.QueryRow(ctx, query, args...).Scan(&row.ID) })
}

func (t *tx) Delete(ctx context.Context, noun store.Noun, id int64) error {
	if _, err := t.Get(ctx, noun, id); err != nil {
		return err
	}
	t.change()
	t.ordinal++
	err := bounded(ctx, t.ask, func(ctx context.Context) error {
		return t.conn.QueryRow(ctx, remove, string(noun), id, int64(t.revision), t.ordinal).Scan(&id)
	})
	t.failed = errors.Join(t.failed, err)
	return translate(ctx, err)
}

// change takes the transaction's revision.
func (t *tx) change() {
	if !t.changed {
		t.revision, t.changed = t.revision+1, true
	}
}

func (t *tx) Record(_ context.Context, r stead.Record) error {
	if err := store.CheckRecord(r); err != nil {
		return err
	}
	t.records = append(t.records, r)
	return nil
}

// finish writes the revision and the records, tells the other servers, and says whether the transaction may commit.
func (t *tx) finish(ctx context.Context) error {
	if t.failed != nil || !t.changed && len(t.records) == 0 {
		return t.failed
	}
	docs := make([]string, len(t.records))
	for i, r := range t.records {
		if r.Revision == 0 && t.changed {
			r.Revision = t.revision
		}
		doc, err := json.Marshal(r)
		if err != nil {
			return err
		}
		docs[i] = string(doc)
	}
	var b pgx.Batch
	if t.changed {
		b.Queue("UPDATE stead.counters SET value = $1 WHERE name = 'revision'", int64(t.revision))
	}
	if len(docs) > 0 {
		b.Queue(`WITH last AS (UPDATE stead.counters SET value = value + cardinality($1::text[]) WHERE name = 'record' RETURNING value)
			INSERT INTO stead.records (seq, doc) SELECT last.value - cardinality($1::text[]) + n, d.doc
			FROM last, unnest($1::text[]) WITH ORDINALITY AS d(doc, n)`, docs)
	}
	b.Queue("SELECT pg_notify('" + channel + "', '')")
	return bounded(ctx, t.ask, func(ctx context.Context) error { return t.conn.SendBatch(ctx, &b).Close() })
}
