package reconcile

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

// connection looks after one platform. Its goroutine alone has the platform and what is below mu's block.
type connection struct {
	opt  Options
	key  string
	wake chan struct{}

	mu     sync.Mutex
	world  *decide.World
	stale  error // why no world is served
	asked  []*request
	status Status

	at       *stead.Connection // as the platform was opened
	platform push.Platform
	built    *push.State // the last that was built
	since    *push.State // that the platform holds; nil when it is not known
	held     holds
	own      bool                    // stead's own objects there wait for somebody to apply them
	settled  bool                    // the last attempt ended well, but for what is held
	left     bool                    // the connection is gone, and so are we
	suspects map[stead.SourceID]bool // whose steps failed for want of the platform
	failures int
	gave     int          // how often in a row an apply gave way before anything came of it
	blind    int          // the same of looks for drift
	known    []push.Drift // that was found last, or is on data sources that are held since
	retry    <-chan time.Time
	look     <-chan time.Time // the next look for drift
	shown    string           // the drift that was recorded last
	unsaid   []stead.Record   // records that could not be kept yet
}

// request is what somebody waits for.
type request struct {
	objects, bootstrap, verify bool
	done                       chan answer
}

type answer struct {
	drift []push.Drift
	err   error
}

func newConnection(o Options, key string) *connection {
	return &connection{opt: o, key: key, wake: make(chan struct{}, 1), held: holds{}, suspects: map[stead.SourceID]bool{},
		status: Status{Connection: key, Phase: Waiting, Since: o.Now()}}
}

// see takes the world to follow. A revision that was seen already wakes nobody.
func (k *connection) see(w *decide.World, stale error) {
	k.mu.Lock()
	same := stale == nil && k.stale == nil && k.world == w || stale != nil && k.stale != nil
	k.stale = stale
	if stale == nil {
		k.world = w
		if c, ok := w.Connection(k.key); ok && Pushed(c.Platform) {
			k.status.World = w.Revision()
		}
	}
	k.mu.Unlock()
	if !same {
		k.rouse()
	}
}

func (k *connection) request(r *request) {
	k.mu.Lock()
	k.asked = append(k.asked, r)
	k.mu.Unlock()
	k.rouse()
}

func (k *connection) rouse() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *connection) current() (*decide.World, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.world, k.stale
}

func (k *connection) take() []*request {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.asked
	k.asked = nil
	return out
}

// run works until ctx ends.
func (k *connection) run(ctx context.Context) {
	defer k.end()
	for {
		due := dueNothing
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-k.retry:
			due = dueRetry
		case <-k.look:
			due = dueLook
		}
		if ctx.Err() == nil {
			k.step(ctx, due)
		}
	}
}

// due is what time has brought.
type due uint8

const (
	dueNothing due = iota
	dueRetry
	dueLook
)

func (k *connection) end() {
	k.drop()
	for _, r := range k.take() {
		r.done <- answer{err: stead.Errorf(stead.Unavailable, "the server is stopping").WithHint("try again later")}
	}
}

// step does everything that there is to do now.
func (k *connection) step(ctx context.Context, d due) {
	switch d {
	case dueRetry:
		k.retry = nil
	case dueLook:
		k.look = nil
	}
	w, stale := k.current()
	asked := k.take()
	if stale != nil {
		k.fail(stale)
		reply(asked, answer{err: stale})
		return
	}
	k.say(ctx)
	c, ok := w.Connection(k.key)
	if !ok || !Pushed(c.Platform) {
		k.leave(ctx)
		reply(asked, answer{err: stead.Errorf(stead.NotFound, "there is no connection %q", k.key)})
		return
	}
	want := merged(asked)
	err := k.enter(ctx, c)
	if err == nil {
		err = k.bring(ctx, w, want, d)
	}
	var drift []push.Drift
	if err == nil && (want.verify || k.look == nil) {
		drift, err = k.watch(ctx, w, c)
	}
	k.settle(c, w.Revision(), err)
	if err == nil && want.objects {
		err = k.obstacle()
	}
	if isInterrupted(err) { // who waits goes on waiting
		k.mu.Lock()
		k.asked = append(asked, k.asked...)
		k.mu.Unlock()
		k.rouse()
		return
	}
	reply(asked, answer{drift: drift, err: err})
}

func reply(asked []*request, a answer) {
	for _, r := range asked {
		r.done <- a
	}
}

// merged is everything that is asked for at once.
func merged(asked []*request) request {
	var all request
	for _, r := range asked {
		all.objects, all.bootstrap, all.verify = all.objects || r.objects, all.bootstrap || r.bootstrap, all.verify || r.verify
	}
	return all
}

// enter opens the platform. Another address under the same key is another platform: the one before is left closed.
func (k *connection) enter(ctx context.Context, c *stead.Connection) error {
	if k.at != nil && (k.at.Address != c.Address || k.at.Platform != c.Platform) {
		if err := k.farewell(ctx); err != nil {
			k.opt.Log.Error("the platform at a connection's former address was left as it was", "connection", k.key, "cause", err)
		}
		k.since, k.held, k.at = nil, holds{}, nil
		k.drop()
	}
	if k.platform != nil && sameDoor(k.at, c) {
		return nil
	}
	k.drop()
	return k.open(ctx, c)
}

func (k *connection) open(ctx context.Context, c *stead.Connection) error {
	inner, cancel := context.WithTimeout(ctx, k.opt.Timeout)
	defer cancel()
	p, err := bounded(inner, k.opt.Grace, func(ctx context.Context) (push.Platform, error) { return k.opt.Open(ctx, *c) })
	if err != nil {
		return err
	}
	k.platform, k.at, k.since, k.left = p, c, nil, false
	return nil
}

// sameDoor reports whether what a platform is opened with is the same.
func sameDoor(a, b *stead.Connection) bool {
	return a.ID == b.ID && a.Platform == b.Platform && a.Address == b.Address && a.Credential == b.Credential && maps.Equal(a.Settings, b.Settings)
}

// drop lets go of the platform: what it holds is not known any more.
func (k *connection) drop() {
	p := k.platform
	k.platform, k.since = nil, nil
	if p != nil {
		k.shut(p)
	}
}

// abandon forgets a platform on which a call hangs, without waiting for it.
func (k *connection) abandon() {
	p := k.platform
	k.platform, k.since = nil, nil
	if p != nil {
		go k.shut(p)
	}
}

func (k *connection) shut(p push.Platform) {
	ctx, cancel := context.WithTimeout(context.Background(), k.opt.Grace)
	defer cancel()
	if _, err := bounded(ctx, 0, func(context.Context) (struct{}, error) { return struct{}{}, p.Close() }); err != nil {
		k.opt.Log.Warn("a platform was not closed well", "connection", k.key, "cause", err)
	}
}

// again sets the time of the next attempt: 1 s, doubling to 1 min, scattered by a fifth.
func (k *connection) again() time.Time {
	wait := time.Second << min(k.failures, 6)
	wait = min(wait, time.Minute)
	wait += time.Duration((rand.Float64() - 0.5) * 0.4 * float64(wait))
	k.failures++
	k.retry = k.opt.After(wait)
	return k.opt.Now().Add(wait)
}
