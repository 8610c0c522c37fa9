package postgres

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/system"
)

// holding is what we know the database to hold.
type holding struct {
	state    *push.State
	problems []push.Problem // of the sources that cannot be served as they are
	token    string         // in meta.state
}

// draft is a plan in the making.
type draft struct {
	p         *Platform
	f         *found
	next      *push.State
	now       map[push.Table][]push.Row // served and slot rows that stand, at least of what changes
	closed    map[stead.SourceID]bool
	objects   []*object
	why       map[stead.SourceID]string
	release   []stead.SourceID
	edits     []push.Edit
	audience  func(string) []push.Row       // the members of one that stand
	fresh     func(push.Table, string) bool // a set that nothing there refers to yet
	gone      func(push.Table, string) bool // a set that next does not have
	boot      []string
	unfit     bool // our own tables are of another version and are to stay as they are
	keysPut   []string
	unsent    []string // of these, what is not sent because overheard would write it down
	overheard []string
	keysCut   []string
	plan      *push.Plan
}

// Plan implements push.Platform.
func (p *Platform) Plan(ctx context.Context, next, since *push.State) (*push.Plan, error) {
	h := p.holds()
	if since == nil || h.state != since || since.Held != next.Held || !reflect.DeepEqual(since.Settings, next.Settings) {
		return p.planWhole(ctx, next)
	}
	if next.Revision < since.Revision {
		return nil, ahead()
	}
	return p.planSince(ctx, next, h)
}

func (p *Platform) holds() holding {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

func (p *Platform) hold(plan *push.Plan, token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = holding{plan.Next, blocked(plan.Problems), token}
}

// blocked are the problems of sources that cannot be served.
func blocked(problems []push.Problem) []push.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p push.Problem) bool { return !p.Blocking || p.Source == 0 })
}

func closed(problems []push.Problem) map[stead.SourceID]bool {
	out := map[stead.SourceID]bool{}
	for _, p := range blocked(problems) {
		out[p.Source] = true
	}
	return out
}

func ahead() error {
	return stead.Errorf(stead.Conflict, "the database was edited from a later state").WithHint("it is planned anew once that state is known here")
}

