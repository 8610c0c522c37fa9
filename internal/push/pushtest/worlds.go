// Package pushtest is what tests of the push style share: worlds that change at random, and a platform in memory that
// answers from profile tables alone.
package pushtest

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"

	"stead"
	"stead/internal/decide"
	"stead/policy"
	"stead/policy/eval/gen"
	"stead/policy/expr"
)

// Connection is the key of the connection that generated worlds have.
const Connection = "pg"

// Worlds makes worlds and changes of them from a seed. Worlds made after a change hold it.
type Worlds struct {
	rnd           *rand.Rand
	rows          *gen.Gen
	connection    *stead.Connection
	identities    map[stead.IdentityID]*stead.Identity
	groups        map[stead.GroupID]*stead.Group
	sources       map[stead.SourceID]*stead.DataSource
	policies      map[int64]*policy.Policy
	projects      map[stead.ProjectID]*stead.Project
	subscriptions map[stead.SubscriptionID]*stead.Subscription
	setting       string
	last          int64
}

// NewWorlds begins with nothing but the connection.
func NewWorlds(seed int64) *Worlds {
	return &Worlds{rnd: rand.New(rand.NewSource(seed)), rows: gen.New(uint64(seed)),
		connection: &stead.Connection{ID: 1, Key: Connection, Platform: stead.PostgreSQL, Address: "postgres://db/x"},
		identities: map[stead.IdentityID]*stead.Identity{}, groups: map[stead.GroupID]*stead.Group{},
		sources: map[stead.SourceID]*stead.DataSource{}, policies: map[int64]*policy.Policy{}, projects: map[stead.ProjectID]*stead.Project{},
		subscriptions: map[stead.SubscriptionID]*stead.Subscription{}, setting: "false"}
}

// World is everything there is now, built from nothing.
func (m *Worlds) World() *decide.World {
	return decide.New().With(decide.Delta{Revision: stead.Revision(m.last), Connections: []*stead.Connection{m.connection},
		Identities: values(m.identities), Groups: values(m.groups), Sources: values(m.sources), Policies: values(m.policies),
		Projects: values(m.projects), Subscriptions: values(m.subscriptions),
		Settings: []stead.Setting{{Name: stead.ImpersonateAdministrators, Value: m.setting}}})
}

func values[K ~int64, V any](from map[K]V) []V {
	var out []V
	for _, k := range sorted(from) {
		out = append(out, from[k])
	}
	return out
}

