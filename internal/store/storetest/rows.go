package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"stead"
	"stead/internal/store"
)

func putGetFindList(t *testing.T, s store.Store) {
	a := create(t, s, store.Groups, "a", `{"name":"a"}`)
	b := create(t, s, store.Groups, "b", `{"name":"b"}`)
	other := create(t, s, store.Policies, "a", `{"name":"policy"}`)
	if a.ID != 1 || b.ID != 2 || other.ID != 1 {
		t.Errorf("ids %d, %d and %d: each noun counts from 1", a.ID, b.ID, other.ID)
	}
	if a.Revision != 1 || b.Revision != 2 || a.Created != 1 {
		t.Errorf("revisions: %s, %s", show(a), show(b))
	}
	for _, row := range []store.Row{a, b, other} {
		wantRow(t, s, row)
		if got, err := find(s, row.Noun, row.Key); err != nil || show(got) != show(row) {
			t.Errorf("find %q: %s, %v", row.Key, show(got), err)
		}
	}
	for _, c := range []struct {
		after int64
		limit int
		want  []int64
	}{{0, 0, []int64{1, 2}}, {0, 1, []int64{1}}, {1, 5, []int64{2}}, {2, 0, nil}, {0, -1, []int64{1, 2}}} {
		err := s.View(t.Context(), func(r store.Reader) error {
			rows, err := r.List(t.Context(), store.Groups, c.after, c.limit)
			if len(rows) != len(c.want) {
				t.Fatalf("list after %d limit %d: %d rows", c.after, c.limit, len(rows))
			}
			for i := range rows {
				if rows[i].ID != c.want[i] {
					t.Errorf("list after %d limit %d: row %d has id %d", c.after, c.limit, i, rows[i].ID)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func replaceKeepsCreated(t *testing.T, s store.Store) {
	a := create(t, s, store.Groups, "a", `{"n":1}`)
	a.Key, a.Doc = "renamed", []byte(`{"n":2}`)
	got := put(t, s, a)
	if got.ID != a.ID || got.Created != 1 || got.Revision != 2 {
		t.Errorf("replaced: %s", show(got))
	}
	wantRow(t, s, got)
	_, err := find(s, store.Groups, "a")
	wantCode(t, "the old key", err, stead.NotFound)
	if again := create(t, s, store.Groups, "a", `{}`); again.ID == a.ID {
		t.Error("a freed key brought the old id back")
	}
}

func conflictOnKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	create(t, s, store.Groups, "a", `{}`)
	b := create(t, s, store.Groups, "b", `{}`)
	rev := revision(t, s)
	_, err := s.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: "a", Doc: []byte(`{}`)})
		wantCode(t, "create an existing key", err, stead.Conflict)
		b.Key = "a"
		_, err = tx.Put(ctx, b)
		wantCode(t, "move to a key in use", err, stead.Conflict)
		return nil // a refused put leaves the transaction usable
	})
	if err != nil {
		t.Error(err)
	}
	if got := revision(t, s); got != rev {
		t.Errorf("refused puts took revision %d", got)
	}
}

func missing(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, err := s.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Get(ctx, store.Groups, 7)
		wantCode(t, "get", err, stead.NotFound)
		_, err = tx.Find(ctx, store.Groups, "no")
		wantCode(t, "find", err, stead.NotFound)
		_, err = tx.Put(ctx, store.Row{Noun: store.Groups, ID: 7, Key: "no", Doc: []byte(`{}`)})
		wantCode(t, "replace", err, stead.NotFound)
		wantCode(t, "delete", tx.Delete(ctx, store.Groups, 7), stead.NotFound)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := revision(t, s); got != 0 {
		t.Errorf("revision %d after nothing happened", got)
	}
}

func refusedRows(t *testing.T, s store.Store) {
	ctx := t.Context()
	for name, row := range map[string]store.Row{
		"no key":       {Noun: store.Groups, Doc: []byte(`{}`)},
		"NUL in key":   {Noun: store.Groups, Key: "a\x00b", Doc: []byte(`{}`)},
		"bad UTF-8":    {Noun: store.Groups, Key: "a\xff", Doc: []byte(`{}`)},
		"no noun":      {Key: "a", Doc: []byte(`{}`)},
		"not JSON":     {Noun: store.Groups, Key: "a", Doc: []byte(`{`)},
		"no document":  {Noun: store.Groups, Key: "a"},
		"negative id":  {Noun: store.Groups, ID: -1, Key: "a", Doc: []byte(`{}`)},
		"no id":        {Noun: store.Verifiers, Key: "1", Doc: []byte(`{}`)},
		"UTF-8 in doc": {Noun: store.Groups, Key: "a", Doc: []byte("\"\xff\"")},
	} {
		_, err := s.Update(ctx, func(tx store.Tx) error {
			_, err := tx.Put(ctx, row)
			return err
		})
		if err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	_, err := s.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, record("")) })
	if err == nil {
		t.Error("a record without an id was stored")
	}
	timeless := record("r")
	timeless.Time = time.Time{}
	if _, err := s.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, timeless) }); err == nil {
		t.Error("a record without a time was stored")
	}
}

