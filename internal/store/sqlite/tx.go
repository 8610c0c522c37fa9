package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"stead"
	"stead/internal/store"
)

const columns = "SELECT id, key, created, revision, doc FROM documents WHERE noun = ?"

// reader reads within one transaction.
type reader struct {
	tx       *sql.Tx
	revision stead.Revision
}

func (r *reader) Revision() stead.Revision { return r.revision }

func (r *reader) Get(ctx context.Context, noun store.Noun, id int64) (store.Row, error) {
	return r.one(ctx, noun, columns+" AND id = ?", string(noun), id)
}

func (r *reader) Find(ctx context.Context, noun store.Noun, key string) (store.Row, error) {
	return r.one(ctx, noun, columns+" AND key = ?", string(noun), key)
}

func (r *reader) one(ctx context.Context, noun store.Noun, query string, args ...any) (store.Row, error) {
	row := store.Row{Noun: noun}
	err := r.tx.QueryRowContext(ctx, query, args...).Scan(&row.ID, &row.Key, &row.Created, &row.Revision, &row.Doc)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Row{}, store.Absent(noun)
	}
	if err != nil {
		return store.Row{}, translate(err)
	}
	return row, nil
}

func (r *reader) List(ctx context.Context, noun store.Noun, after int64, limit int) ([]store.Row, error) {
	query, args := columns+" AND id > ? ORDER BY id", []any{string(noun), after}
	if limit > 0 {
		query, args = query+" LIMIT ?", append(args, limit)
	}
	rows, err := r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has what went wrong
	var out []store.Row
	for rows.Next() {
		row := store.Row{Noun: noun}
		if err := rows.Scan(&row.ID, &row.Key, &row.Created, &row.Revision, &row.Doc); err != nil {
			return nil, translate(err)
		}
		out = append(out, row)
	}
	return out, translate(rows.Err())
}

// tx writes. The revision is taken by the first change, so that a transaction without one takes none.
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
		return store.Row{}, translate(err)
	}
	return row, nil
}

// write stores the row and logs the change.
func (t *tx) write(ctx context.Context, row *store.Row, create bool) error {
	if err := t.change(ctx); err != nil {
		return err
	}
	row.Revision = t.revision
	if !create {
		_, err := t.tx.ExecContext(ctx, "UPDATE documents SET key = ?, revision = ?, doc = ? WHERE noun = ? AND id = ?",
			row.Key, row.Revision, string(row.Doc), string(row.Noun), row.ID)
		return errors.Join(err, t.log(ctx, store.OpPut, *row))
	}
	row.Created = t.revision
	if row.ID == 0 {
		id, err := advance(ctx, t.tx, store.IDCounter(row.Noun), 1)
		if err != nil {
			return err
		}
		row.ID = id
	}
	_, err := t.tx.ExecContext(ctx, "INSERT INTO documents (noun, id, key, created, revision, doc) VALUES (?, ?, ?, ?, ?, ?)",
		string(row.Noun), row.ID, row.Key, row.Created, row.Revision, string(row.Doc))
	return errors.Join(err, t.log(ctx, store.OpPut, *row))
}

func (t *tx) Delete(ctx context.Context, noun store.Noun, id int64) error {
	old, err := t.Get(ctx, noun, id)
	if err != nil {
		return err
	}
	err = t.change(ctx)
	if err == nil {
		_, err = t.tx.ExecContext(ctx, "DELETE FROM documents WHERE noun = ? AND id = ?", string(noun), id)
	}
	if err == nil {
		err = t.log(ctx, store.OpDelete, store.Row{Noun: noun, ID: id, Key: old.Key})
	}
	t.failed = errors.Join(t.failed, err)
	return translate(err)
}

// change takes the transaction's revision.
func (t *tx) change(ctx context.Context) error {
	if t.changed {
		return nil
	}
	rev, err := advance(ctx, t.tx, revisionCounter, 1)
	if err != nil {
		return err
	}
	t.revision, t.changed = stead.Revision(rev), true
	return nil
}

func (t *tx) log(ctx context.Context, op store.Op, row store.Row) error {
	doc := string(row.Doc)
	if store.Secret(row.Noun) {
		doc = ""
	}
	t.ordinal++
	_, err := t.tx.ExecContext(ctx,
		"INSERT INTO changes (revision, ordinal, op, noun, id, key, created, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		t.revision, t.ordinal, string(op), string(row.Noun), row.ID, row.Key, row.Created, doc)
	return err
}

func (t *tx) Record(_ context.Context, r stead.Record) error {
	if err := store.CheckRecord(r); err != nil {
		return err
	}
	t.records = append(t.records, r)
	return nil
}

// finish writes the records and says whether the transaction may commit.
func (t *tx) finish(ctx context.Context) error {
	if t.failed != nil {
		return t.failed
	}
	for _, r := range t.records {
		if r.Revision == 0 && t.changed {
			r.Revision = t.revision
		}
		doc, err := json.Marshal(r)
		if err != nil {
			return err
		}
		seq, err := advance(ctx, t.tx, recordCounter, 1)
		if err != nil {
			return err
		}
		if _, err := t.tx.ExecContext(ctx, "INSERT INTO records (seq, doc) VALUES (?, ?)", seq, string(doc)); err != nil {
			return err
		}
	}
	return nil
}
