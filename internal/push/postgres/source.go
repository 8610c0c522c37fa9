package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/internal/push"
	"stead/policy/expr"
)

// The layouts.
const (
	inPlace = "rls"  // row security and column grants on the table, a masking view beside it where it is masked
	viewed  = "view" // nobody but a view reads it
)

// shape is in every intent: a new way of writing objects down edits all of them.
const shape = "2"

// object is what is to stand natively for one source.
type object struct {
	source   *push.Source
	relation *relation
	layout   string
	names    names
	// rows and keyed are the printed row condition, in policies and in the view.
	rows string
	view *view
	// guarded are the table and what inherits from it.
	guarded []*relation
	// shut are relations that read it and were not made for governed people: nobody but their owners keeps rights on them.
	shut []*relation
	// calls are functions that run as their owner and name the table.
	calls []definer
	// clear and declared are columns.
	clear, declared []string
	force           bool
	// moved: the table stands in a schema of ours, and the view has its name. stays is why not, though it was asked for.
	moved bool
	stays *push.Problem
	// writable: somebody may write. Rights to write are not given before: who has them can lock the table.
	writable bool
	exempt   []string
	intent   string
}

// view is the masking view.
type view struct {
	schema, name string
	query        string
}

// borrowing is why a table is shown to nobody whose policies, of others, read other tables: PostgreSQL applies them in the name of who owns
// the masking view, to whom nothing is masked.
const borrowing = "a policy on it that is not stead's reads other tables"

// design says what is to stand for a source on a relation. A problem is why it cannot.
func (p *Platform) design(s *push.Source, f *found, next *push.State) (made *object, problem *push.Problem) {
	t, problem := p.locate(s, f)
	if problem != nil {
		return nil, problem
	}
	at := f.sources(next)
	if over := f.bypasses(t, s.ID, at, &next.Settings); over != "" {
		return nil, bypassing(s, over)
	}
	if (s.Masked() || keyed(s.Rows)) && s.Refused == "" && slices.ContainsFunc(t.policies, func(l policyRow) bool { return l.reads }) {
		refused := *s
		refused.Refused = borrowing
		s = &refused
	}
	o := &object{source: s, relation: t, names: names{next.Settings.GovernedRole, ownerRole},
		force: !slices.Contains(next.Settings.NoForce, strings.Join(s.Path, ".")), exempt: f.exempt, writable: f.writable(next, s.ID)}
	if problem := o.fit(); problem != nil {
		return nil, problem
	}
	defer func() {
		if problem != nil {
			t.unplace()
		}
	}()
	o.place(f, &next.Settings)
	o.layout = inPlace
	if (t.kind != "r" && t.kind != "p") || keyed(s.Rows) {
		o.layout = viewed
	}
	if err := o.print(); err != nil {
		return nil, blocking(s, stead.AsError(err).Error(), "change the policy, or the table's column types")
	}
	o.surround(f, &next.Settings, at)
	if problem := o.clash(f); problem != nil {
		return nil, problem
	}
	o.intent = o.digest()
	if o.view != nil {
		o.view.query = strings.ReplaceAll(o.view.query, "(SELECT immuta_policies.reads("+decimal(s.ID)+", '"+unversioned+"'))", o.reads())
	}
	return o, nil
}

func blocking(s *push.Source, message, hint string) *push.Problem {
	return &push.Problem{Source: s.ID, Object: strings.Join(s.Path, "."), Message: message, Hint: hint, Blocking: true}
}

func (p *Platform) locate(s *push.Source, f *found) (*relation, *push.Problem) {
	if len(s.Path) != 2 {
		return nil, blocking(s, "the data source is not named by schema and table", "register it as schema.table")
	}
	t := f.named(s.ID, s.Path[0], s.Path[1])
	switch {
	case t == nil:
		return nil, blocking(s, "the table does not exist", "look whether it was renamed or dropped; register it anew or remove it")
	case !slices.Contains([]string{"r", "p", "v", "m", "f"}, t.kind):
		return nil, blocking(s, "it is not a table or view", "register a table, view, materialized or foreign table")
	case t.temporary:
		return nil, blocking(s, "the table is temporary", "register tables that stay")
	case reserved(t.schema):
		return nil, blocking(s, "the table is in a schema of the server's or stead's own", "remove the data source")
	case strings.HasPrefix(t.comment, marker):
		return nil, blocking(s, "it is an object of stead's own", "remove the data source")
	case !t.mine && !f.super:
		return nil, blocking(s, "the table belongs to "+t.owner+", and the role stead connects as is not a member of it",
			"GRANT "+dialect.Quote(t.owner)+" TO "+dialect.Quote(f.user))
	}
	return t, nil
}

