package decide

import (
	"reflect"
	"slices"

	"stead"
	"stead/policy"
)

// Delta is a change of the world: what was put, as it is now, and what was deleted. A document
// that is in both is deleted. The world keeps what it is given: do not change it afterwards.
type Delta struct {
	Revision stead.Revision

	Identities    []*stead.Identity
	Groups        []*stead.Group
	Connections   []*stead.Connection
	Sources       []*stead.DataSource
	Policies      []*policy.Policy
	Purposes      []*stead.Purpose
	Projects      []*stead.Project
	Subscriptions []*stead.Subscription
	Settings      []stead.Setting

	DeletedIdentities    []stead.IdentityID
	DeletedGroups        []stead.GroupID
	DeletedConnections   []stead.ConnectionID
	DeletedSources       []stead.SourceID
	DeletedPolicies      []int64
	DeletedPurposes      []stead.PurposeID
	DeletedProjects      []stead.ProjectID
	DeletedSubscriptions []stead.SubscriptionID
	DeletedSettings      []string
}

// next is a world in the making.
type next struct {
	*World
	e       *edit
	old     *World
	persons map[stead.IdentityID]bool // whose facts may have changed
}

// With returns the world after the change. The cost follows the size of the change and of what it
// touches: the members of a changed group, the sources a changed policy applies to.
func (w *World) With(d Delta) *World {
	copied := w.copy()
	n := &next{World: copied, e: &edit{}, old: w, persons: map[stead.IdentityID]bool{}}
	n.revision = max(w.revision, d.Revision)
	n.putSimple(d)
	n.putIdentities(d)
	n.putGroups(d)
	n.refreshPersons()
	n.putSources(d)
	n.putPolicies(d)
	return copied
}

// copy shares all tables; joins belong to one world and start empty.
func (w *World) copy() *World {
	return &World{revision: w.revision, identities: w.identities, names: w.names, groups: w.groups, groupNames: w.groupNames,
		parents: w.parents, connections: w.connections, connKeys: w.connKeys, sources: w.sources, sourceKeys: w.sourceKeys,
		scoped: w.scoped, policies: w.policies, byScope: w.byScope, wide: w.wide, projects: w.projects,
		projectKeys: w.projectKeys, purposes: w.purposes, stored: w.stored, holdings: w.holdings, held: w.held, settings: w.settings}
}

// keyed puts documents that are found by id and by a unique key. All old keys go before new ones come, so that
// documents may exchange their keys in one change.
func keyed[I ~int64, V any](e *edit, byID *table[I, V], byKey *table[string, I], put []V, deleted []I, id func(V) I, key func(V) string) {
	forget := func(i I) {
		old, ok := byID.get(i)
		if !ok {
			return
		}
		if at, ok := byKey.get(key(old)); ok && at == i {
			byKey.remove(e, key(old))
		}
	}
	for _, v := range put {
		forget(id(v))
	}
	for _, v := range put {
		byID.put(e, id(v), v)
		byKey.put(e, key(v), id(v))
	}
	for _, i := range deleted {
		forget(i)
		byID.remove(e, i)
	}
}

func (n *next) putSimple(d Delta) {
	keyed(n.e, &n.connections, &n.connKeys, d.Connections, d.DeletedConnections,
		func(c *stead.Connection) stead.ConnectionID { return c.ID }, func(c *stead.Connection) string { return c.Key })
	projects := make([]*project, len(d.Projects))
	for i, p := range d.Projects {
		projects[i] = newProject(p)
	}
	keyed(n.e, &n.projects, &n.projectKeys, projects, d.DeletedProjects,
		func(p *project) stead.ProjectID { return p.ID }, func(p *project) string { return p.Key })
	for _, p := range d.Purposes {
		n.purposes.put(n.e, p.ID, p)
	}
	for _, id := range d.DeletedPurposes {
		n.purposes.remove(n.e, id)
	}
	for _, s := range d.Settings {
		n.settings.put(n.e, s.Name, s.Value)
	}
	for _, name := range d.DeletedSettings {
		n.settings.remove(n.e, name)
	}
	for _, s := range d.Subscriptions {
		n.dropSubscription(s.ID)
	}
	for _, s := range d.Subscriptions {
		h := holding{objectKey(s.Source), normal(s.Principal)}
		n.stored.put(n.e, h, s)
		n.holdings.put(n.e, s.ID, h)
		indexAdd(&n.held, n.e, h.source, int64(s.ID))
	}
	for _, id := range d.DeletedSubscriptions {
		n.dropSubscription(id)
	}
}

