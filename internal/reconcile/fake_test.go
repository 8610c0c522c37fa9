package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

// server is a platform's server in memory; several processes may open it.
type server struct {
	mu        sync.Mutex
	installed bool
	outdated  bool // its own objects are of another version
	revision  stead.Revision
	token     int // changes with each commit
	objects   map[stead.SourceID][32]byte
	rows      map[push.Table]map[push.Row]bool
	done      []string
	plans     map[*push.Plan]int

	// what goes wrong, if set
	step    func(ctx context.Context, s *push.Step) error
	hang    chan struct{}        // calls wait here, deaf to their context
	lies    bool                 // objects are told to be edited and are not
	blocked stead.SourceID       // has a blocking problem
	drift   func() []push.Drift  // beside what differs
	opened  func() (error, bool) // false: nothing wrong
}

func newServer() *server {
	return &server{objects: map[stead.SourceID][32]byte{}, rows: map[push.Table]map[push.Row]bool{}, plans: map[*push.Plan]int{}}
}

// has reports whether a row is there.
func (s *server) has(t push.Table, r ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var row push.Row
	copy(row[:], r)
	return s.rows[t][row]
}

func (s *server) object(id stead.SourceID) byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[id][0]
}

func (s *server) steps() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.done)
}

func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

type platform struct{ *server }

func flat(sets map[push.SetID]*push.Set) map[push.SetID]*push.Set {
	out := map[push.SetID]*push.Set{}
	for id, set := range sets {
		all := out[push.SetID{Table: id.Table}]
		if all == nil {
			all = &push.Set{}
			out[push.SetID{Table: id.Table}] = all
		}
		all.Rows = append(all.Rows, set.Rows...)
	}
	for _, set := range out {
		slices.SortFunc(set.Rows, push.Row.Compare)
	}
	return out
}

func (s *server) held() map[push.SetID]*push.Set {
	out := map[push.SetID]*push.Set{}
	for t, rows := range s.rows {
		out[push.SetID{Table: t}] = &push.Set{Rows: slices.SortedFunc(maps.Keys(rows), push.Row.Compare)}
	}
	return out
}

