package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/internal/session"
	"stead/policy/expr"
)

// profile is an identity that is served.
type profile struct {
	*stead.Identity
	id    string
	key   string // of the project it shares
	reach *decide.Reach
}

// identities puts who there is, with everything that conditions may ask about them.
func (b *builder) identities() {
	b.all, b.byID = b.w.Identities(), map[string]*profile{}
	gone := map[string]bool{}
	for set := range b.previous.Sets {
		if set.Table == push.Identities {
			gone[set.Key] = true
		}
	}
	for _, i := range b.all {
		if i.Disabled {
			continue
		}
		id := idText(i.ID)
		if !push.Storable(i.IAM) || !push.Storable(i.Name) {
			b.problem(push.Problem{Object: "identity " + id, Message: "has a name that no platform can hold, so it sees nothing"})
			continue
		}
		delete(gone, id)
		b.identity(i, id)
	}
	for id := range gone {
		b.changed[id] = true
	}
	slices.SortFunc(b.people, func(x, y *profile) int { return strings.Compare(x.id, y.id) })
}

func (b *builder) identity(i *stead.Identity, id string) {
	row := push.Row{id, iamOf(i), i.Name, "f", "f", "f", ""}
	p := &profile{Identity: i, id: id}
	asker, ok := session.Stored(b.w, i.ID)
	if ok {
		p.reach, _ = b.w.Reach(&asker) // who may not act in the stored project is served nothing
	}
	var values []push.Row
	if p.reach != nil {
		values, ok = valuesOf(p)
		if !ok {
			b.problem(push.Problem{Object: i.Name, Message: "has an attribute, group or purpose that no platform can hold, so it sees nothing"})
			p.reach, values = nil, nil
		}
	}
	if p.reach != nil {
		p.key = p.reach.Key()
		row[3], row[4] = "t", push.Flag(session.Impersonable(b.w, i))
		row[5], row[6] = push.Flag(p.reach.Limited()), p.key
		b.people = append(b.people, p)
		b.byID[id] = p
		if p.reach.Limited() {
			b.scope(p, asker.Project)
		}
	}
	sameRow := b.keep(push.Identities, id, []push.Row{row})
	sameValues := b.keep(push.Values, id, values)
	if !sameRow || !sameValues {
		b.changed[id] = true
	}
}

func iamOf(i *stead.Identity) string {
	if i.IAM == "" {
		return stead.DefaultIAM
	}
	return i.IAM
}

// valuesOf are the texts that rows are compared with; false when one of them cannot be held: a list must not
// look emptier than it is.
func valuesOf(p *profile) ([]push.Row, bool) {
	f := p.reach.Facts()
	var rows []push.Row
	ok := true
	add := func(kind, key string, texts []string) {
		for _, text := range texts {
			ok = ok && push.Storable(key) && push.Storable(text)
			rows = append(rows, push.Row{p.id, kind, key, text})
		}
	}
	for key, texts := range f.Attributes {
		add(push.KindAttribute, key, texts)
	}
	add(push.KindGroup, "", f.Groups)
	add(push.KindPurpose, "", expr.ActedUnder(f.Purposes))
	return rows, ok
}

// scope puts the sources of the project that an identity is limited to.
func (b *builder) scope(p *profile, project string) {
	ids, ok := b.scopes[project]
	if !ok {
		for _, s := range b.w.Sources(b.next.Connection.Key) {
			if p.reach.Within(s.Object()) {
				ids = append(ids, idText(s.ID))
			}
		}
		slices.Sort(ids)
		b.scopes[project] = ids
	}
	rows := make([]push.Row, len(ids))
	for i, id := range ids {
		rows[i] = push.Row{p.id, id}
	}
	b.keep(push.Scopes, p.id, rows)
}

// standIns puts in whose stead identities may ask by their permission.
func (b *builder) standIns() {
	for _, i := range b.all {
		all, some := session.StandIns(i)
		id := idText(i.ID)
		switch {
		case all:
			b.keep(push.StandIns, id, []push.Row{{id, "*"}})
		case some:
			var rows []push.Row
			for _, p := range b.people {
				if session.MayStandIn(b.w, i, p.Identity) {
					rows = append(rows, push.Row{id, p.id})
				}
			}
			b.keep(push.StandIns, id, rows)
		}
	}
}

// nobody stands in a login for an identity that cannot be told: it has no row in Identities.
const nobody = "0"

// logins puts the platform's roles: those of identities, and those that settings name.
func (b *builder) logins() {
	owners := map[string][]*stead.Identity{}
	for _, i := range b.all {
		if role := b.roleOf(i); role != stead.NoExternal && push.Storable(role) {
			owners[role] = append(owners[role], i)
		}
	}
	s := &b.next.Settings
	for _, list := range [][]string{s.Exempt, s.Pinned, s.ImpersonateOnly} {
		for _, role := range list {
			if _, ok := owners[role]; !ok {
				owners[role] = nil
			}
		}
	}
	var shared []string
	for role, of := range owners {
		identity, live := "", true
		switch {
		case len(of) == 1:
			identity, live = idText(of[0].ID), !of[0].Disabled
		case len(of) > 1:
			identity = nobody
			shared = append(shared, role)
		}
		own := len(of) == 1 && live && !slices.Contains(s.ImpersonateOnly, role)
		b.keep(push.Logins, role, []push.Row{{role, identity, push.Flag(own), push.Flag(slices.Contains(s.Pinned, role)),
			push.Flag(live && slices.Contains(s.Exempt, role))}})
	}
	slices.Sort(shared)
	for _, role := range shared {
		b.problem(push.Problem{Object: role, Message: fmt.Sprintf("the role would be that of %s, so it is nobody's", names(owners[role])),
			Hint: "give each identity an external name of its own"})
	}
}

// roleOf is the identity's login on the platform.
func (b *builder) roleOf(i *stead.Identity) string {
	if role := i.External[b.next.Connection.Platform]; role != "" {
		return role
	}
	return i.Name
}

func names(list []*stead.Identity) string {
	var out []string
	for _, i := range list {
		out = append(out, iamOf(i)+":"+i.Name)
	}
	return strings.Join(out, " and ")
}
