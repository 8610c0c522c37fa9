package reconcile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/policy/expr"
)

// Build makes the state that a connection's platform is to enforce by the world, profile rows included. What did not change since
// previous, an earlier state of the same connection or nil, is the same pointer, and is not worked out again. It fails when
// the connection is not known or its settings cannot be read.
func Build(w *decide.World, connection string, previous *push.State) (*push.State, error) {
	c, ok := w.Connection(connection)
	if !ok {
		return nil, stead.Errorf(stead.NotFound, "connection %q is not known", connection).
			WithHint("name a connection that stead governs")
	}
	settings, err := push.ParseSettings(c.Settings)
	if err != nil {
		return nil, err
	}
	if previous == nil || previous.Connection.ID != c.ID || previous.Connection.Key != c.Key {
		previous = &push.State{}
	}
	b := &builder{w: w, previous: previous, audiences: map[string]stead.Object{}, conditions: map[string]expr.Node{},
		changed: map[string]bool{}, scopes: map[string][]string{},
		next: &push.State{Connection: *c, Settings: settings, Revision: w.Revision(), Sources: map[stead.SourceID]*push.Source{},
			Sets: make(map[push.SetID]*push.Set, len(previous.Sets))}}
	b.sources()
	b.identities()
	b.standIns()
	b.logins()
	if err := b.facts(); err != nil {
		return nil, err
	}
	b.members()
	if c.Disabled {
		b.keep(push.Switches, "off", []push.Row{{"off"}})
	}
	b.keys()
	return b.next, nil
}

// builder is a state in the making.
type builder struct {
	w              *decide.World
	next, previous *push.State
	// audiences have one of their sources each, conditions their expression.
	audiences  map[string]stead.Object
	conditions map[string]expr.Node
	keyIDs     []string // that expressions name
	people     []*profile
	byID       map[string]*profile
	all        []*stead.Identity
	changed    map[string]bool     // ids of identities whose facts are not those of previous
	scopes     map[string][]string // project to its sources here
}

// keep puts the rows of a set, or the set of before when it holds the same.
func (b *builder) keep(t push.Table, key string, rows []push.Row) (same bool) {
	id := push.SetID{Table: t, Key: key}
	if !slices.IsSortedFunc(rows, push.Row.Compare) {
		slices.SortFunc(rows, push.Row.Compare)
	}
	rows = slices.Compact(rows)
	if was := b.previous.Sets[id]; was != nil && slices.Equal(was.Rows, rows) {
		b.next.Sets[id] = was
		return true
	}
	b.next.Sets[id] = &push.Set{Rows: rows}
	return false
}

func (b *builder) problem(p push.Problem) { b.next.Problems = append(b.next.Problems, p) }

func idText[I ~int64](id I) string { return strconv.FormatInt(int64(id), 10) }

func (b *builder) sources() {
	for _, s := range b.w.Sources(b.next.Connection.Key) {
		o := s.Object()
		outline, _ := b.w.Outline(o)
		audience, _ := b.w.Audience(o)
		c := push.Compile(outline, b.previous.Sources[s.ID])
		b.next.Sources[s.ID] = c.Source
		if _, ok := b.audiences[audience]; !ok {
			b.audiences[audience] = o
		}
		for _, x := range c.Conditions {
			b.conditions[x.ID] = x.Node
		}
		b.keyIDs = append(b.keyIDs, c.Keys...)
		id := idText(s.ID)
		b.keep(push.Served, id, []push.Row{{id, audience, push.Flag(c.Source.Refused == "")}})
		b.keep(push.Slots, id, c.Slots)
		if c.Source.Refused != "" {
			b.problem(push.Problem{Source: s.ID, Object: strings.Join(s.Path, "."), Message: "nothing of it is shown: " + c.Source.Refused, Hint: wayBack(s)})
		}
	}
}

// wayBack says how a data source that is not served is served again; "" where its policies must be changed.
func wayBack(s *stead.DataSource) string {
	switch s.State {
	case stead.Drifted:
		return "when the table is right on the platform: stead source look '" + s.Object().String() + "'"
	case stead.Disabled:
		return "stead source enable '" + s.Object().String() + "'"
	}
	return ""
}

// facts works out for each condition whom it holds for.
func (b *builder) facts() error {
	for id, n := range b.conditions {
		var doubt expr.Node
		b.update(push.Facts, id, func(p *profile) (push.Row, bool) {
			l, ok := expr.Fold(n, p.reach.Facts()).(expr.Literal)
			if !ok || !l.Value.Valid {
				doubt = n
			}
			return push.Row{id, p.id}, ok && l.Value.Valid && l.Value.Bool
		})
		if doubt != nil {
			return stead.Errorf(stead.Internal, "internal error").WithCause(fmt.Errorf("a condition on the subject has no answer: %s", expr.Print(doubt)))
		}
	}
	return nil
}

// members works out for each audience who is in it.
func (b *builder) members() {
	access := map[stead.Access]string{stead.ReadAccess: "r", stead.WriteAccess: "w"}
	for id, o := range b.audiences {
		b.update(push.Members, id, func(p *profile) (push.Row, bool) {
			a := access[p.reach.Access(o)]
			return push.Row{id, p.id, a}, a != ""
		})
	}
}

// update makes a set with at most one row for each identity that serves. Of a set that there was before, only the
// rows of changed identities are asked for: its key says what is asked, so that the others' answers stay.
func (b *builder) update(t push.Table, key string, ask func(*profile) (push.Row, bool)) {
	was := b.previous.Sets[push.SetID{Table: t, Key: key}]
	if was == nil {
		var rows []push.Row
		for _, p := range b.people {
			if r, ok := ask(p); ok {
				rows = append(rows, r)
			}
		}
		b.keep(t, key, rows)
		return
	}
	var put []push.Row
	differs := false
	for id := range b.changed {
		at, had := slices.BinarySearchFunc(was.Rows, push.Row{key, id}, func(r, want push.Row) int { return slices.Compare(r[:2], want[:2]) })
		var now push.Row
		has := false
		if p := b.byID[id]; p != nil {
			now, has = ask(p)
		}
		if has {
			put = append(put, now)
		}
		differs = differs || had != has || had && was.Rows[at] != now
	}
	if !differs {
		b.next.Sets[push.SetID{Table: t, Key: key}] = was
		return
	}
	rows := slices.DeleteFunc(slices.Clone(was.Rows), func(r push.Row) bool { return b.changed[r[1]] })
	b.keep(t, key, append(rows, put...))
}

// keys lists what expressions and identities name: a shared key is the source's own, or that of some identity's project.
func (b *builder) keys() {
	shared := false
	var ids []string
	for _, k := range b.keyIDs {
		if id, ok := strings.CutPrefix(k, "shared/"); ok {
			shared = true
			k = "source/" + id
		}
		ids = append(ids, k)
	}
	for _, p := range b.people {
		if shared && p.key != "" {
			ids = append(ids, p.key)
		}
	}
	slices.Sort(ids)
	b.next.Keys = slices.Compact(ids)
}
