package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"stead"
	"stead/internal/push"
	"stead/internal/reconcile"
	"stead/internal/store"
)

// Platforms keeps platforms where policies are pushed. reconcile.Service implements it.
type Platforms interface {
	// Plan, Script and Preview change nothing; a password for one preview comes by reconcile.WithPassword.
	Plan(ctx context.Context, key string) (*push.Plan, error)
	Script(ctx context.Context, key string) (string, error)
	Preview(ctx context.Context, c stead.Connection) (plan *push.Plan, script string, err error)
	// Apply returns when the platform is current, with what stands in the way, or when ctx ends: the work goes on then.
	Apply(ctx context.Context, key string, bootstrap bool) error
	Verify(ctx context.Context, key string) ([]push.Drift, error)
	Status(key string) (reconcile.Status, bool)
}

// PlatformPlan is how a platform gets to what the policies say.
type PlatformPlan struct {
	Connection string        `json:"connection"`
	From       int64         `json:"from" doc:"Revision that the platform holds; 0 for none"`
	To         int64         `json:"to"`
	Problems   []PlanProblem `json:"problems,omitempty" doc:"What stands in the way"`
	Steps      []PlanStep    `json:"steps" doc:"In the order in which they are made; none when the platform is current"`
}

// PlanProblem is something about the platform that a plan cannot change.
type PlanProblem struct {
	Source   string `json:"source,omitempty" doc:"Path of the data source that it is about"`
	Object   string `json:"object,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Blocking bool   `json:"blocking,omitempty" doc:"Nothing is applied to the data source, or at all when none is named, while it stays"`
}

// PlanStep is done wholly or not at all.
type PlanStep struct {
	Kind   string     `json:"kind" enum:"bootstrap,rows,objects,roles,keys,terminate,release"`
	Object string     `json:"object"`
	Source string     `json:"source,omitempty" doc:"Path of the data source"`
	Why    string     `json:"why"`
	Widens bool       `json:"widens,omitempty" doc:"Somebody may see more after it"`
	SQL    []string   `json:"sql,omitempty" doc:"Statements, without secrets"`
	Rows   []PlanRows `json:"rows,omitempty"`
	Keys   []string   `json:"keys,omitempty" doc:"Ids of hash keys, never the keys"`
}

// PlanRows is what changes in one of the tables that answer who may see what.
type PlanRows struct {
	Table   string     `json:"table"`
	Added   int        `json:"added"`
	Removed int        `json:"removed"`
	Put     [][]string `json:"put,omitempty" doc:"The first of the rows that are added"`
	Delete  [][]string `json:"delete,omitempty" doc:"The first of the rows that are removed"`
}

// mostRows is how many rows of one edit a plan shows.
const mostRows = 20

// PlatformStatus is where a platform stands.
type PlatformStatus struct {
	Phase    string          `json:"phase" enum:"waiting,applying,current,pending,failing,off"`
	Current  bool            `json:"current"`
	World    int64           `json:"world" doc:"Revision that should be enforced"`
	Applied  int64           `json:"applied" doc:"Revision that is enforced; 0 before the first"`
	Since    time.Time       `json:"since" doc:"Of the phase"`
	Done     int             `json:"done,omitempty"`
	Total    int             `json:"total,omitempty" doc:"Steps of the plan that is being applied"`
	Step     string          `json:"step,omitempty"`
	Error    string          `json:"error,omitempty" doc:"The last failure"`
	Retry    *time.Time      `json:"retry,omitempty" doc:"When it is tried again"`
	Problems []PlanProblem   `json:"problems,omitempty"`
	Held     []HeldSource    `json:"held,omitempty" doc:"Data sources that nobody is shown until their objects are edited"`
	Drift    []PlatformDrift `json:"drift,omitempty"`
	Verified *time.Time      `json:"verified,omitempty" doc:"When it was last looked at for drift"`
	// Collected is about the records of what was asked there.
	Collected *PlatformCollected `json:"collected,omitempty" doc:"How far the records of what was asked on the platform are"`
}

// PlatformCollected is how far the records of what was asked on a platform are.
type PlatformCollected struct {
	From      string     `json:"from,omitempty" doc:"What statements are known from"`
	Missing   string     `json:"missing,omitempty" doc:"Why they are not known, and what to do"`
	Elsewhere bool       `json:"elsewhere,omitempty" doc:"Another server of stead collects here"`
	Behind    int64      `json:"behind" doc:"Bytes of the platform's log that are not read yet"`
	Last      *time.Time `json:"last,omitempty" doc:"Time of the last line that was read"`
	Records   int64      `json:"records" doc:"Records made since this server started"`
	Gaps      int64      `json:"gaps" doc:"Gaps found since this server started"`
	Error     string     `json:"error,omitempty"`
}

// HeldSource is a data source that is closed for now.
type HeldSource struct {
	Path   []string `json:"path,omitempty"`
	Reason string   `json:"reason"`
}

// PlatformDrift is how a platform differs from what was applied.
type PlatformDrift struct {
	Kind       string `json:"kind" enum:"missing,altered,foreign,renewed,columns,profiles"`
	Source     string `json:"source,omitempty" doc:"Path of the data source"`
	Object     string `json:"object"`
	What       string `json:"what"`
	Open       bool   `json:"open,omitempty" doc:"Somebody may see more than they should until it is repaired"`
	Repairable bool   `json:"repairable"`
	Note       bool   `json:"note,omitempty" doc:"It is only told: nothing is shown for it, and the data source is served on"`
}

// Previewed is what connecting would do.
type Previewed struct {
	Plan   PlatformPlan `json:"plan"`
	Script string       `json:"script" doc:"The plan as text that an administrator can run, without secrets"`
}

func (s *server) platformRoutes() {
	const noun, at = "connections", "/v1/connections/{key}/"
	handle(s, route("preview-connection", http.MethodPost, "/v1/connections/preview", "Inspect a platform that is not connected yet and say what connecting would do there; nothing is stored or changed", noun), s.preview)
	handle(s, route("plan-connection", http.MethodGet, at+"plan", "What stands between the platform and what the policies say", noun),
		func(ctx context.Context, in *Keyed) (*struct{ Body PlatformPlan }, error) {
			p, err := platform(ctx, s, in.Key, Platforms.Plan)
			if err != nil {
				return nil, err
			}
			return &struct{ Body PlatformPlan }{planOfPlatform(p, s.sourcePaths(in.Key))}, nil
		})
	handle(s, route("script-connection", http.MethodGet, at+"script", "The plan as text that an administrator can run", noun),
		func(ctx context.Context, in *Keyed) (*struct {
			Body struct {
				Script string `json:"script"`
			}
		}, error) {
			out := &struct {
				Body struct {
					Script string `json:"script"`
				}
			}{}
			var err error
			out.Body.Script, err = platform(ctx, s, in.Key, Platforms.Script)
			return out, err
		})
	handle(s, route("apply-connection", http.MethodPost, at+"apply", "Bring the platform to what the policies say; 202 when it goes on, to be followed by the status", noun), s.applyConnection)
	handle(s, route("connection-status", http.MethodGet, at+"status", "Where the platform stands", noun), s.platformStatus)
	handle(s, route("verify-connection", http.MethodPost, at+"verify", "Look whether what was applied is what is enforced", noun), s.verifyConnection)
}

// platform asks about a connection for somebody who may look.
func platform[T any](ctx context.Context, s *server, key string, ask func(Platforms, context.Context, string) (T, error)) (out T, err error) {
	if _, err = s.Govern.Platform(ctx, callerOf(ctx), key); err != nil {
		return out, err
	}
	if s.Platforms == nil {
		return out, noPlatforms()
	}
	return ask(s.Platforms, ctx, key)
}

func noPlatforms() error {
	return stead.Errorf(stead.Unsupported, "this server pushes nothing to platforms")
}

func (s *server) preview(ctx context.Context, in *struct {
	Body struct {
		Connection stead.Connection `json:"connection"`
		Password   string           `json:"password,omitempty" maxLength:"8192" doc:"For this look alone; kept nowhere"`
	}
}) (*struct{ Body Previewed }, error) {
	c := in.Body.Connection
	if err := s.Govern.CheckConnection(ctx, callerOf(ctx), c); err != nil {
		return nil, err
	}
	if s.Platforms == nil {
		return nil, noPlatforms()
	}
	if in.Body.Password != "" {
		ctx = reconcile.WithPassword(ctx, in.Body.Password)
	}
	p, script, err := s.Platforms.Preview(ctx, c)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Previewed }{Previewed{Plan: planOfPlatform(p, s.sourcePaths(c.Key)), Script: script}}, nil
}

// AppliedPlatform is what became of an apply when the request ends.
type AppliedPlatform struct {
	Finished bool           `json:"finished" doc:"False: the work goes on; follow it by the status"`
	Status   PlatformStatus `json:"status"`
}

type accepted struct {
	Status int
	Body   AppliedPlatform
}

func (s *server) applyConnection(ctx context.Context, in *struct {
	Keyed
	Body struct {
		Bootstrap bool `json:"bootstrap,omitempty" doc:"Make stead's own schemas, tables, functions and roles where they are missing"`
		Wait      int  `json:"waitSeconds,omitempty" minimum:"0" maximum:"240" doc:"How long to wait for the end; what fails at once is told anyway"`
	}
}) (*accepted, error) {
	if s.Platforms == nil {
		return nil, noPlatforms()
	}
	operation := "apply"
	if in.Body.Bootstrap {
		operation = "bootstrap"
	}
	if _, err := s.Govern.Operate(ctx, callerOf(ctx), in.Key, operation); err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, max(time.Duration(in.Body.Wait)*time.Second, leastWait))
	defer cancel()
	st, err := s.lookedAfter(wait, in.Key)
	if err != nil {
		return nil, err
	}
	out := &accepted{Status: http.StatusOK, Body: AppliedPlatform{Finished: true}}
	if err := s.Platforms.Apply(wait, in.Key, in.Body.Bootstrap); err != nil {
		if wait.Err() == nil {
			return nil, err
		}
		out.Status, out.Body.Finished = http.StatusAccepted, false
	}
	if now, ok := s.Platforms.Status(in.Key); ok {
		st = now
	}
	out.Body.Status = statusOfPlatform(st, s.sourcePaths(in.Key))
	return out, nil
}

// leastWait is how long a request waits for an apply, so that it tells what fails at once.
const leastWait = 2 * time.Second

// lookedAfter returns the status of a connection as soon as there is one: a moment ago it may have been made.
func (s *server) lookedAfter(ctx context.Context, key string) (reconcile.Status, error) {
	const often = 20 * time.Millisecond
	for {
		if st, ok := s.Platforms.Status(key); ok {
			return st, nil
		}
		select {
		case <-time.After(often):
		case <-ctx.Done():
			return reconcile.Status{}, stead.Errorf(stead.Unavailable, "connection %q is not looked after yet", cut(key, 100)).WithHint("try again in a moment")
		}
	}
}

func (s *server) verifyConnection(ctx context.Context, in *Keyed) (*struct {
	Body struct {
		Drift []PlatformDrift `json:"drift" doc:"What differs; it is treated as the connection's setting drift says"`
	}
}, error) {
	if s.Platforms == nil {
		return nil, noPlatforms()
	}
	if _, err := s.Govern.Operate(ctx, callerOf(ctx), in.Key, "verify"); err != nil {
		return nil, err
	}
	drift, err := s.Platforms.Verify(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	out := &struct {
		Body struct {
			Drift []PlatformDrift `json:"drift" doc:"What differs; it is treated as the connection's setting drift says"`
		}
	}{}
	out.Body.Drift = driftOf(drift, s.sourcePaths(in.Key))
	return out, nil
}

// platformStatus is for who may look at platforms, and of the sources they own for who registers tables.
func (s *server) platformStatus(ctx context.Context, in *Keyed) (*struct{ Body PlatformStatus }, error) {
	_, err := s.Govern.Platform(ctx, callerOf(ctx), in.Key)
	denied := stead.CodeOf(err) == stead.Denied && err != nil
	if denied { // whoever may read the connection may know whether it is current
		_, err = s.Govern.Get(ctx, callerOf(ctx), store.Connections, in.Key)
	}
	if err != nil {
		return nil, err
	}
	if s.Platforms == nil {
		return nil, noPlatforms()
	}
	st, ok := s.Platforms.Status(in.Key)
	if !ok {
		return nil, stead.Errorf(stead.Unavailable, "connection %q is not looked after yet, or nothing is pushed to it", cut(in.Key, 100)).
			WithHint("try again in a moment")
	}
	if denied {
		if st, err = s.ownPart(ctx, st); err != nil {
			return nil, err
		}
	}
	return &struct{ Body PlatformStatus }{statusOfPlatform(st, s.sourcePaths(in.Key))}, nil
}

// ownPart leaves of a status what is about the connection itself and the data sources that the caller may read.
func (s *server) ownPart(ctx context.Context, st reconcile.Status) (reconcile.Status, error) {
	mine := map[stead.SourceID]bool{}
	for after := int64(0); ; {
		rows, err := s.Govern.List(ctx, callerOf(ctx), store.DataSources, after, 1000)
		if err != nil {
			return st, err
		}
		for _, row := range rows {
			mine[stead.SourceID(row.ID)], after = true, row.ID
		}
		if len(rows) == 0 {
			break
		}
	}
	st.Step = ""
	st.Problems = slices.DeleteFunc(slices.Clone(st.Problems), func(p push.Problem) bool { return !mine[p.Source] })
	st.Drift = slices.DeleteFunc(slices.Clone(st.Drift), func(d push.Drift) bool { return !mine[d.Source] })
	st.Held = slices.DeleteFunc(slices.Clone(st.Held), func(h reconcile.Held) bool { return !mine[h.Source] })
	return st, nil
}

// sourcePaths names the data sources of a connection.
func (s *server) sourcePaths(connection string) map[stead.SourceID]string {
	out := map[stead.SourceID]string{}
	w, err := s.World()
	if err != nil {
		return out // numbers are left out, the rest is said
	}
	for _, d := range w.Sources(connection) {
		out[d.ID] = strings.Join(d.Path, ".")
	}
	return out
}

func planOfPlatform(p *push.Plan, names map[stead.SourceID]string) PlatformPlan {
	out := PlatformPlan{Connection: p.Connection, From: int64(p.From), To: int64(p.To), Problems: problemsOf(p.Problems, names), Steps: make([]PlanStep, len(p.Steps))}
	for i, st := range p.Steps {
		out.Steps[i] = PlanStep{Kind: string(st.Kind), Object: st.Object, Source: names[st.Source], Why: st.Why, Widens: st.Widens, SQL: st.SQL, Keys: st.Keys}
		for _, e := range st.Edits {
			out.Steps[i].Rows = append(out.Steps[i].Rows, PlanRows{Table: string(e.Table), Added: len(e.Put), Removed: len(e.Delete),
				Put: firstRows(e.Table, e.Put), Delete: firstRows(e.Table, e.Delete)})
		}
	}
	return out
}

func firstRows(t push.Table, rows []push.Row) [][]string {
	var out [][]string
	for _, r := range rows[:min(len(rows), mostRows)] {
		out = append(out, slices.Clone(r[:push.Width[t]]))
	}
	return out
}

func problemsOf(list []push.Problem, names map[stead.SourceID]string) []PlanProblem {
	var out []PlanProblem
	for _, p := range list {
		out = append(out, PlanProblem{Source: names[p.Source], Object: p.Object, Message: p.Message, Hint: p.Hint, Blocking: p.Blocking})
	}
	return out
}

func driftOf(list []push.Drift, names map[stead.SourceID]string) []PlatformDrift {
	out := []PlatformDrift{}
	for _, d := range list {
		out = append(out, PlatformDrift{Kind: string(d.Kind), Source: names[d.Source], Object: d.Object, What: d.What, Open: d.Open, Repairable: d.Repairable, Note: d.Note})
	}
	return out
}

func statusOfPlatform(st reconcile.Status, names map[stead.SourceID]string) PlatformStatus {
	out := PlatformStatus{Phase: string(st.Phase), Current: st.Phase == reconcile.Current && st.Applied >= st.World, World: int64(st.World), Applied: int64(st.Applied),
		Since: st.Since, Done: st.Done, Total: st.Total, Step: st.Step, Error: st.Error, Retry: st.Retry, Problems: problemsOf(st.Problems, names), Verified: st.Verified}
	if len(st.Drift) > 0 {
		out.Drift = driftOf(st.Drift, names)
	}
	if c := st.Collected; c != nil {
		out.Collected = &PlatformCollected{From: c.From, Missing: c.Missing, Elsewhere: c.Elsewhere, Behind: c.Behind, Last: c.Last, Records: c.Records, Gaps: c.Gaps, Error: c.Error}
	}
	for _, h := range st.Held {
		out.Held = append(out.Held, HeldSource{Path: h.Path, Reason: h.Reason})
	}
	return out
}