func sorted[K ~int64, V any](from map[K]V) []K {
	var keys []K
	for k := range from {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (m *Worlds) id() int64 { m.last++; return m.last }

func (m *Worlds) chance(percent int) bool { return m.rnd.Intn(100) < percent }

func (m *Worlds) name(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, m.rnd.Intn(n)) }

func (m *Worlds) one(of ...string) string { return of[m.rnd.Intn(len(of))] }

// some picks an existing key, or a new one.
func some[K ~int64, V any](m *Worlds, from map[K]V, most int) (K, bool) {
	if keys := sorted(from); len(keys) > 0 && (len(keys) >= most || m.chance(50)) {
		return keys[m.rnd.Intn(len(keys))], true
	}
	return K(m.id()), false
}

func (m *Worlds) principal() stead.Principal {
	if m.chance(60) {
		return stead.Principal{Kind: stead.GroupPrincipal, IAM: stead.DefaultIAM, Name: m.one("g0", "g1", "g2", "g3", stead.AllUsers)}
	}
	return stead.Principal{Kind: stead.UserPrincipal, IAM: m.one(stead.DefaultIAM, stead.DefaultIAM, "okta"), Name: m.name("u", 8)}
}

func (m *Worlds) principals(most int) []stead.Principal {
	var out []stead.Principal
	for range m.rnd.Intn(most + 1) {
		if p := m.principal(); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

func (m *Worlds) attributes() stead.Attributes {
	a := stead.Attributes{}
	for _, key := range []string{"k", "j"} {
		for range m.rnd.Intn(3) {
			a[key] = append(a[key], m.value())
		}
	}
	return stead.Attributes{}.Merge(a)
}

// value is a text that rows hold now and then.
func (m *Worlds) value() string {
	return m.one("a", "b", "A", "7", "007", "-1", "1.50", "1.5", "2024-02-29", "é", "it's", "", "true", "漢字", "*")
}

// Change makes one random change and returns it; it may be empty. Keys stay unique, as the store keeps them.
func (m *Worlds) Change() decide.Delta {
	d := decide.Delta{Revision: stead.Revision(m.id())}
	switch m.rnd.Intn(16) {
	case 0, 1, 2, 3:
		m.changeIdentity(&d)
	case 4, 5:
		m.changeGroup(&d)
	case 6, 7:
		m.changeProject(&d)
	case 8, 9:
		m.changeSource(&d)
	case 10, 11, 12, 13:
		m.changePolicy(&d)
	case 14:
		m.changeSubscription(&d)
	case 15:
		if m.chance(50) {
			m.setting = m.one("true", "false")
			d.Settings = []stead.Setting{{Name: stead.ImpersonateAdministrators, Value: m.setting}}
			break
		}
		c := *m.connection
		c.Disabled = m.chance(20)
		c.Settings = map[string]string{"pinned": m.one("u0", "bi", "u1,u2"), "impersonate_only": m.one("u3", "svc"), "exempt": m.one("etl", "u4")}
		m.connection = &c
		d.Connections = []*stead.Connection{&c}
	}
	return d
}

func (m *Worlds) changeIdentity(d *decide.Delta) {
	id, exists := some(m, m.identities, 8)
	if exists && m.chance(15) {
		delete(m.identities, id)
		d.DeletedIdentities = append(d.DeletedIdentities, id)
		return
	}
	x := &stead.Identity{ID: id, Kind: stead.User, IAM: m.one(stead.DefaultIAM, stead.DefaultIAM, stead.DefaultIAM, "okta"), Name: m.name("u", 8),
		Attributes: m.attributes(), Disabled: m.chance(8)}
	if m.chance(15) {
		x.Kind = stead.Agent
	}
	if m.chance(35) {
		x.Project = m.name("p", 3)
	}
	if m.chance(30) {
		x.Permissions = append(x.Permissions, stead.ImpersonateUser)
		if m.chance(50) {
			x.Impersonates = &stead.Impersonates{Users: m.principals(2), Groups: m.principals(2)}
		}
	}
	if m.chance(15) {
		x.Permissions = append(x.Permissions, stead.Governance)
	}
	if m.chance(20) {
		x.External = map[stead.Platform]string{stead.PostgreSQL: m.one("none", "u1", "role", "X y")}
	}
	for _, o := range m.identities {
		if o.Name == x.Name && o.IAM == x.IAM && o.ID != id {
			return
		}
	}
	m.identities[id] = x
	d.Identities = append(d.Identities, x)
}

func (m *Worlds) changeGroup(d *decide.Delta) {
	id, exists := some(m, m.groups, 4)
	if exists && m.chance(15) {
		delete(m.groups, id)
		d.DeletedGroups = append(d.DeletedGroups, id)
		return
	}
	x := &stead.Group{ID: id, IAM: stead.DefaultIAM, Name: m.name("g", 4), Members: m.principals(4)}
	if m.chance(50) {
		x.Attributes = m.attributes()
	}
	for _, o := range m.groups {
		if o.Name == x.Name && o.ID != id {
			return
		}
	}
	m.groups[id] = x
	d.Groups = append(d.Groups, x)
}

func (m *Worlds) changeProject(d *decide.Delta) {
	id, exists := some(m, m.projects, 3)
	if exists && m.chance(15) {
		delete(m.projects, id)
		d.DeletedProjects = append(d.DeletedProjects, id)
		return
	}
	x := &stead.Project{ID: id, Key: m.name("p", 3), Members: append(m.principals(3), stead.Principal{Kind: stead.GroupPrincipal, IAM: stead.DefaultIAM, Name: stead.AllUsers}),
		Owners: m.principals(1), MaskedJoins: m.chance(60)}
	if m.chance(25) {
		x.Members = x.Members[:len(x.Members)-1]
	}
	for i := range 5 {
		if m.chance(60) {
			x.Sources = append(x.Sources, table(i))
		}
	}
	for _, p := range []string{"R", "R.O", "R.O.x", "S"} {
		if m.chance(40) {
			x.Purposes = append(x.Purposes, p)
		}
	}
	for _, o := range m.projects {
		if o.Key == x.Key && o.ID != id {
			return
		}
	}
	m.projects[id] = x
	d.Projects = append(d.Projects, x)
}

func table(i int) stead.Object {
	return stead.Object{Connection: Connection, Kind: stead.TableObject, Path: []string{"s", fmt.Sprintf("t%d", i)}}
}

func (m *Worlds) changeSource(d *decide.Delta) {
	id, exists := some(m, m.sources, 5)
	if exists && m.chance(10) {
		delete(m.sources, id)
		d.DeletedSources = append(d.DeletedSources, id)
		return
	}
	x := &stead.DataSource{ID: id, Connection: Connection, Path: table(m.rnd.Intn(5)).Path, State: stead.Active, Owners: m.principals(1)}
	if m.chance(6) {
		x.State, x.Reason = stead.Drifted, "a column went"
	}
	types := []expr.Type{expr.TextType, {Kind: expr.Text, Length: 8}, expr.IntType, expr.DecimalType(10, 2), expr.DateType,
		{Kind: expr.Text, Length: 5, Fixed: true}, {Kind: expr.Array, Elem: &expr.Type{Kind: expr.Text}}, {Kind: expr.Int, Bits: 32}}
	for i, t := range types {
		c := stead.Column{Name: fmt.Sprintf("c%d", i), Type: t}
		if m.chance(40) {
			c.Tags = []stead.Tag{stead.Tag(m.one("A", "A.B", "D"))}
		}
		x.Columns = append(x.Columns, c)
	}
	for _, o := range m.sources {
		if slices.Equal(o.Path, x.Path) && o.ID != id {
			return
		}
	}
	m.sources[id] = x
	d.Sources = append(d.Sources, x)
}

func (m *Worlds) changeSubscription(d *decide.Delta) {
	id, exists := some(m, m.subscriptions, 12)
	if exists && m.chance(20) {
		delete(m.subscriptions, id)
		d.DeletedSubscriptions = append(d.DeletedSubscriptions, id)
		return
	}
	x := &stead.Subscription{ID: id, Source: table(m.rnd.Intn(5)), Principal: m.principal(), State: stead.Approved, Access: stead.Access(m.one("READ", "WRITE"))}
	if m.chance(20) {
		x.State = stead.Pending
	}
	for _, o := range m.subscriptions {
		if o.Source.String() == x.Source.String() && o.Principal == x.Principal && o.ID != id {
			return
		}
	}
	m.subscriptions[id] = x
	d.Subscriptions = append(d.Subscriptions, x)
}

// Rows are random rows of a data source, edge values and values that people hold among them.
func (m *Worlds) Rows(s *stead.DataSource, n int) []Data {
	var out []Data
	for range n {
		r := Data{}
		for i := range s.Columns {
			c := &s.Columns[i]
			r[c.Name] = m.rows.Value(c.Type)
			if v, ok := expr.MatchLiteral(m.value(), c.Type); ok && m.chance(60) && (c.Type.Length == 0 || len(strings.TrimSpace(v.Value.Text)) <= c.Type.Length) {
				r[c.Name] = v.Value
			}
		}
		out = append(out, r)
	}
	return out
}
