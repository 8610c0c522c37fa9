package reconcile

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

// Options say what a Service works with. World, WaitFor, Open, Build, MarkDrifted and Record are required; zero of the
// others is the default.
type Options struct {
	// World is the current world, or an error when it is too old to serve: then nothing is changed on any platform.
	World func() (*decide.World, error)
	// WaitFor returns when the world has the revision or ctx ends.
	WaitFor func(ctx context.Context, revision stead.Revision) error
	Open    Opener
	// Build makes what a connection's platform is to enforce; previous is the state made before, nil at first.
	Build func(w *decide.World, connection string, previous *push.State) (*push.State, error)
	// MarkDrifted refuses a data source until somebody looks at it.
	MarkDrifted func(ctx context.Context, o stead.Object, reason string) error
	// Record keeps an audit record.
	Record func(ctx context.Context, r stead.Record) error
	// Collected tells how far the records of a connection are; nil when nobody collects.
	Collected func(connection string) (Collected, bool)
	Metrics   Metrics
	Log       *slog.Logger
	Now       func() time.Time
	// After is the clock for what is done again: retries and looks for drift.
	After func(time.Duration) <-chan time.Time
	// Poll is how often it is looked whether the world can be served when it does not move. Default 1 s.
	Poll time.Duration
	// DriftEvery is how often a platform is looked at when nothing changes. Default 5 min.
	DriftEvery time.Duration
	// Timeout is how long a platform may take to answer, and to finish a step or tell that it tries again. Default 1 min.
	Timeout time.Duration
	// Yield is how long a step may go on when rights were withdrawn meanwhile. Default 300 ms.
	Yield time.Duration
	// Grace is how long a step may go on when the service ends, and a platform may take to notice that it was told to stop. Default 5 s.
	Grace time.Duration
}

// Metrics hears of what happens on connections.
type Metrics interface {
	// Applied tells of a plan that was carried out or failed.
	Applied(connection string, took time.Duration, err error)
	// Drifted tells how many differences a look found.
	Drifted(connection string, found int)
}

type noMetrics struct{}

func (noMetrics) Applied(string, time.Duration, error) {}
func (noMetrics) Drifted(string, int)                  {}

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.Default())
	o.Poll = cmp.Or(o.Poll, time.Second)
	o.DriftEvery = cmp.Or(o.DriftEvery, 5*time.Minute)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.Yield = cmp.Or(o.Yield, 300*time.Millisecond)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	return o
}

// Service keeps every connection of the push style where the world says it must be, one goroutine each. All methods are
// safe for concurrent use. Several processes may do the same for the same platforms: a platform takes a plan
// only from where it starts, and refuses who knows less than it holds.
type Service struct {
	opt Options

	mu          sync.Mutex
	connections map[string]*connection
	came        chan struct{} // closed when a connection is new
}

// New returns a service; Run makes it work.
func New(o Options) *Service {
	return &Service{opt: o.withDefaults(), connections: map[string]*connection{}, came: make(chan struct{})}
}

// Pushed reports whether connections of the platform are of the push style.
func Pushed(p stead.Platform) bool {
	switch p {
	case stead.PostgreSQL, stead.Redshift, stead.Snowflake, stead.Databricks, stead.Synapse:
		return true
	}
	return false
}

// Run follows the world until ctx ends; steps that have begun are finished then.
func (s *Service) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	var at stead.Revision
	for ctx.Err() == nil {
		w, err := s.opt.World()
		if err == nil {
			at = w.Revision()
		}
		s.tell(ctx, &running, w, err)
		wait, cancel := context.WithTimeout(ctx, s.opt.Poll)
		// That it did not move, or moved, or cannot be known is all the same: it is looked at again.
		_ = s.opt.WaitFor(wait, at+1)
		if err != nil {
			<-wait.Done() // the world may move and still not be one to serve
		}
		cancel()
	}
}

// tell gives every connection the world, and begins those that are new.
func (s *Service) tell(ctx context.Context, running *sync.WaitGroup, w *decide.World, stale error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stale == nil {
		for _, c := range w.Connections() {
			if s.connections[c.Key] != nil || !Pushed(c.Platform) {
				continue
			}
			k := newConnection(s.opt, c.Key)
			s.connections[c.Key] = k
			running.Go(func() { k.run(ctx) })
			close(s.came)
			s.came = make(chan struct{})
		}
	}
	for _, k := range s.connections {
		k.see(w, stale)
	}
}

// Status tells where a connection stands; false when it is none of the push style.
func (s *Service) Status(key string) (Status, bool) {
	k, ok := s.find(key)
	if !ok {
		return Status{}, false
	}
	return k.Status(), true
}

// Statuses tells where every connection stands, by key.
func (s *Service) Statuses() []Status {
	s.mu.Lock()
	all := make([]*connection, 0, len(s.connections))
	for _, k := range s.connections {
		all = append(all, k)
	}
	s.mu.Unlock()
	out := make([]Status, len(all))
	for i, k := range all {
		out[i] = k.Status()
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.Connection, b.Connection) })
	return out
}

func (s *Service) find(key string) (*connection, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.connections[key]
	return k, ok
}

// Apply brings the connection's platform to the current world, edits of objects that wait included, and stead's own
// objects where they are missing when bootstrap says so. It joins what is under way and returns when the platform is
// current, with what stands in the way, or with stead.Unavailable when ctx ends first: the work goes on then.
func (s *Service) Apply(ctx context.Context, key string, bootstrap bool) error {
	_, err := s.ask(ctx, key, &request{objects: true, bootstrap: bootstrap})
	return err
}

// Verify looks whether what was applied is what is enforced, and returns what is not. Drift is then treated as
// the connection's settings say.
func (s *Service) Verify(ctx context.Context, key string) ([]push.Drift, error) {
	return s.ask(ctx, key, &request{verify: true})
}

func (s *Service) ask(ctx context.Context, key string, r *request) ([]push.Drift, error) {
	if err := s.served(ctx, key); err != nil {
		return nil, err
	}
	k, err := s.meet(ctx, key)
	if err != nil {
		return nil, err
	}
	r.done = make(chan answer, 1)
	k.request(r)
	select {
	case a := <-r.done:
		return a.drift, a.err
	case <-ctx.Done():
		return nil, stead.Errorf(stead.Unavailable, "the work on connection %q goes on", key).
			WithHint("look at its status").WithCause(ctx.Err())
	}
}

// meet finds a connection, which may have been made a moment ago.
func (s *Service) meet(ctx context.Context, key string) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opt.Grace)
	defer cancel()
	for {
		s.mu.Lock()
		k, came := s.connections[key], s.came
		s.mu.Unlock()
		if k != nil {
			return k, nil
		}
		select {
		case <-came:
		case <-ctx.Done():
			return nil, stead.Errorf(stead.Unavailable, "connection %q is not looked after yet", key).WithHint("try again in a moment").WithCause(ctx.Err())
		}
	}
}

// served refuses keys of no connection of the push style.
func (s *Service) served(ctx context.Context, key string) error {
	w, err := s.opt.World()
	if err != nil {
		return err
	}
	c, ok := w.Connection(key)
	switch {
	case !ok:
		return stead.Errorf(stead.NotFound, "there is no connection %q", key)
	case !Pushed(c.Platform):
		return stead.Errorf(stead.Unsupported, "nothing is applied to connection %q: its platform asks stead at each statement", key)
	}
	return ctx.Err()
}
