package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/store"
	"stead/internal/store/sqlite"
)

// flaky is a store that can be away.
type flaky struct {
	*sqlite.Store
	away atomic.Bool
}

var errAway = stead.Errorf(stead.Unavailable, "away")

func (f *flaky) Changes(ctx context.Context, after stead.Revision, limit int) ([]store.Change, error) {
	if f.away.Load() {
		return nil, errAway
	}
	return f.Store.Changes(ctx, after, limit)
}

type fixture struct {
	*Follower
	t     *testing.T
	store *flaky
	now   atomic.Int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{t: t, store: &flaky{Store: s}}
	f.Follower = f.start()
	return f
}

func (f *fixture) start() *Follower {
	f.t.Helper()
	fo, err := Start(f.t.Context(), f.store, Options{Now: func() time.Time { return time.Unix(0, f.now.Load()) }})
	if err != nil {
		f.t.Fatal(err)
	}
	return fo
}

func (f *fixture) update(fn func(ctx context.Context, tx store.Tx) error) stead.Revision {
	f.t.Helper()
	rev, err := f.store.Update(f.t.Context(), func(tx store.Tx) error { return fn(f.t.Context(), tx) })
	if err != nil {
		f.t.Fatal(err)
	}
	return rev
}

func (f *fixture) put(noun store.Noun, id int64, key string, doc any) (row store.Row, rev stead.Revision) {
	f.t.Helper()
	text, err := json.Marshal(doc)
	if err != nil {
		f.t.Fatal(err)
	}
	rev = f.update(func(ctx context.Context, tx store.Tx) (err error) {
		row, err = tx.Put(ctx, store.Row{Noun: noun, ID: id, Key: key, Doc: text})
		return err
	})
	return row, rev
}

func (f *fixture) world() *decide.World {
	f.t.Helper()
	w, err := f.World()
	if err != nil {
		f.t.Fatal(err)
	}
	return w
}

func ana() stead.Identity {
	return stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: "ana"}
}

