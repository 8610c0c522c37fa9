package decide

import (
	"slices"
	"strings"
	"sync/atomic"

	"stead"
)

// identity keeps who an identity is in conditions, computed on first use.
type identity struct {
	*stead.Identity
	owner *edit
	memo  atomic.Pointer[person]
}

// person is an identity with everything that follows from its groups.
type person struct {
	subject    stead.Subject
	self       stead.Principal
	principals map[stead.Principal]bool // itself and its groups, with the system groups
	groups     []stead.Principal
}

// Subject returns the facts of an identity: its groups through any nesting, and the union of its own
// and their attributes. The result is shared: do not change it.
func (w *World) Subject(id stead.IdentityID) (stead.Subject, bool) {
	p, ok := w.person(id)
	if !ok {
		return stead.Subject{}, false
	}
	return p.subject, true
}

// IsMember reports whether the identity is one of the principals or in one of their groups.
func (w *World) IsMember(principals []stead.Principal, id stead.IdentityID) bool {
	p, ok := w.person(id)
	return ok && p.among(principals)
}

func (w *World) person(id stead.IdentityID) (*person, bool) {
	e, ok := w.identities.get(id)
	if !ok {
		return nil, false
	}
	if p := e.memo.Load(); p != nil {
		return p, true
	}
	p := w.meet(e.Identity)
	e.memo.Store(p)
	return p, true
}

func (p *person) among(principals []stead.Principal) bool {
	for _, q := range principals {
		if p.principals[normal(q)] {
			return true
		}
	}
	return false
}

// meet computes a person. A cycle of groups ends where it began.
func (w *World) meet(i *stead.Identity) *person {
	self := stead.Principal{Kind: stead.UserPrincipal, IAM: orDefault(i.IAM), Name: i.Name}
	p := &person{self: self, principals: map[stead.Principal]bool{self: true},
		subject: stead.Subject{Identity: i.ID, IAM: self.IAM, Name: i.Name, Kind: i.Kind}}
	attributes := stead.Attributes{}.Merge(i.Attributes)
	for _, s := range systemGroups(i.Kind) {
		p.join(stead.Principal{Kind: stead.GroupPrincipal, IAM: stead.DefaultIAM, Name: s}, s)
	}
	for queue := []stead.Principal{self}; len(queue) > 0; queue = queue[1:] {
		for _, id := range indexed(&w.parents, principalKey(queue[0])) {
			g, ok := w.groups.get(stead.GroupID(id))
			if !ok {
				continue
			}
			q := groupPrincipal(g)
			if p.principals[q] || ambiguous(g) {
				continue
			}
			p.join(q, g.Fact())
			queue = append(queue, q)
			if len(g.Attributes) > 0 {
				attributes = attributes.Merge(g.Attributes)
			}
		}
	}
	slices.Sort(p.subject.Groups)
	p.subject.Attributes = attributes
	return p
}

func (p *person) join(q stead.Principal, fact string) {
	p.principals[q] = true
	p.groups = append(p.groups, q)
	p.subject.Groups = append(p.subject.Groups, fact)
}

// ambiguous groups count for nothing: their fact could be taken for that of another group.
func ambiguous(g *stead.Group) bool {
	if orDefault(g.IAM) != stead.DefaultIAM {
		return strings.Contains(g.IAM, ":")
	}
	return strings.Contains(g.Name, ":") || g.Name == stead.AllIdentities || g.Name == stead.AllUsers || g.Name == stead.AllAgents
}

func systemGroups(k stead.IdentityKind) []string {
	switch k {
	case stead.User:
		return []string{stead.AllIdentities, stead.AllUsers}
	case stead.Agent:
		return []string{stead.AllIdentities, stead.AllAgents}
	default:
		return nil
	}
}

func groupPrincipal(g *stead.Group) stead.Principal {
	return stead.Principal{Kind: stead.GroupPrincipal, IAM: orDefault(g.IAM), Name: g.Name}
}

func normal(p stead.Principal) stead.Principal {
	p.IAM = orDefault(p.IAM)
	return p
}

func principalKey(p stead.Principal) string {
	return string(p.Kind) + "\x1f" + nameKey(p.IAM, p.Name)
}

// below gives the identities that are in the group through any nesting.
func (w *World) below(id stead.GroupID, into map[stead.IdentityID]bool) {
	seen := map[stead.GroupID]bool{id: true}
	for queue := []stead.GroupID{id}; len(queue) > 0; queue = queue[1:] {
		g, ok := w.groups.get(queue[0])
		if !ok {
			continue
		}
		for _, m := range g.Members {
			key := nameKey(m.IAM, m.Name)
			switch m.Kind {
			case stead.UserPrincipal:
				if id, ok := w.names.get(key); ok {
					into[id] = true
				}
			case stead.GroupPrincipal:
				if id, ok := w.groupNames.get(key); ok && !seen[id] {
					seen[id] = true
					queue = append(queue, id)
				}
			}
		}
	}
}
