// Package snapshot keeps the compiled world up to date with the store: it follows the change log
// by deltas and swaps one immutable world for the next.
package snapshot

import (
	"context"
	"errors"
	"sync"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/store"
)

// Options say how the store is followed; zero is the default.
type Options struct {
	// ServeWithoutStore is how long the world is served while the store is away. Default 10 min.
	ServeWithoutStore time.Duration
	// Poll is how often the store is asked when it tells of no change. Default 1 s.
	Poll time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// batch is about how many changes are taken at once.
const batch = 5000

// Follower follows one store. All methods are safe for concurrent use.
type Follower struct {
	store store.Store
	opt   Options

	mu      sync.Mutex
	world   *decide.World
	contact time.Time // when the store last answered
	behind  bool      // the store has changes that the world does not have yet
	err     error     // why the last attempt to follow failed
	// broken says that the store has something that cannot be read: the world is not what was asked
	// for, and is not served.
	broken bool
	moved  chan struct{} // closed when the world moves
}

// Start loads the world, or fails. Run keeps it up to date from there.
func Start(ctx context.Context, s store.Store, opt Options) (*Follower, error) {
	if opt.ServeWithoutStore <= 0 {
		opt.ServeWithoutStore = 10 * time.Minute
	}
	if opt.Poll <= 0 {
		opt.Poll = time.Second
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	f := &Follower{store: s, opt: opt, moved: make(chan struct{})}
	w, err := load(ctx, s)
	if err != nil {
		return nil, err
	}
	f.take(w, false)
	return f, nil
}

// Run follows the store until ctx ends. What fails is in Status, and is tried again.
func (f *Follower) Run(ctx context.Context) {
	woken := f.store.Watch(ctx)
	poll := time.NewTicker(f.opt.Poll)
	defer poll.Stop()
	for {
		f.Refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-poll.C:
		}
	}
}

// Refresh takes what is new in the store. Run calls it; it must not run twice at a time.
func (f *Follower) Refresh(ctx context.Context) {
	for {
		more, err := f.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.fail(err)
		}
		if err != nil || !more {
			return
		}
	}
}

// step takes one batch of changes, and reports whether there may be more.
func (f *Follower) step(ctx context.Context) (bool, error) {
	f.mu.Lock()
	world, broken := f.world, f.broken
	f.mu.Unlock()
	if broken {
		return false, f.reload(ctx)
	}
	changes, err := f.store.Changes(ctx, world.Revision(), batch)
	if stead.CodeOf(err) == stead.Conflict { // the log does not reach back that far
		return false, f.reload(ctx)
	}
	if err != nil {
		return false, err
	}
	if len(changes) == 0 {
		f.take(world, false)
		return false, nil
	}
	d, err := deltaOf(changes)
	if err != nil {
		return false, unreadable{err}
	}
	f.take(world.With(d), len(changes) >= batch)
	return len(changes) >= batch, nil
}

func (f *Follower) reload(ctx context.Context) error {
	w, err := load(ctx, f.store)
	if err == nil {
		f.take(w, false)
	}
	return err
}

// unreadable is a stored document that cannot be read.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

func (f *Follower) take(w *decide.World, behind bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	moved := f.world != w
	f.world, f.contact, f.err, f.broken, f.behind = w, f.opt.Now(), nil, false, behind
	if moved {
		close(f.moved)
		f.moved = make(chan struct{})
	}
}

func (f *Follower) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	if errors.As(err, new(unreadable)) {
		f.broken = true
	}
}

// World returns the current world. It is a stead.Unavailable error when the store has been away for
// longer than configured, or has something that cannot be read: nothing is answered then.
func (f *Follower) World() (*decide.World, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		return nil, stead.Errorf(stead.Unavailable, "policies and people cannot be read at present").
			WithHint("the server's log has the cause").WithCause(f.err)
	}
	if age := f.opt.Now().Sub(f.contact); age > f.opt.ServeWithoutStore {
		return nil, stead.Errorf(stead.Unavailable, "the store of policies and people has been away for too long").
			WithHint("try again later, or ask an operator").WithCause(f.err)
	}
	return f.world, nil
}

// WaitFor returns when the world has the revision, or with an error when ctx ends first.
func (f *Follower) WaitFor(ctx context.Context, revision stead.Revision) error {
	for {
		f.mu.Lock()
		at, moved := f.world.Revision(), f.moved
		f.mu.Unlock()
		if at >= revision {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return stead.Errorf(stead.Unavailable, "the change is stored, and not in effect here yet").
				WithHint("look at stead status").WithCause(ctx.Err())
		}
	}
}

// Status is how current the world is.
type Status struct {
	Revision stead.Revision `json:"revision"`
	// Age is how long ago the store last answered.
	Age time.Duration `json:"ageNs"`
	// Behind says that the store has changes that are not in the world yet.
	Behind bool `json:"behind,omitempty"`
	// Err is why the last attempt to follow failed, nil if it did not.
	Err error `json:"-"`
}

// Current tells how current the world is.
func (f *Follower) Current() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Status{Revision: f.world.Revision(), Age: f.opt.Now().Sub(f.contact), Behind: f.behind, Err: f.err}
}
