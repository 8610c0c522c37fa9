// Package decide holds the compiled world and the one decision function: who may do
// what to which object, which rows and values of it, and why. It is pure: everything it
// depends on is in the world, the asker and the question.
package decide

import (
	"cmp"
	"slices"
	"sync"

	"stead"
	"stead/policy"
)

// World is one immutable state of everything that is governed. It is safe for concurrent
// use. With makes the next one and shares what did not change, including what was
// computed lazily and does not depend on the change.
type World struct {
	revision    stead.Revision
	identities  table[stead.IdentityID, *identity]
	names       table[string, stead.IdentityID] // iam, name
	groups      table[stead.GroupID, *stead.Group]
	groupNames  table[string, stead.GroupID]
	parents     index // principal to the groups that list it
	connections table[stead.ConnectionID, *stead.Connection]
	connKeys    table[string, stead.ConnectionID]
	sources     table[stead.SourceID, *source]
	sourceKeys  table[string, stead.SourceID]
	scoped      index // policy scope to the sources in it
	policies    table[int64, *policy.Compiled]
	byScope     index // policy scope to the policies that look there
	wide        ids   // policies that may mean any source
	projects    table[stead.ProjectID, *project]
	projectKeys table[string, stead.ProjectID]
	purposes    table[stead.PurposeID, *stead.Purpose]
	stored      table[holding, *stead.Subscription]
	holdings    table[stead.SubscriptionID, holding]
	held        index // objectKey to the subscriptions stored on it
	settings    table[string, string]

	joins sync.Map // project key to joins, of this world only
}

// holding is the key of a stored subscription.
type holding struct {
	source    string // objectKey
	principal stead.Principal
}

func hashHolding(h holding) uint32 {
	return mixText(mixText(mixText(hashText(h.source), string(h.principal.Kind)), h.principal.IAM), h.principal.Name)
}

// New returns the empty world, in which everything is refused.
func New() *World {
	return &World{
		identities: newTable[stead.IdentityID, *identity](hashID), names: newTable[string, stead.IdentityID](hashText),
		groups: newTable[stead.GroupID, *stead.Group](hashID), groupNames: newTable[string, stead.GroupID](hashText),
		parents: newTable[string, *ids](hashText), connections: newTable[stead.ConnectionID, *stead.Connection](hashID),
		connKeys: newTable[string, stead.ConnectionID](hashText), sources: newTable[stead.SourceID, *source](hashID),
		sourceKeys: newTable[string, stead.SourceID](hashText), scoped: newTable[string, *ids](hashText),
		policies: newTable[int64, *policy.Compiled](hashID), byScope: newTable[string, *ids](hashText),
		projects: newTable[stead.ProjectID, *project](hashID), projectKeys: newTable[string, stead.ProjectID](hashText),
		purposes: newTable[stead.PurposeID, *stead.Purpose](hashID), stored: newTable[holding, *stead.Subscription](hashHolding),
		holdings: newTable[stead.SubscriptionID, holding](hashID), held: newTable[string, *ids](hashText), settings: newTable[string, string](hashText),
	}
}

// Revision is the last change that the world holds.
func (w *World) Revision() stead.Revision { return w.revision }

// Identity finds an identity by its id, disabled ones too. The result is shared: do not change it.
func (w *World) Identity(id stead.IdentityID) (*stead.Identity, bool) {
	e, ok := w.identities.get(id)
	if !ok {
		return nil, false
	}
	return e.Identity, true
}

// IdentityByName finds an identity by IAM and canonical user name.
func (w *World) IdentityByName(iam, name string) (*stead.Identity, bool) {
	id, ok := w.names.get(nameKey(iam, name))
	if !ok {
		return nil, false
	}
	return w.Identity(id)
}

// Identities are all identities by id, disabled ones too. They are shared: do not change them.
func (w *World) Identities() []*stead.Identity {
	out := make([]*stead.Identity, 0, w.identities.size)
	for _, e := range w.identities.all() {
		out = append(out, e.Identity)
	}
	slices.SortFunc(out, func(a, b *stead.Identity) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Project finds a project by its key.
func (w *World) Project(key string) (*stead.Project, bool) {
	p, ok := w.project(key)
	if !ok {
		return nil, false
	}
	return p.Project, true
}

// Connection finds a connection by its key.
func (w *World) Connection(key string) (*stead.Connection, bool) {
	id, ok := w.connKeys.get(key)
	if !ok {
		return nil, false
	}
	return w.connections.get(id)
}

// Connections are all connections, by key.
func (w *World) Connections() []*stead.Connection {
	var out []*stead.Connection
	for _, c := range w.connections.all() {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *stead.Connection) int { return compare(a.Key, b.Key) })
	return out
}

// Source finds the data source registered for a table or view.
func (w *World) Source(o stead.Object) (*stead.DataSource, bool) {
	e, ok := w.source(o)
	if !ok {
		return nil, false
	}
	return e.DataSource, true
}

// Sources are the data sources of a connection, by path.
func (w *World) Sources(connection string) []*stead.DataSource {
	var out []*stead.DataSource
	for _, e := range w.sources.all() {
		if e.Connection == connection {
			out = append(out, e.DataSource)
		}
	}
	slices.SortFunc(out, func(a, b *stead.DataSource) int { return slices.Compare(a.Path, b.Path) })
	return out
}

// Resolution is what the policies say about a data source, for explaining and for checking
// a policy before it is saved.
func (w *World) Resolution(o stead.Object) (*policy.Resolution, bool) {
	e, ok := w.source(o)
	if !ok {
		return nil, false
	}
	return w.resolved(e).Resolution, true
}

// defaults are the known settings. Looking up another name gives "".
var defaults = map[string]string{
	stead.ImpersonateAdministrators:  "false",
	stead.GatewayImpersonators:       "",
	stead.GatewaySingleImpersonation: "false",
}

// Setting returns the value or the default of a known setting.
func (w *World) Setting(name string) string {
	if v, ok := w.settings.get(name); ok {
		return v
	}
	return defaults[name]
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func nameKey(iam, name string) string { return orDefault(iam) + "\x1f" + name }

func orDefault(iam string) string {
	if iam == "" {
		return stead.DefaultIAM
	}
	return iam
}