// fit checks that the columns are those registered.
func (o *object) fit() *push.Problem {
	have := map[string]column{}
	for _, c := range o.relation.columns {
		have[c.name] = c
	}
	for _, c := range o.source.Columns {
		now, ok := have[c.Name]
		if !ok {
			return blocking(o.source, "column "+c.Name+" is not there any more", "register the table anew")
		}
		if !sameType(c.Type, now.native) {
			return blocking(o.source, "column "+c.Name+" is "+now.native+" now, registered was "+c.Type.String(), "register the table anew")
		}
	}
	if len(o.source.Columns) == 0 {
		return blocking(o.source, "no columns are registered", "register the table anew")
	}
	return nil
}

// sameType compares a registered type with the server's by what the server would make of both.
func sameType(registered expr.Type, native string) bool {
	now := dialect.ParseType(native)
	if now.String() == registered.String() && now.Native == registered.Native {
		return true
	}
	a, errA := dialect.TypeName(registered)
	b, errB := dialect.TypeName(now)
	return errA == nil && errB == nil && (a == b || a == native) && now.Kind == registered.Kind
}

// keyed reports whether an expression needs a hash key, which people's own statements cannot read.
func keyed(n expr.Node) bool {
	return expr.Any(n, func(n expr.Node) bool { _, is := n.(expr.Key); return is })
}

// reads holds the version of the policies: rows of another version, in the snapshot of an older transaction, do not serve them.
func (o *object) reads() string {
	return "(SELECT immuta_policies.reads(" + decimal(o.source.ID) + ", '" + o.version() + "'))"
}

// unversioned stands for the version until everything else is printed.
const unversioned = "{version}"

func (o *object) version() string {
	if o.intent == "" {
		return unversioned
	}
	return o.intent
}

func (o *object) writes() string {
	return "(SELECT immuta_policies.writes(" + decimal(o.source.ID) + "))"
}

// digest is of everything that is written down for the source.
func (o *object) digest() string {
	h := sha256.New()
	add := func(parts ...string) {
		for _, p := range parts {
			fmt.Fprintf(h, "%d:%s", len(p), p)
		}
		fmt.Fprint(h, ";")
	}
	add(shape, o.layout, o.names.governed, o.rows, fmt.Sprint(o.force, o.writable), o.relation.owner)
	add(o.clear...)
	add(o.declared...)
	for _, c := range o.relation.columns {
		if slices.Contains(o.declared, c.name) {
			add(c.name, fmt.Sprint(c.number)) // renaming columns round must be seen
		}
	}
	add(o.exempt...)
	if o.view != nil {
		add(o.view.schema, o.view.name, o.view.query)
	}
	if o.moved {
		add("moved")
	}
	for _, g := range o.guarded {
		add(g.schema, g.name, g.owner)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// writable reports whether the audience of a source has somebody who may write.
func (f *found) writable(s *push.State, id stead.SourceID) bool {
	for _, members := range audiences(s, id) {
		writes, known := f.writers[members]
		if !known {
			writes = writers(members)
			if f.writers == nil {
				f.writers = map[*push.Set]bool{}
			}
			f.writers[members] = writes
		}
		if writes {
			return true
		}
	}
	return false
}

func writers(members *push.Set) bool {
	return members != nil && slices.ContainsFunc(members.Rows, func(m push.Row) bool { return m[2] == "w" })
}

// audiences are the members of those that a source is for.
func audiences(s *push.State, id stead.SourceID) []*push.Set {
	served := s.Sets[push.SetID{Table: push.Served, Key: decimal(id)}]
	if served == nil {
		return nil
	}
	var out []*push.Set
	for _, r := range served.Rows {
		out = append(out, s.Sets[push.SetID{Table: push.Members, Key: r[1]}])
	}
	return out
}

// sameWriters reports whether two states agree on whether somebody may write to a source.
func sameWriters(a, b *push.State, id stead.SourceID) bool {
	before, after := audiences(a, id), audiences(b, id)
	return slices.Equal(before, after) || slices.ContainsFunc(before, writers) == slices.ContainsFunc(after, writers)
}