func TestFollows(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	row, rev := f.put(store.Identities, 0, "ana", ana())
	if err := f.WaitFor(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
	got, ok := f.world().IdentityByName(stead.DefaultIAM, "ana")
	if !ok || int64(got.ID) != row.ID || f.world().Revision() != rev || f.Current().Revision != rev {
		t.Errorf("got %+v, %v", got, ok)
	}
	before := f.world()
	off := ana()
	off.Disabled = true
	_, rev = f.put(store.Identities, row.ID, "ana", off)
	if err := f.WaitFor(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.world().Identity(stead.IdentityID(row.ID)); !got.Disabled {
		t.Error("the change is not in effect")
	}
	if got, _ := before.Identity(stead.IdentityID(row.ID)); got.Disabled {
		t.Error("a world that was handed out changed")
	}
	rev = f.update(func(ctx context.Context, tx store.Tx) error { return tx.Delete(ctx, store.Identities, row.ID) })
	if err := f.WaitFor(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.world().Identity(stead.IdentityID(row.ID)); ok {
		t.Error("the deleted identity is there")
	}
	cancel()
	<-done
}

func TestWaitForEnds(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.WaitFor(ctx, 1); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("got %v", err)
	}
	if err := f.WaitFor(ctx, 0); err != nil {
		t.Errorf("a revision that is there: %v", err)
	}
}

// TestStoreAway: the world is served for the configured time, and not a moment longer.
func TestStoreAway(t *testing.T) {
	f := newFixture(t)
	f.store.away.Store(true)
	f.Refresh(t.Context())
	if err := f.Current().Err; !errors.Is(err, errAway) {
		t.Errorf("status has %v", err)
	}
	f.now.Add(int64(10 * time.Minute))
	f.world()
	f.now.Add(1)
	if _, err := f.World(); stead.CodeOf(err) != stead.Unavailable {
		t.Errorf("too old: %v", err)
	}
	f.store.away.Store(false)
	f.Refresh(t.Context())
	f.world()
	if s := f.Current(); s.Err != nil || s.Age != 0 {
		t.Errorf("status %+v", s)
	}
}

// TestUnreadable: what cannot be read is not left out, for it could be what denies.
func TestUnreadable(t *testing.T) {
	for name, c := range map[string]struct {
		noun store.Noun
		doc  string
	}{
		"unknown member": {store.Identities, `{"kind":"user","iam":"bim","name":"x","frozen":true}`},
		"wrong type":     {store.Identities, `{"name":7}`},
		"policy":         {store.Policies, `{"policy":{"nonsense":1}}`},
		"unknown noun":   {"planet", `{}`},
	} {
		f := newFixture(t)
		row, _ := f.put(c.noun, 0, "x", json.RawMessage(c.doc))
		f.Refresh(t.Context())
		if _, err := f.World(); stead.CodeOf(err) != stead.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		if c.noun != "planet" {
			if _, err := Start(t.Context(), f.store, Options{}); err == nil {
				t.Errorf("%s: loaded", name)
			}
		}
		f.update(func(ctx context.Context, tx store.Tx) error { return tx.Delete(ctx, c.noun, row.ID) })
		f.Refresh(t.Context())
		f.world()
	}
}

func TestLogTrimmed(t *testing.T) {
	f := newFixture(t)
	_, rev := f.put(store.Identities, 0, "ana", ana())
	f.put(store.Settings, 0, "s", stead.Setting{Name: "s", Value: "v"})
	if err := f.store.Trim(t.Context(), rev+1); err != nil {
		t.Fatal(err)
	}
	f.Refresh(t.Context())
	if _, ok := f.world().IdentityByName(stead.DefaultIAM, "ana"); !ok || f.world().Setting("s") != "v" {
		t.Error("the world was not loaded again")
	}
}

// TestDeltasEqualFullLoad: following in batches of any size gives the world that a full load gives.
func TestDeltasEqualFullLoad(t *testing.T) {
	for seed := range uint64(6) {
		f := newFixture(t)
		r := rand.New(rand.NewPCG(seed, 1))
		live := map[store.Noun]map[int]store.Row{store.Identities: {}, store.Groups: {}, store.Settings: {}, store.Projects: {}}
		for range 80 {
			f.randomChange(r, live)
			if r.IntN(6) == 0 {
				f.Refresh(t.Context())
			}
		}
		f.Refresh(t.Context())
		if got, want := show(t, f.world()), show(t, f.start().mustWorld(t)); got != want {
			t.Errorf("seed %d:\n%s\nwant\n%s", seed, got, want)
		}
	}
}

func (f *Follower) mustWorld(t *testing.T) *decide.World {
	t.Helper()
	w, err := f.World()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (f *fixture) randomChange(r *rand.Rand, live map[store.Noun]map[int]store.Row) {
	f.t.Helper()
	noun := []store.Noun{store.Identities, store.Groups, store.Settings, store.Projects}[r.IntN(4)]
	n := r.IntN(4)
	name := fmt.Sprint("n", n)
	old, exists := live[noun][n]
	if exists && r.IntN(3) == 0 {
		f.update(func(ctx context.Context, tx store.Tx) error { return tx.Delete(ctx, noun, old.ID) })
		delete(live[noun], n)
		return
	}
	var doc any
	value := fmt.Sprint(r.IntN(3))
	switch noun {
	case store.Identities:
		i := ana()
		i.Name, i.Attributes = name, stead.Attributes{"a": {value}}
		doc = i
	case store.Groups:
		doc = stead.Group{IAM: stead.DefaultIAM, Name: name, Attributes: stead.Attributes{"g": {value}},
			Members: []stead.Principal{{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: "n" + value}}}
	case store.Settings:
		doc = stead.Setting{Name: name, Value: value}
	default:
		doc = stead.Project{Key: name, Name: value}
	}
	live[noun][n], _ = f.put(noun, old.ID, name, doc)
}

func show(t *testing.T, w *decide.World) string {
	t.Helper()
	out := fmt.Sprintf("revision %d\n", w.Revision())
	for n := range 4 {
		name := fmt.Sprint("n", n)
		out += fmt.Sprintf("setting %q\n", w.Setting(name))
		if p, ok := w.Project(name); ok {
			out += fmt.Sprintf("project %+v\n", *p)
		}
		if i, ok := w.IdentityByName(stead.DefaultIAM, name); ok {
			s, _ := w.Subject(i.ID)
			out += fmt.Sprintf("subject %+v\n", s)
		}
	}
	return out
}