func (n *next) dropSubscription(id stead.SubscriptionID) {
	h, ok := n.holdings.get(id)
	if !ok {
		return
	}
	if s, ok := n.stored.get(h); ok && s.ID == id {
		n.stored.remove(n.e, h)
	}
	n.holdings.remove(n.e, id)
	indexRemove(&n.held, n.e, h.source, int64(id))
}

func (n *next) putIdentities(d Delta) {
	entries := make([]*identity, len(d.Identities))
	for i, x := range d.Identities {
		entries[i] = &identity{Identity: x, owner: n.e}
	}
	keyed(n.e, &n.identities, &n.names, entries, d.DeletedIdentities,
		func(x *identity) stead.IdentityID { return x.ID }, func(x *identity) string { return nameKey(x.IAM, x.Name) })
}

func (n *next) putGroups(d Delta) {
	changed := slices.Clone(d.DeletedGroups)
	for _, g := range d.Groups {
		changed = append(changed, g.ID)
	}
	keyed(n.e, &n.groups, &n.groupNames, d.Groups, d.DeletedGroups,
		func(g *stead.Group) stead.GroupID { return g.ID }, func(g *stead.Group) string { return nameKey(g.IAM, g.Name) })
	for _, id := range changed {
		was, _ := n.old.groups.get(id)
		is, _ := n.groups.get(id)
		n.regroup(id, was, is)
	}
}

// regroup moves the members of one group and notes whom that touches: of a group that stayed what it is, only those
// who came or went.
func (n *next) regroup(id stead.GroupID, was, is *stead.Group) {
	before, after := membersOf(was), membersOf(is)
	same := was != nil && is != nil && groupPrincipal(was) == groupPrincipal(is) && reflect.DeepEqual(was.Attributes, is.Attributes)
	for m := range before {
		if !after[m] {
			indexRemove(&n.parents, n.e, principalKey(m), int64(id))
			n.touch(m)
		}
	}
	for m := range after {
		if !before[m] {
			indexAdd(&n.parents, n.e, principalKey(m), int64(id))
			n.touch(m)
		}
	}
	if !same {
		n.old.below(id, n.persons)
		n.below(id, n.persons)
	}
}

// touch notes a member, or everybody below it, in both worlds.
func (n *next) touch(m stead.Principal) {
	key := nameKey(m.IAM, m.Name)
	for _, w := range []*World{n.old, n.World} {
		if id, ok := w.names.get(key); ok && m.Kind == stead.UserPrincipal {
			n.persons[id] = true
		}
		if id, ok := w.groupNames.get(key); ok && m.Kind == stead.GroupPrincipal {
			w.below(id, n.persons)
		}
	}
}

func membersOf(g *stead.Group) map[stead.Principal]bool {
	if g == nil {
		return nil
	}
	out := make(map[stead.Principal]bool, len(g.Members))
	for _, m := range g.Members {
		out[normal(m)] = true
	}
	return out
}

// refreshPersons forgets what was computed about identities whose groups changed.
func (n *next) refreshPersons() {
	for id := range n.persons {
		if old, ok := n.identities.get(id); ok && old.owner != n.e {
			n.identities.put(n.e, id, &identity{Identity: old.Identity, owner: n.e})
		}
	}
}