func (p platform) wait() {
	p.mu.Lock()
	hang := p.hang
	p.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

func (p platform) Plan(_ context.Context, next, since *push.State) (*push.Plan, error) {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.revision > next.Revision {
		return nil, stead.Errorf(stead.Conflict, "the platform holds revision %d", p.revision)
	}
	plan := &push.Plan{Connection: next.Connection.Key, From: p.revision, To: next.Revision, Next: next}
	before := p.held()
	if since != nil {
		before = flat(since.Sets)
	}
	if !p.installed || p.outdated && !next.Held && since == nil {
		plan.Steps = append(plan.Steps, push.Step{Kind: push.Bootstrap, Object: "schema"})
	}
	var take, give []push.Edit
	for _, e := range push.Edits(before, flat(next.Sets)) {
		if gives(&e) {
			give = append(give, e)
		} else {
			take = append(take, e)
		}
	}
	rows := func(edits []push.Edit, why string) {
		if len(edits) > 0 {
			plan.Steps = append(plan.Steps, push.Step{Kind: push.RowEdit, Object: "rows", Why: why, Edits: edits})
		}
	}
	rows(take, "takes")
	for _, id := range slices.Sorted(maps.Keys(next.Sources)) {
		src := next.Sources[id]
		has, governed := p.objects[id]
		if since != nil && since.Sources[id] != nil {
			has = since.Sources[id].Digest
		}
		if src.Held || has == src.Digest && governed {
			continue
		}
		if id == p.blocked {
			plan.Problems = append(plan.Problems, push.Problem{Source: id, Message: "it is a foreign table", Blocking: true})
		}
		plan.Steps = append(plan.Steps, push.Step{Kind: push.ObjectEdit, Source: id, Object: fmt.Sprint("t", id), Why: "its rule changed"})
	}
	for _, id := range slices.Sorted(maps.Keys(p.objects)) {
		if next.Sources[id] == nil {
			plan.Steps = append(plan.Steps, push.Step{Kind: push.Release, Source: id, Object: fmt.Sprint("t", id)})
		}
	}
	rows(give, "gives")
	p.plans[plan] = p.token
	return plan, nil
}

func (p platform) Apply(ctx context.Context, plan *push.Plan, progress func(push.Progress)) error {
	p.wait()
	token := p.plans[plan]
	for i := range plan.Steps {
		step := &plan.Steps[i]
		p.mu.Lock()
		fail := p.step
		p.mu.Unlock()
		if fail != nil {
			if err := fail(ctx, step); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return stead.Errorf(stead.Canceled, "stopped").WithCause(ctx.Err())
		}
		p.mu.Lock()
		if p.token != token {
			p.mu.Unlock()
			return stead.Errorf(stead.Conflict, "somebody was faster")
		}
		p.do(plan, step)
		token = p.token
		p.mu.Unlock()
		progress(push.Progress{Done: i + 1, Total: len(plan.Steps), Step: step})
	}
	return nil
}

func (p platform) do(plan *push.Plan, step *push.Step) {
	p.token++
	p.revision = plan.To
	p.done = append(p.done, string(step.Kind)+" "+step.Object)
	switch step.Kind {
	case push.Bootstrap:
		p.installed, p.outdated = true, false
	case push.ObjectEdit:
		if !p.lies {
			p.objects[step.Source] = plan.Next.Sources[step.Source].Digest
		}
	case push.Release:
		delete(p.objects, step.Source)
	}
	for _, e := range step.Edits {
		if p.rows[e.Table] == nil {
			p.rows[e.Table] = map[push.Row]bool{}
		}
		for _, r := range e.Delete {
			delete(p.rows[e.Table], r)
		}
		for _, r := range e.Put {
			p.rows[e.Table][r] = true
		}
	}
}

func (p platform) Verify(_ context.Context, state *push.State) ([]push.Drift, error) {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []push.Drift
	for _, id := range slices.Sorted(maps.Keys(state.Sources)) {
		if src := state.Sources[id]; !src.Held && p.objects[id] != src.Digest {
			out = append(out, push.Drift{Kind: push.Altered, Source: id, Object: fmt.Sprint("t", id), What: "a policy was changed", Open: true, Repairable: true})
		}
	}
	if p.drift != nil {
		out = append(out, p.drift()...)
	}
	return out, nil
}

func (p platform) Script(*push.Plan) string { return "-- script\n" }
func (p platform) Close() error             { return nil }

// spec is what the test's world says about a connection.
type spec struct {
	sources map[stead.SourceID]byte // digests
	members []string                // of everything
	off     bool
	manual  bool
	drift   push.DriftPolicy
	address string
}

// scene is a world that moves, its platforms and one or more services.
type scene struct {
	t       *testing.T
	servers map[string]*server // by address

	mu      sync.Mutex
	specs   map[stead.Revision]map[string]spec // by connection
	records []stead.Record
	marked  []string
	noDisk  bool
}

// process is one replica.
type process struct {
	*Service
	scene *scene
	stop  context.CancelFunc
	ended chan struct{}

	mu    sync.Mutex
	world *decide.World
	stale error
	moved chan struct{}
}

func newScene(t *testing.T) *scene {
	return &scene{t: t, servers: map[string]*server{"a": newServer()}, specs: map[stead.Revision]map[string]spec{}}
}

func (c *scene) start(change func(*Options)) *process {
	p := &process{scene: c, world: decide.New(), moved: make(chan struct{}), ended: make(chan struct{})}
	o := Options{World: p.current, WaitFor: p.waitFor, Open: c.open, Build: c.build, Log: slog.New(slog.DiscardHandler),
		MarkDrifted: func(_ context.Context, o stead.Object, reason string) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.marked = append(c.marked, o.String()+" "+reason)
			return nil
		},
		Record: func(_ context.Context, r stead.Record) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.noDisk {
				return stead.Errorf(stead.Unavailable, "the disk is full")
			}
			c.records = append(c.records, r)
			return nil
		}}
	if change != nil {
		change(&o)
	}
	p.Service = New(o)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() { p.Run(ctx); close(p.ended) }()
	return p
}

// end stops the process and waits for it.
func (p *process) end() {
	p.stop()
	<-p.ended
}

func (p *process) current() (*decide.World, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.world, p.stale
}

