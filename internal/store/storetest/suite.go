// Package storetest is what every store must do, as tests: an implementation runs the suite
// from a test of its own. Whoever changes the contract changes the suite.
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"stead"
	"stead/internal/store"
)

// Trimmer is how the suite shortens the change log; every store has it.
type Trimmer interface {
	Trim(ctx context.Context, upTo stead.Revision) error
}

// Run runs the suite. open gives an empty store that the test closes.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"PutGetFindList", putGetFindList},
		{"ReplaceKeepsCreated", replaceKeepsCreated},
		{"ConflictOnKeys", conflictOnKeys},
		{"Missing", missing},
		{"RefusedRows", refusedRows},
		{"UnchangedLogsNothing", unchangedLogsNothing},
		{"NoIDReuse", noIDReuse},
		{"BorrowedIDs", borrowedIDs},
		{"RollbackLeavesNothing", rollbackLeavesNothing},
		{"PanicLeavesNothing", panicLeavesNothing},
		{"CanceledLeavesNothing", canceledLeavesNothing},
		{"ReadsOwnWrites", readsOwnWrites},
		{"ViewIsOneState", viewIsOneState},
		{"LogOrder", logOrder},
		{"WholeRevisions", wholeRevisions},
		{"SecretsStayOut", secretsStayOut},
		{"TrimmedLog", trimmedLog},
		{"PendingRecords", pendingRecords},
		{"Concurrent", concurrent},
		{"FollowerSeesEverything", followerSeesEverything},
		{"Watch", watch},
		{"HostileText", hostileText},
		{"Marks", marks},
		{"Export", export},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			c.test(t, s)
		})
	}
}

// RunBackup is the suite of Backup and of restore, which makes a new store from a backup.
func RunBackup(t *testing.T, open func(t *testing.T) store.Store, restore func(t *testing.T, backup []byte) (store.Store, error)) {
	ctx := t.Context()
	s := open(t)
	defer mustClose(t, s)
	row := create(t, s, store.Groups, "a", `{"n":1}`)
	if _, err := s.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, record("r1")) }); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Backup(ctx, &b); err != nil {
		t.Fatal(err)
	}
	later := create(t, s, store.Groups, "later", `{}`)
	rev := revision(t, s)

	r, err := restore(t, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, r)
	wantRow(t, r, row)
	if p := pending(t, r); len(p) != 1 || p[0].Record.ID != "r1" {
		t.Errorf("pending records after a restore: %v", p)
	}
	if _, err := find(r, store.Groups, "later"); stead.CodeOf(err) != stead.NotFound {
		t.Errorf("a row written after the backup: %v", err)
	}
	if next := create(t, r, store.Groups, "next", `{}`); next.ID <= later.ID || next.Revision <= rev {
		t.Errorf("after a restore id %d and revision %d were given again (%d, %d)", next.ID, next.Revision, later.ID, rev)
	}
	if _, err := r.Changes(ctx, row.Revision, 0); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("a consumer from before the restore: %v", err)
	}
	for _, n := range []int{0, 1, b.Len() / 2, b.Len() - 1} {
		if r, err := restore(t, b.Bytes()[:n]); err == nil {
			t.Errorf("a backup cut to %d of %d bytes was restored", n, b.Len())
			mustClose(t, r)
		}
	}
}

func mustClose(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func put(t *testing.T, s store.Store, row store.Row) store.Row {
	t.Helper()
	var out store.Row
	_, err := s.Update(t.Context(), func(tx store.Tx) (err error) {
		out, err = tx.Put(t.Context(), row)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func create(t *testing.T, s store.Store, noun store.Noun, key, doc string) store.Row {
	t.Helper()
	return put(t, s, store.Row{Noun: noun, Key: key, Doc: []byte(doc)})
}

func find(s store.Store, noun store.Noun, key string) (row store.Row, err error) {
	err = s.View(context.Background(), func(r store.Reader) error {
		row, err = r.Find(context.Background(), noun, key)
		return err
	})
	return row, err
}

func list(t *testing.T, s store.Store, noun store.Noun) (rows []store.Row) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) (err error) {
		rows, err = r.List(t.Context(), noun, 0, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func wantRow(t *testing.T, s store.Store, want store.Row) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		got, err := r.Get(t.Context(), want.Noun, want.ID)
		if err != nil {
			return err
		}
		if show(got) != show(want) {
			return fmt.Errorf("got %s, want %s", show(got), show(want))
		}
		return nil
	})
	if err != nil {
		t.Errorf("row %s: %v", show(want), err)
	}
}

func show(r store.Row) string {
	return fmt.Sprintf("%s %d %q created %d at %d %s", r.Noun, r.ID, r.Key, r.Created, r.Revision, r.Doc)
}

func revision(t *testing.T, s store.Store) stead.Revision {
	t.Helper()
	rev, err := s.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func changes(t *testing.T, s store.Store, after stead.Revision, limit int) []store.Change {
	t.Helper()
	cs, err := s.Changes(t.Context(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

func pending(t *testing.T, s store.Store) []store.PendingRecord {
	t.Helper()
	p, err := s.PendingRecords(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func record(id string) stead.Record {
	return stead.Record{ID: id, Kind: stead.Change, Time: time.Unix(1700000000, 123456789).UTC(), Status: stead.Success,
		Actor: stead.Actor{Login: "admin", Name: "admin"}, Operation: "create"}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantCode(t *testing.T, what string, err error, code stead.Code) {
	t.Helper()
	if err == nil || stead.CodeOf(err) != code {
		t.Errorf("%s: got %v, want a %s error", what, err, code)
	}
}
