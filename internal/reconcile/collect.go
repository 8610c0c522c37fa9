package reconcile

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/decide"
	"stead/internal/push"
)

// CollectOptions say what a Collection works with. World, Open and Audit are required; zero of the others is the default.
type CollectOptions struct {
	World   func() (*decide.World, error)
	Open    Opener
	Audit   Records
	Metrics CollectMetrics
	Log     *slog.Logger
	Now     func() time.Time
	After   func(time.Duration) <-chan time.Time
	// Every is how often a platform is asked for what it logged. Default 2 s.
	Every time.Duration
	// Retry is when a platform is asked again that did not answer. Default 30 s.
	Retry time.Duration
}

// Records is where records are kept: audit.Log.
type Records interface {
	AppendBatch(ctx context.Context, records []stead.Record) error
	Search(ctx context.Context, f audit.Filter, limit int, cursor string) (audit.Page, error)
}

// CollectMetrics hears of what is collected.
type CollectMetrics interface {
	Collected(connection string, records, gaps int)
}

type noCollectMetrics struct{}

func (noCollectMetrics) Collected(string, int, int) {}

// Collected is how far the records of a connection are.
type Collected struct {
	Connection string `json:"connection"`
	// From says what statements are known from; Missing why they are not, and what to do.
	From    string `json:"from,omitempty"`
	Missing string `json:"missing,omitempty"`
	// Elsewhere: another server of stead collects here.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Behind is how many bytes of the platform's log are not read yet, Last the time of the last line that was.
	Behind int64      `json:"behind"`
	Last   *time.Time `json:"last,omitempty"`
	// Records and Gaps are counted since this process started.
	Records int64  `json:"records"`
	Gaps    int64  `json:"gaps"`
	Error   string `json:"error,omitempty"`
}

// Collection keeps records of what was asked on platforms of the push style, which tell of it afterwards. Every server of stead
// may run one: a platform gives what it logged to one at a time.
type Collection struct {
	opt CollectOptions

	mu          sync.Mutex
	connections map[string]*Collected
}

// NewCollection returns a collection; Run makes it work.
func NewCollection(o CollectOptions) *Collection {
	o.Log = cmp.Or(o.Log, slog.Default())
	o.Every, o.Retry = cmp.Or(o.Every, 2*time.Second), cmp.Or(o.Retry, 30*time.Second)
	if o.Metrics == nil {
		o.Metrics = noCollectMetrics{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	return &Collection{opt: o, connections: map[string]*Collected{}}
}

// Run collects until ctx ends.
func (c *Collection) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		if w, err := c.opt.World(); err == nil {
			for _, conn := range w.Connections() {
				if Pushed(conn.Platform) && c.begin(conn.Key) {
					running.Go(func() { c.follow(ctx, conn.Key) })
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-c.opt.After(c.opt.Every):
		}
	}
}

func (c *Collection) begin(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.connections[key] != nil {
		return false
	}
	c.connections[key] = &Collected{Connection: key}
	return true
}

// Status tells how far the records of a connection are; false when nobody collects there.
func (c *Collection) Status(key string) (Collected, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.connections[key]
	if s == nil {
		return Collected{}, false
	}
	return *s, true
}

// Statuses tells it of all connections, by key.
func (c *Collection) Statuses() []Collected {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Collected, 0, len(c.connections))
	for _, key := range slices.Sorted(maps.Keys(c.connections)) {
		out = append(out, *c.connections[key])
	}
	return out
}

func (c *Collection) tell(key string, change func(*Collected)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.connections[key])
}

// gathering is the work on one connection.
type gathering struct {
	*Collection
	key      string
	at       *stead.Connection
	platform push.Platform
	// doubt: it is not known whether what comes next was kept by somebody already.
	doubt bool
}