func (p *process) waitFor(ctx context.Context, r stead.Revision) error {
	for {
		p.mu.Lock()
		at, moved := p.world.Revision(), p.moved
		p.mu.Unlock()
		if at >= r {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// away makes the world too old to serve, or servable again.
func (p *process) away(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stale = err
}

// to moves the process's world to a revision of the scene.
func (p *process) to(r stead.Revision) {
	p.scene.mu.Lock()
	specs := p.scene.specs[r]
	p.scene.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	d := decide.Delta{Revision: r}
	for _, c := range p.world.Connections() {
		if _, ok := specs[c.Key]; !ok {
			d.DeletedConnections = append(d.DeletedConnections, c.ID)
		}
	}
	for key, s := range specs {
		id, _ := strconv.Atoi(key[1:])
		d.Connections = append(d.Connections, &stead.Connection{ID: stead.ConnectionID(id + 1), Key: key, Platform: stead.PostgreSQL,
			Address: cmp.Or(s.address, "a"), Disabled: s.off})
		for n := range s.sources {
			d.Sources = append(d.Sources, &stead.DataSource{ID: n, Connection: key, Path: []string{"hr", fmt.Sprint("t", n)}, State: stead.Active})
		}
	}
	p.world = p.world.With(d)
	close(p.moved)
	p.moved = make(chan struct{})
}

// put adds a revision in which connection c0 is as given; processes move there themselves.
func (c *scene) put(r stead.Revision, s spec) {
	c.puts(r, map[string]spec{"c0": s})
}

func (c *scene) puts(r stead.Revision, s map[string]spec) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.specs[r] = s
}

func (c *scene) open(_ context.Context, conn stead.Connection) (push.Platform, error) {
	s := c.servers[conn.Address]
	if s == nil {
		return nil, stead.Errorf(stead.Unavailable, "there is no server at %s", conn.Address)
	}
	if s.opened != nil {
		if err, wrong := s.opened(); wrong {
			return nil, err
		}
	}
	return platform{s}, nil
}

func (c *scene) build(w *decide.World, key string, _ *push.State) (*push.State, error) {
	c.mu.Lock()
	s := c.specs[w.Revision()][key]
	c.mu.Unlock()
	conn, _ := w.Connection(key)
	st := &push.State{Connection: *conn, Revision: w.Revision(), Settings: push.Settings{Manual: s.manual, Drift: cmp.Or(s.drift, push.RepairDrift)},
		Sources: map[stead.SourceID]*push.Source{}, Sets: map[push.SetID]*push.Set{}}
	for id, digest := range s.sources {
		n := fmt.Sprint(id)
		st.Sources[id] = &push.Source{ID: id, Path: []string{"hr", "t" + n}, Digest: [32]byte{digest}}
		st.Sets[push.SetID{Table: push.Served, Key: n}] = &push.Set{Rows: []push.Row{{n, "all", "t"}}}
	}
	members := &push.Set{}
	for _, m := range slices.Sorted(slices.Values(s.members)) {
		members.Rows = append(members.Rows, push.Row{"all", m, "r"})
	}
	st.Sets[push.SetID{Table: push.Members, Key: "all"}] = members
	if s.off {
		st.Sets[push.SetID{Table: push.Switches, Key: "off"}] = &push.Set{Rows: []push.Row{{"off"}}}
	}
	return st, nil
}

func (c *scene) recorded(operation string) []stead.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []stead.Record
	for _, r := range c.records {
		if r.Operation == operation {
			out = append(out, r)
		}
	}
	return out
}

// phase fails the test when the connection is elsewhere.
func (p *process) phase(want Phase) Status {
	p.scene.t.Helper()
	synctest.Wait()
	s, ok := p.Status("c0")
	if !ok || s.Phase != want {
		p.scene.t.Fatalf("phase %q, want %q: %+v", s.Phase, want, s)
	}
	return s
}

// current starts a process and brings it to revision 1.
func started(t *testing.T, s spec) (*scene, *process) {
	t.Helper()
	c := newScene(t)
	c.put(1, s)
	p := c.start(nil)
	p.to(1)
	p.phase(Pending)
	if err := p.Apply(t.Context(), "c0", true); err != nil {
		t.Fatal(err)
	}
	p.phase(Current)
	return c, p
}
