package storetest

import (
	"context"
	"errors"
	"testing"

	"stead/internal/store"
)

func marks(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, c := range []struct {
		name, value string
		replace     bool
		want        string
	}{{"a", "1", false, "1"}, {"a", "2", false, "1"}, {"a", "3", true, "3"}, {"a", "4", false, "3"}, {"A", "5", false, "5"}, {"n", "6", true, "6"}} {
		if got, err := s.Mark(ctx, c.name, c.value, c.replace); err != nil || got != c.want {
			t.Errorf("mark %q %q: kept %q, %v", c.name, c.value, got, err)
		}
	}
	if revision(t, s) != 0 || len(changes(t, s, 0, 0)) != 0 {
		t.Error("a mark is a change")
	}
}

// export: everything is in a copy, in order, of one state, secrets and counters included.
func export(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := create(t, s, store.Groups, "a", `{"n":1}`)
	gone := create(t, s, store.Groups, "gone", `{}`)
	key := create(t, s, store.APIKeys, "1\x1fkey", `{"hash":"c2VjcmV0"}`)
	_, err := s.Update(ctx, func(tx store.Tx) error {
		return errors.Join(tx.Delete(ctx, store.Groups, gone.ID), tx.Record(ctx, record("r")))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Mark(ctx, "m", "v", false); err != nil {
		t.Fatal(err)
	}
	var tally store.Tally
	counters, marks, rows := map[string]int64{}, map[string]string{}, map[string]bool{}
	err = s.Export(ctx, func(i *store.Item) error {
		if tally == (store.Tally{}) { // a later commit is not in it
			create(t, s, store.Groups, "later", `{}`)
		}
		switch {
		case i.Counter != nil:
			counters[i.Counter.Name] = i.Counter.Value
		case i.Mark != nil:
			marks[i.Mark.Name] = i.Mark.Value
		case i.Row != nil:
			rows[show(*i.Row)] = true
		}
		return tally.Add(i)
	})
	if err != nil {
		t.Fatal(err)
	}
	if counters[store.RevisionCounter] != 4 || counters[store.IDCounter(store.Groups)] != gone.ID || counters[store.RecordCounter] != 1 {
		t.Errorf("counters %v", counters)
	}
	if len(rows) != 2 || !rows[show(a)] || !rows[show(key)] || marks["m"] != "v" {
		t.Errorf("rows %v, marks %v", rows, marks)
	}
	if n := tally.Counts(); n["changes"] != 4 || n["records"] != 1 {
		t.Errorf("%v", n)
	}
	if err := s.Export(ctx, func(*store.Item) error { return errOnPurpose }); !errors.Is(err, errOnPurpose) {
		t.Errorf("an export that is ended: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Export(canceled, func(*store.Item) error { return nil }); err == nil {
		t.Error("a canceled export ended well")
	}
}
