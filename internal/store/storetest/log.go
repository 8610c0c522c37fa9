package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"stead"
	"stead/internal/store"
)

func readsOwnWrites(t *testing.T, s store.Store) {
	ctx := t.Context()
	rev, err := s.Update(ctx, func(tx store.Tx) error {
		row, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: "a", Doc: []byte(`{}`)})
		if err != nil {
			return err
		}
		got, err := tx.Find(ctx, store.Groups, "a")
		if err != nil || show(got) != show(row) {
			t.Errorf("own write: %s, %v", show(got), err)
		}
		if tx.Revision() != row.Revision {
			t.Errorf("revision %d within the transaction of %d", tx.Revision(), row.Revision)
		}
		// Nobody else sees it before the commit.
		if _, err := find(s, store.Groups, "a"); stead.CodeOf(err) != stead.NotFound {
			t.Errorf("seen before the commit: %v", err)
		}
		return nil
	})
	if err != nil || rev != 1 {
		t.Errorf("revision %d, %v", rev, err)
	}
}

func viewIsOneState(t *testing.T, s store.Store) {
	ctx := t.Context()
	create(t, s, store.Groups, "a", `{}`)
	err := s.View(ctx, func(r store.Reader) error {
		create(t, s, store.Groups, "b", `{}`)
		rows, err := r.List(ctx, store.Groups, 0, 0)
		if len(rows) != 1 || r.Revision() != 1 {
			t.Errorf("%d rows at revision %d: a later commit is seen", len(rows), r.Revision())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func logOrder(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := create(t, s, store.Groups, "a", `{"n":1}`)
	_, err := s.Update(ctx, func(tx store.Tx) error {
		a.Doc = []byte(`{"n":2}`)
		if _, err := tx.Put(ctx, a); err != nil {
			return err
		}
		if _, err := tx.Put(ctx, store.Row{Noun: store.Policies, Key: "p", Doc: []byte(`{}`)}); err != nil {
			return err
		}
		return tx.Delete(ctx, store.Groups, a.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`1.1 put group 1 "a" created 1 at 1 {"n":1}`,
		`2.1 put group 1 "a" created 1 at 2 {"n":2}`,
		`2.2 put policy 1 "p" created 2 at 2 {}`,
		`2.3 delete group 1 "a" created 0 at 0 `,
	}
	got := changes(t, s, 0, 0)
	for i, w := range want {
		if i >= len(got) {
			t.Fatalf("%d changes, want %d", len(got), len(want))
		}
		if g := fmt.Sprintf("%d.%d %s %s", got[i].Revision, got[i].Ordinal, got[i].Op, show(got[i].Row)); g != w {
			t.Errorf("change %d: %s, want %s", i, g, w)
		}
	}
}

func wholeRevisions(t *testing.T, s store.Store) {
	ctx := t.Context()
	for range 3 {
		_, err := s.Update(ctx, func(tx store.Tx) error {
			for range 4 {
				key := fmt.Sprintf("k%d", tx.Revision()*10) + fmt.Sprint(len(mustList(t, tx)))
				if _, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: key, Doc: []byte(`{}`)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		after stead.Revision
		limit int
		want  int
	}{{0, 1, 4}, {0, 4, 4}, {0, 5, 8}, {0, 100, 12}, {1, 1, 4}, {2, 0, 4}, {3, 1, 0}} {
		if got := changes(t, s, c.after, c.limit); len(got) != c.want {
			t.Errorf("after %d limit %d: %d changes, want %d", c.after, c.limit, len(got), c.want)
		}
	}
}

func mustList(t *testing.T, r store.Reader) []store.Row {
	t.Helper()
	rows, err := r.List(t.Context(), store.Groups, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func secretsStayOut(t *testing.T, s store.Store) {
	create(t, s, store.APIKeys, "1\x1fkey", `{"hash":"c2VjcmV0"}`)
	put(t, s, store.Row{Noun: store.Verifiers, ID: 1, Key: "1", Doc: []byte(`{"salt":"c2FsdA=="}`)})
	got := changes(t, s, 0, 0)
	if len(got) != 2 {
		t.Fatalf("%d changes", len(got))
	}
	for _, c := range got {
		if len(c.Row.Doc) != 0 {
			t.Errorf("the log shows %s", show(c.Row))
		}
	}
}

func trimmedLog(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, key := range []string{"a", "b", "c"} {
		create(t, s, store.Groups, key, `{}`)
	}
	if err := s.(Trimmer).Trim(ctx, 2); err != nil {
		t.Fatal(err)
	}
	_, err := s.Changes(ctx, 1, 0)
	wantCode(t, "from before the log", err, stead.Conflict)
	if got := changes(t, s, 2, 0); len(got) != 1 || got[0].Revision != 3 {
		t.Errorf("after the horizon: %v", got)
	}
	_, err = s.Changes(ctx, 4, 0)
	wantCode(t, "from after the last commit", err, stead.Conflict)
	if len(list(t, s, store.Groups)) != 3 {
		t.Error("trimming the log lost rows")
	}
}

func pendingRecords(t *testing.T, s store.Store) {
	ctx := t.Context()
	rev, err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.Record(ctx, record("before")); err != nil {
			return err
		}
		_, err := tx.Put(ctx, store.Row{Noun: store.Groups, Key: "a", Doc: []byte(`{}`)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, record("alone")) })
	if err != nil {
		t.Fatal(err)
	}
	if got := revision(t, s); got != rev {
		t.Errorf("a record alone took revision %d", got)
	}
	got := pending(t, s)
	want := []stead.Record{record("before"), record("alone")}
	want[0].Revision = rev
	if len(got) != 2 || got[0].Seq >= got[1].Seq || encode(t, got[0].Record) != encode(t, want[0]) || encode(t, got[1].Record) != encode(t, want[1]) {
		t.Fatalf("pending: %v", got)
	}
	if err := s.AckRecords(ctx, got[0].Seq); err != nil {
		t.Fatal(err)
	}
	if left := pending(t, s); len(left) != 1 || left[0].Record.ID != "alone" {
		t.Errorf("after the acknowledgement: %v", left)
	}
	if err := s.AckRecords(ctx, got[1].Seq); err != nil {
		t.Fatal(err)
	}
	_, err = s.Update(ctx, func(tx store.Tx) error { return tx.Record(ctx, record("next")) })
	if p := pending(t, s); err != nil || len(p) != 1 || p[0].Seq <= got[1].Seq {
		t.Errorf("a number was given again: %v, %v", p, err)
	}
}

// concurrent: increments of one row from many goroutines are all there, and nobody reads half a change.
func concurrent(t *testing.T, s store.Store) {
	ctx := t.Context()
	const workers, each = 8, 20
	counter := create(t, s, store.Settings, "counter", `0`)
	mirror := create(t, s, store.Settings, "mirror", `0`)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := increment(ctx, s, counter.ID, mirror.ID); err != nil {
					t.Error(err)
				}
				if err := s.View(ctx, func(r store.Reader) error { return equal(ctx, r, counter.ID, mirror.ID) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, err := find(s, store.Settings, "counter"); err != nil || string(got.Doc) != fmt.Sprint(workers*each) {
		t.Errorf("counter %s after %d increments, %v", got.Doc, workers*each, err)
	}
	last := stead.Revision(0)
	for _, c := range changes(t, s, 0, 0) {
		if c.Revision != last && c.Revision != last+1 {
			t.Errorf("revision %d follows %d", c.Revision, last)
		}
		last = c.Revision
	}
}

func increment(ctx context.Context, s store.Store, ids ...int64) error {
	_, err := s.Update(ctx, func(tx store.Tx) error {
		for _, id := range ids {
			row, err := tx.Get(ctx, store.Settings, id)
			if err != nil {
				return err
			}
			var n int
			if _, err := fmt.Sscan(string(row.Doc), &n); err != nil {
				return err
			}
			row.Doc = []byte(fmt.Sprint(n + 1))
			if _, err := tx.Put(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func equal(ctx context.Context, r store.Reader, a, b int64) error {
	x, err := r.Get(ctx, store.Settings, a)
	if err != nil {
		return err
	}
	y, err := r.Get(ctx, store.Settings, b)
	if err == nil && string(x.Doc) != string(y.Doc) {
		err = fmt.Errorf("half a change was read: %s and %s", x.Doc, y.Doc)
	}
	return err
}

// followerSeesEverything: a consumer that reads the log while others write sees each revision once, in order.
func followerSeesEverything(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const writers, each = 4, 25
	woken := s.Watch(ctx)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				create(t, s, store.Groups, fmt.Sprintf("%d-%d", w, i), `{}`)
			}
		})
	}
	var cursor stead.Revision
	for seen := 0; seen < writers*each; {
		<-woken
		for {
			cs := changes(t, s, cursor, 7)
			if len(cs) == 0 {
				break
			}
			for _, c := range cs {
				if c.Revision != cursor+1 {
					t.Fatalf("revision %d follows %d", c.Revision, cursor)
				}
				cursor = c.Revision
				seen++
			}
		}
	}
	wg.Wait()
}

func watch(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	ch := s.Watch(ctx)
	create(t, s, store.Groups, "a", `{}`)
	create(t, s, store.Groups, "b", `{}`) // nobody listens: the store is not held up
	if _, ok := <-ch; !ok {
		t.Error("closed before its context ended")
	}
	cancel()
	for range ch { // a second wake-up may be left; then it is closed
	}
	create(t, s, store.Groups, "c", `{}`)
}