// follow collects from one connection until it is gone or ctx ends.
func (c *Collection) follow(ctx context.Context, key string) {
	g := &gathering{Collection: c, key: key, doubt: true}
	defer func() {
		g.leave()
		c.mu.Lock()
		delete(c.connections, key)
		c.mu.Unlock()
	}()
	for {
		wait := c.opt.Every
		w, err := c.opt.World()
		if err == nil {
			conn, ok := w.Connection(key)
			if !ok || !Pushed(conn.Platform) {
				return
			}
			err = g.round(ctx, conn)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			wait = c.opt.Retry
			g.doubt = true
			g.leave()
			if stead.CodeOf(err) != stead.Unavailable {
				c.opt.Log.Warn("what was asked on a connection is not collected", "connection", key, "error", err, "cause", stead.AsError(err).Cause)
			}
		}
		c.tell(key, func(s *Collected) {
			s.Error = ""
			if err != nil {
				s.Error = stead.AsError(err).Error()
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-c.opt.After(wait):
		}
	}
}

// round opens the platform where that must be, and takes what it has.
func (g *gathering) round(ctx context.Context, conn *stead.Connection) error {
	if g.at != nil && (g.at.Address != conn.Address || g.at.Credential != conn.Credential || !maps.Equal(g.at.Settings, conn.Settings)) {
		g.leave()
	}
	if g.platform == nil {
		p, err := g.opt.Open(ctx, *conn)
		if err != nil {
			return err
		}
		g.at, g.platform = conn, p
	}
	from, ok := g.platform.(push.Collector)
	if !ok {
		g.tell(g.key, func(s *Collected) { s.Missing = "the platform tells nothing of what was asked" })
		return nil
	}
	reach, err := from.Collect(ctx, g.keep)
	if err != nil {
		return err
	}
	g.doubt = g.doubt && reach.Elsewhere
	g.tell(g.key, func(s *Collected) {
		s.Elsewhere = reach.Elsewhere
		if reach.Elsewhere {
			s.Behind = 0
			return
		}
		s.From, s.Missing, s.Behind = reach.From, reach.Missing, reach.Behind
		if !reach.Last.IsZero() {
			s.Last = &reach.Last
		}
	})
	return nil
}

func (g *gathering) leave() {
	if g.platform == nil {
		return
	}
	if err := g.platform.Close(); err != nil {
		g.opt.Log.Warn("a platform was not closed well", "connection", g.key, "cause", err)
	}
	g.at, g.platform = nil, nil
}

// keep makes a batch durable. What was kept before, by a process that could not note it any more, is left out.
func (g *gathering) keep(ctx context.Context, b push.Batch) error {
	w, err := g.opt.World()
	if err != nil {
		return err
	}
	records := make([]stead.Record, 0, len(b.Asked)+len(b.Gaps))
	for i := range b.Asked {
		records = append(records, collectedRecord(w, g.key, &b.Asked[i]))
	}
	for i := range b.Gaps {
		records = append(records, gapRecord(g.key, &b.Gaps[i]))
	}
	if b.Again || g.doubt {
		if records, err = g.unkept(ctx, records); err != nil {
			return err
		}
	}
	if err := g.opt.Audit.AppendBatch(ctx, records); err != nil {
		return err
	}
	g.opt.Metrics.Collected(g.key, len(records), len(b.Gaps))
	g.tell(g.key, func(s *Collected) {
		s.Records += int64(len(records))
		s.Gaps += int64(len(b.Gaps))
	})
	return nil
}

// unkept are the records that are not in the audit log.
func (g *gathering) unkept(ctx context.Context, records []stead.Record) ([]stead.Record, error) {
	if len(records) == 0 {
		return nil, nil
	}
	first, last := records[0].Time, records[0].Time
	for i := range records {
		if t := records[i].Time; t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	kept := map[string]bool{}
	f := audit.Filter{Connection: g.key, From: first, To: last.Add(time.Nanosecond), Kinds: []stead.RecordKind{stead.QueryCollected, stead.Impersonate, stead.System}}
	for cursor := ""; ; {
		page, err := g.opt.Audit.Search(ctx, f, 1000, cursor)
		if err != nil {
			return nil, err
		}
		for i := range page.Entries {
			kept[page.Entries[i].Record.ID] = true
		}
		if cursor = page.Next; cursor == "" {
			return slices.DeleteFunc(records, func(r stead.Record) bool { return kept[r.ID] }), nil
		}
	}
}