func unchangedLogsNothing(t *testing.T, s store.Store) {
	a := create(t, s, store.Groups, "a", `{"n":1}`)
	if got := put(t, s, a); show(got) != show(a) {
		t.Errorf("unchanged: %s", show(got))
	}
	if n := len(changes(t, s, 0, 0)); n != 1 || revision(t, s) != 1 {
		t.Errorf("%d changes, revision %d", n, revision(t, s))
	}
}

func noIDReuse(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := create(t, s, store.Groups, "a", `{}`)
	if _, err := s.Update(ctx, func(tx store.Tx) error { return tx.Delete(ctx, store.Groups, a.ID) }); err != nil {
		t.Fatal(err)
	}
	if b := create(t, s, store.Groups, "a", `{}`); b.ID <= a.ID || b.Created <= a.Created {
		t.Errorf("after %s came %s", show(a), show(b))
	}
}

func borrowedIDs(t *testing.T, s store.Store) {
	ctx := t.Context()
	v := put(t, s, store.Row{Noun: store.Verifiers, ID: 42, Key: "42", Doc: []byte(`{"n":1}`)})
	if v.ID != 42 || v.Created != 1 {
		t.Errorf("created %s", show(v))
	}
	v.Doc = []byte(`{"n":2}`)
	wantRow(t, s, put(t, s, v))
	_, err := s.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Put(ctx, store.Row{Noun: store.Verifiers, ID: 43, Key: "42", Doc: []byte(`{}`)})
		return err
	})
	wantCode(t, "another's key", err, stead.Conflict)
}

func hostileText(t *testing.T, s store.Store) {
	for _, text := range []string{`'; DROP TABLE documents; --`, "a\x1fb", "Ä\u0301", "A", "a", "a ", "日本\n\t", "?1 $1 :x %s"} {
		row := create(t, s, store.Settings, text, encode(t, map[string]string{"value": text + "\x00"}))
		wantRow(t, s, row)
		if got, err := find(s, store.Settings, text); err != nil || got.ID != row.ID {
			t.Errorf("find %q: %s, %v", text, show(got), err)
		}
	}
}

var errOnPurpose = errors.New("on purpose")

func rollbackLeavesNothing(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := create(t, s, store.Groups, "a", `{}`)
	_, err := s.Update(ctx, func(tx store.Tx) error {
		writeEverything(t, ctx, tx, a)
		return errOnPurpose
	})
	if !errors.Is(err, errOnPurpose) {
		t.Errorf("the error of the function: %v", err)
	}
	onlyRow(t, s, a)
}

func panicLeavesNothing(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := create(t, s, store.Groups, "a", `{}`)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, err := s.Update(ctx, func(tx store.Tx) error {
			writeEverything(t, ctx, tx, a)
			panic("on purpose")
		})
		t.Errorf("update returned %v", err)
	}()
	onlyRow(t, s, a)
}

func canceledLeavesNothing(t *testing.T, s store.Store) {
	a := create(t, s, store.Groups, "a", `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Update(ctx, func(tx store.Tx) error {
		writeEverything(t, ctx, tx, a)
		cancel()
		return nil
	})
	wantCode(t, "a canceled update", err, stead.Canceled)
	onlyRow(t, s, a)
	wantCode(t, "a canceled view", s.View(ctx, func(store.Reader) error { return nil }), stead.Canceled)
}

func writeEverything(t *testing.T, ctx context.Context, tx store.Tx, a store.Row) {
	t.Helper()
	_, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: "b", Doc: []byte(`{}`)})
	if err := errors.Join(err, tx.Delete(ctx, store.Groups, a.ID), tx.Record(ctx, record("r"))); err != nil {
		t.Error(err)
	}
}

func onlyRow(t *testing.T, s store.Store, a store.Row) {
	t.Helper()
	if rows := list(t, s, store.Groups); len(rows) != 1 || show(rows[0]) != show(a) {
		t.Errorf("rows left: %v", rows)
	}
	if n := len(changes(t, s, 0, 0)); n != 1 || revision(t, s) != a.Revision || len(pending(t, s)) != 0 {
		t.Errorf("%d changes, revision %d, %d records", n, revision(t, s), len(pending(t, s)))
	}
}