// planWhole looks at everything.
func (p *Platform) planWhole(ctx context.Context, next *push.State) (*push.Plan, error) {
	d := &draft{p: p, next: next, closed: map[stead.SourceID]bool{}, why: map[stead.SourceID]string{}, plan: &push.Plan{Connection: next.Connection.Key, To: next.Revision, Next: next}}
	err := p.look(ctx, func(tx pgx.Tx) (err error) {
		if d.f, err = p.inspect(ctx, tx, wanted{settings: next.Settings, paths: paths(next, nil), all: true}); err != nil {
			return err
		}
		d.now = map[push.Table][]push.Row{}
		if err := d.lookVersion(ctx, tx); err != nil || d.unfit {
			return err
		}
		if d.f.booted {
			if d.now, err = readRows(ctx, tx); err != nil {
				return err
			}
		}
		if err := d.lookKeys(ctx, tx); err != nil {
			return err
		}
		if err := d.lookRights(ctx, tx); err != nil {
			return err
		}
		return d.lookRoles(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	if d.f.booted && d.f.revision > int64(next.Revision) {
		return nil, ahead()
	}
	d.plan.From, d.plan.Start = stead.Revision(d.f.revision), d.f.state
	digest, err := system.Digest(next.Settings)
	if err != nil {
		return nil, err
	}
	if d.unfit {
		return d.planUnfit(), nil
	}
	if !d.f.booted || (d.f.script != digest || d.f.tampered) && !next.Held {
		if d.boot, err = system.Script(next.Settings, p.cfg.Connection, p.cfg.Instance, d.f.super); err != nil {
			return nil, err
		}
	}
	d.identity()
	for _, id := range slices.Sorted(maps.Keys(next.Sources)) {
		d.source(next.Sources[id])
	}
	for _, id := range slices.Sorted(maps.Keys(d.f.governed)) {
		if next.Sources[id] == nil {
			d.release = append(d.release, id)
		}
	}
	wanted := gathered(desired(next, d.closed))
	d.edits = between(d.now, wanted)
	d.fresh, d.gone = absent(d.now), absent(wanted)
	d.audience = func(audience string) []push.Row {
		return slices.DeleteFunc(slices.Clone(d.now[push.Members]), func(r push.Row) bool { return r[0] != audience })
	}
	d.assemble()
	d.stop()
	if len(d.plan.Steps) == 0 && d.f.booted && !stopped(d.plan) {
		p.hold(d.plan, d.f.state)
	}
	return d.plan, nil
}

// planSince trusts what we know, and looks only at what changes natively.
func (p *Platform) planSince(ctx context.Context, next *push.State, h holding) (*push.Plan, error) {
	since := h.state
	d := &draft{p: p, next: next, closed: map[stead.SourceID]bool{}, why: map[stead.SourceID]string{}, now: map[push.Table][]push.Row{},
		plan: &push.Plan{Connection: next.Connection.Key, From: since.Revision, To: next.Revision, Next: next, Start: h.token}}
	changed := map[stead.SourceID]bool{}
	for id, s := range next.Sources {
		if was := since.Sources[id]; was == nil || was.Digest != s.Digest || !slices.Equal(was.Path, s.Path) || was.Held != s.Held || !sameWriters(since, next, id) {
			changed[id] = true
		}
	}
	for id := range since.Sources {
		if next.Sources[id] == nil {
			d.release = append(d.release, id)
		}
	}
	slices.Sort(d.release)
	for _, problem := range h.problems {
		if s := next.Sources[problem.Source]; s != nil && !s.Held && !changed[problem.Source] {
			d.plan.Problems = append(d.plan.Problems, problem)
			d.closed[problem.Source] = true
		}
	}
	before := desired(since, closed(h.problems))
	for id, set := range before {
		if id.Table == push.Served {
			d.now[id.Table] = append(d.now[id.Table], set.Rows...)
		}
	}
	if err := d.lookSince(ctx, changed, since); err != nil {
		return nil, err
	}
	if d.keysPut, d.keysCut = minus(next.Keys, since.Keys), minus(since.Keys, next.Keys); len(d.keysPut) > 0 {
		if err := p.look(ctx, func(tx pgx.Tx) error { return d.listen(ctx, tx) }); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		d.source(next.Sources[id])
	}
	d.bypass(changed)
	after := desired(next, d.closed)
	d.edits = push.Edits(before, after)
	lacks := func(sets map[push.SetID]*push.Set) func(push.Table, string) bool {
		return func(t push.Table, key string) bool {
			set := sets[push.SetID{Table: t, Key: key}]
			return set == nil || len(set.Rows) == 0
		}
	}
	d.fresh, d.gone = lacks(before), lacks(after)
	d.audience = func(audience string) []push.Row {
		if set := before[push.SetID{Table: push.Members, Key: audience}]; set != nil {
			return set.Rows
		}
		return nil
	}
	d.assemble()
	if len(d.plan.Steps) == 0 {
		p.hold(d.plan, h.token)
	}
	return d.plan, nil
}

func (d *draft) lookSince(ctx context.Context, changed map[stead.SourceID]bool, since *push.State) error {
	ids := append(slices.Collect(maps.Keys(changed)), d.release...)
	logins := !reflect.DeepEqual(setsOf(since, push.Logins), setsOf(d.next, push.Logins)) || !reflect.DeepEqual(setsOf(since, push.StandIns), setsOf(d.next, push.StandIns))
	if len(ids) == 0 && !logins {
		d.f = &found{booted: true}
		return nil
	}
	return d.p.look(ctx, func(tx pgx.Tx) (err error) {
		if d.f, err = d.p.inspect(ctx, tx, wanted{settings: d.next.Settings, paths: paths(d.next, changed), sources: ids}); err != nil {
			return err
		}
		if !d.f.booted {
			return stead.Errorf(stead.Conflict, "stead's objects are not there any more").WithHint("the database is planned from scratch")
		}
		return d.lookRoles(ctx, tx)
	})
}

// paths are those of the sources that are not held, of all or only some.
func paths(s *push.State, only map[stead.SourceID]bool) [][2]string {
	var out [][2]string
	for id, src := range s.Sources {
		if len(src.Path) == 2 && !src.Held && (only == nil || only[id]) {
			out = append(out, [2]string{src.Path[0], src.Path[1]})
		}
	}
	return out
}

// elsewhere reports whether somebody else governs the database.
func (d *draft) elsewhere() bool {
	return d.f.booted && (d.f.connection != d.p.cfg.Connection || d.f.instance != d.p.cfg.Instance)
}

// identity refuses a database that somebody else governs.
func (d *draft) identity() {
	f := d.f
	if d.elsewhere() {
		d.plan.Problems = append(d.plan.Problems, push.Problem{Object: f.database, Blocking: true,
			Message: "the database is governed as connection " + f.connection + " of another installation, or under another key",
			Hint:    "remove it there first, or drop the schema immuta_system when that installation is gone"})
	}
	d.plan.Problems = append(d.plan.Problems, d.withoutRights()...)
	if told := len(d.boot) > 0 && f.rights != nil && len(d.unmade()) > 0; !f.super && !f.creates && !told {
		d.plan.Problems = append(d.plan.Problems, push.Problem{Object: f.user, Message: "the role may not create roles or change settings of logins",
			Hint: "ALTER ROLE " + role(f.user) + " CREATEROLE, or give the governed role and the search path to logins yourself"})
	}
	d.plan.Problems = append(d.plan.Problems, d.risky()...)
}

// design is of the platform, and refuses sources whose keys cannot be sent.
func (d *draft) design(s *push.Source) (*object, *push.Problem) {
	if problem := d.unkeyed(s); problem != nil {
		return nil, problem
	}
	return d.p.design(s, d.f, d.next)
}

// source plans one data source.
func (d *draft) source(s *push.Source) {
	if s.Held {
		return
	}
	o, problem := d.design(s)
	if problem != nil {
		d.plan.Problems = append(d.plan.Problems, *problem)
		d.closed[s.ID] = true
		return
	}
	if o.stays != nil {
		d.plan.Problems = append(d.plan.Problems, *o.stays)
	}
	drift := o.lacking(d.f)
	for _, x := range drift {
		if !x.Repairable {
			d.plan.Problems = append(d.plan.Problems, push.Problem{Source: s.ID, Object: x.Object, Message: x.What, Hint: "drop it, or let stead's policies say it"})
		}
	}
	if why := repairable(drift); len(why) > 0 {
		d.objects = append(d.objects, o)
		d.why[s.ID] = why[0].What
	}
}

// assemble orders the steps such that nobody sees, between any two, what neither state shows.
func (d *draft) assemble() {
	if len(d.boot) > 0 {
		d.step(push.Step{Kind: push.Bootstrap, Object: "immuta_system", Why: "stead's own roles, schemas, tables, functions", SQL: d.boot})
	}
	if len(d.keysPut) > 0 {
		d.step(push.Step{Kind: push.KeyEdit, Object: "immuta_system.hash_key", Why: "keys of hash masks, readable by nobody but the views", Keys: d.keysPut})
	}
	first, own, last, people := d.split()
	first = append(first, d.shutChanged(own, people)...)
	if len(first) > 0 {
		d.step(push.Step{Kind: push.RowEdit, Object: "profiles", Why: "who may do what, looked up by policies; in effect at once", Edits: tidy(first), Widens: widens(first)})
		if sql := d.terminations(first); len(sql) > 0 {
			d.step(push.Step{Kind: push.Terminate, Object: "sessions", Why: "sessions that were cut off may still read from open cursors", SQL: sql})
		}
	}
	for _, o := range d.objects {
		why := d.why[o.source.ID]
		d.step(o.step(d.f, why, own[o.source.ID], o.source.Refused == ""))
	}
	for _, id := range d.release {
		if r := d.f.governed[id]; r != nil {
			d.step(d.releaseStep(id, r))
		}
	}
	if !d.next.Held { // the roles may not be there yet
		for _, s := range d.roleSteps() {
			d.step(s)
		}
	}
	if len(last) > 0 {
		d.step(push.Step{Kind: push.RowEdit, Object: "profiles", Why: "rows that nothing refers to any more", Edits: tidy(last)})
	}
	if len(d.keysCut) > 0 {
		d.step(push.Step{Kind: push.KeyEdit, Object: "immuta_system.hash_key", Why: "keys that nothing uses any more", Keys: d.keysCut})
	}
}

func (d *draft) step(s push.Step) { d.plan.Steps = append(d.plan.Steps, s) }

// stop takes the steps from a plan that is not applied at all. Where only rights lack, somebody who has them may run its script.
func (d *draft) stop() {
	if !stopped(d.plan) {
		return
	}
	if !d.elsewhere() {
		d.plan.ByHand = d.plan.Steps
	}
	d.plan.Steps = nil
}

// stopped reports whether a problem stops the whole plan.
func stopped(plan *push.Plan) bool {
	return slices.ContainsFunc(plan.Problems, func(p push.Problem) bool { return p.Blocking && p.Source == 0 })
}

func dotted(path []string) string { return strings.Join(path, ".") }
