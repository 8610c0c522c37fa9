package govern

import (
	"bytes"
	"context"
	"errors"

	"stead"
	"stead/internal/store"
)

// get reads a document by id; find by key. Both return stead.NotFound as the store does.
func get[T any](ctx context.Context, r store.Reader, noun store.Noun, id int64) (*T, error) {
	row, err := r.Get(ctx, noun, id)
	if err != nil {
		return nil, err
	}
	return decode[T](row)
}

func decode[T any](row store.Row) (*T, error) { return store.Decode[T](row) }

// find returns the document with the key and its row, and nil without an error when there is none.
func find[T any](ctx context.Context, r store.Reader, noun store.Noun, key string) (*T, store.Row, error) {
	row, err := r.Find(ctx, noun, key)
	if err != nil {
		if absent(err) {
			return nil, store.Row{}, nil
		}
		return nil, store.Row{}, err
	}
	doc, err := decode[T](row)
	return doc, row, err
}

// every calls fn for each document of the noun, until it returns an error.
func every[T any](ctx context.Context, r store.Reader, noun store.Noun, fn func(store.Row, *T) error) error {
	return everyRow(ctx, r, noun, func(row store.Row) error {
		doc, err := decode[T](row)
		if err != nil {
			return err
		}
		return fn(row, doc)
	})
}

// errEnough ends a walk over documents that has seen what it looked for.
var errEnough = errors.New("enough")

// everyRow is every without decoding; errEnough ends it without an error.
func everyRow(ctx context.Context, r store.Reader, noun store.Noun, fn func(store.Row) error) error {
	const page = 500
	for after := int64(0); ; {
		rows, err := r.List(ctx, noun, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := fn(row); err == errEnough {
				return nil
			} else if err != nil {
				return err
			}
			after = row.ID
		}
		if len(rows) < page {
			return nil
		}
	}
}

// put writes the document, gives it its id and says what that did. name is the key as people write it.
func put(ctx context.Context, t *tx, noun store.Noun, old store.Row, key, name string, doc any) (Outcome, error) {
	text, err := store.Encode(doc)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Noun: noun, Key: name, Op: Update, ID: old.ID, Before: old.Doc, After: text}
	if old.ID == 0 {
		o.Op = Create
	} else if old.Key == key && bytes.Equal(old.Doc, text) {
		o.Op = None
		store.SetID(doc, old.ID)
		return o, nil
	}
	row, err := t.Put(ctx, store.Row{Noun: noun, ID: old.ID, Key: key, Doc: text})
	if err != nil {
		return Outcome{}, err
	}
	o.ID = row.ID
	store.SetID(doc, row.ID)
	return o, nil
}

// remove deletes the row and says so.
func remove(ctx context.Context, t *tx, noun store.Noun, row store.Row, name string) (Outcome, error) {
	if err := t.Delete(ctx, noun, row.ID); err != nil {
		return Outcome{}, err
	}
	return Outcome{Noun: noun, Key: name, ID: row.ID, Op: Delete, Before: row.Doc}, nil
}

// absent reports whether err says that a row does not exist.
func absent(err error) bool { return err != nil && stead.CodeOf(err) == stead.NotFound }

// missing is the error for what an edit names and does not exist.
func missing(noun store.Noun, name string) error {
	return stead.Errorf(stead.NotFound, "%s %q does not exist", noun.Words(), name).WithHint("create it first, or correct the name")
}

func invalid(path, format string, args ...any) *stead.Error {
	return stead.Errorf(stead.Invalid, format, args...).At(stead.Place{Path: path})
}
