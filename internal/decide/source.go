package decide

import (
	"slices"
	"strings"
	"sync/atomic"

	"stead"
	"stead/policy"
)

// source keeps what the policies say about a data source, computed on first use. A change that concerns
// the source replaces the whole entry, so that a computation that is still going on in an older world cannot
// leave its result in a newer one.
type source struct {
	*stead.DataSource
	key   string
	owner *edit
	memo  atomic.Pointer[resolved]
}

// resolved is a resolution with what every decision on the source begins with.
type resolved struct {
	*policy.Resolution
	columns  []stead.ColumnDecision // all clear
	digest   []byte                 // of the source's definition
	digits   []int                  // lengths of its hash masks
	masked   bool                   // some column has a mask
	reasons  int                    // how many reasons a decision gives at most
	outline  atomic.Pointer[Outline]
	audience atomic.Pointer[string] // unless stored subscriptions count
}

// objectKey spells an object so that no two look alike.
func objectKey(o stead.Object) string {
	return o.Connection + "\x1f" + strings.Join(o.Path, "\x1f")
}

func (w *World) source(o stead.Object) (*source, bool) {
	id, ok := w.sourceKeys.get(objectKey(o))
	if !ok {
		return nil, false
	}
	return w.sources.get(id)
}

func (w *World) resolved(s *source) *resolved {
	if r := s.memo.Load(); r != nil {
		return r
	}
	r := w.resolve(s)
	s.memo.Store(r)
	return r
}

func (w *World) resolve(s *source) *resolved {
	r := &resolved{Resolution: policy.Resolve(s.DataSource, w.candidates(s.DataSource)), digest: sourceDigest(s.DataSource)}
	for i := range s.Columns {
		c := &s.Columns[i]
		r.columns = append(r.columns, stead.ColumnDecision{Name: c.Name, Type: c.Type, Access: stead.ColumnClear})
	}
	r.reasons = 2 + len(r.Access) + len(r.Rows)
	for _, m := range r.Masks {
		if m == nil {
			continue
		}
		r.masked = true
		r.reasons++
		for i := range m.Branches {
			if n := m.Branches[i].Digits; n > 0 {
				r.digits = append(r.digits, n)
			}
		}
	}
	return r
}

// candidates are the policies that may apply: those that look at a scope of the source, and those that look anywhere.
func (w *World) candidates(s *stead.DataSource) []*policy.Compiled {
	seen := map[int64]bool{}
	var out []*policy.Compiled
	add := func(list []int64) {
		for _, id := range list {
			if c, ok := w.policies.get(id); ok && !seen[id] {
				seen[id] = true
				out = append(out, c)
			}
		}
	}
	add(w.wide.list)
	for _, scope := range policy.SourceScopes(s) {
		add(indexed(&w.byScope, scope))
	}
	return out
}

func (n *next) putSources(d Delta) {
	entries := make([]*source, len(d.Sources))
	changed := append([]stead.SourceID(nil), d.DeletedSources...)
	for i, s := range d.Sources {
		entries[i] = &source{DataSource: s, key: objectKey(s.Object()), owner: n.e}
		changed = append(changed, s.ID)
	}
	keyed(n.e, &n.sources, &n.sourceKeys, entries, d.DeletedSources,
		func(s *source) stead.SourceID { return s.ID }, func(s *source) string { return s.key })
	done := make(map[stead.SourceID]bool, len(changed))
	for _, id := range changed {
		if !done[id] {
			done[id] = true
			n.rescope(id)
		}
	}
}

// rescope moves a source between scopes. Scopes that it stays in are left alone: they may hold every source.
func (n *next) rescope(id stead.SourceID) {
	var before, after []string
	if s, ok := n.old.sources.get(id); ok {
		before = policy.SourceScopes(s.DataSource)
	}
	if s, ok := n.sources.get(id); ok {
		after = policy.SourceScopes(s.DataSource)
	}
	for _, scope := range before {
		if !slices.Contains(after, scope) {
			indexRemove(&n.scoped, n.e, scope, int64(id))
		}
	}
	for _, scope := range after {
		if !slices.Contains(before, scope) {
			indexAdd(&n.scoped, n.e, scope, int64(id))
		}
	}
}

// manyWide is from how many changed policies without a scope it is cheaper to forget every resolution than to
// ask which are meant.
const manyWide = 64

func (n *next) putPolicies(d Delta) {
	var changed []*policy.Compiled
	drop := func(id int64) {
		old, ok := n.policies.get(id)
		if !ok {
			return
		}
		changed = append(changed, old)
		n.unlist(old)
		n.policies.remove(n.e, id)
	}
	for _, p := range d.Policies {
		drop(p.ID)
		c := policy.Compile(p)
		changed = append(changed, c)
		n.policies.put(n.e, p.ID, c)
		n.list(c)
	}
	for _, id := range d.DeletedPolicies {
		drop(id)
	}
	n.refreshSources(changed)
}

func (n *next) list(c *policy.Compiled) {
	if !c.Enforced() {
		return
	}
	scopes := c.Scopes()
	for _, s := range scopes {
		indexAdd(&n.byScope, n.e, s, c.ID)
	}
	if scopes == nil {
		if n.wide.owner != n.e {
			n.wide = ids{list: append([]int64(nil), n.wide.list...), owner: n.e}
		}
		n.wide.list = append(n.wide.list, c.ID)
	}
}

func (n *next) unlist(c *policy.Compiled) {
	if !c.Enforced() {
		return
	}
	scopes := c.Scopes()
	for _, s := range scopes {
		indexRemove(&n.byScope, n.e, s, c.ID)
	}
	if scopes == nil {
		rest := make([]int64, 0, len(n.wide.list))
		for _, id := range n.wide.list {
			if id != c.ID {
				rest = append(rest, id)
			}
		}
		n.wide = ids{list: rest, owner: n.e}
	}
}

// refreshSources replaces the entries of sources that a changed policy applies or applied to.
func (n *next) refreshSources(changed []*policy.Compiled) {
	var wide []*policy.Compiled
	for _, c := range changed {
		scopes := c.Scopes()
		if scopes == nil && c.Enforced() {
			wide = append(wide, c)
		}
		for _, scope := range scopes {
			for _, id := range indexed(&n.scoped, scope) {
				n.refresh(stead.SourceID(id), c)
			}
		}
	}
	switch {
	case len(wide) == 0:
		return
	case len(wide) > manyWide:
		wide = []*policy.Compiled{nil}
	}
	for id := range n.sources.all() {
		for _, c := range wide {
			n.refresh(id, c)
		}
	}
}

// refresh forgets the resolution of a source if the policy applies to it; nil stands for any policy. Entries made in
// this change have none yet.
func (n *next) refresh(id stead.SourceID, c *policy.Compiled) {
	s, ok := n.sources.get(id)
	if !ok || s.owner == n.e || c != nil && !c.AppliesTo(s.DataSource) {
		return
	}
	n.sources.put(n.e, id, &source{DataSource: s.DataSource, key: s.key, owner: n.e})
}
