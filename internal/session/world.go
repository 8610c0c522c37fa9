package session

import (
	"context"
	"time"

	"stead"
)

// World is what session asks of the compiled world (decide.World): one immutable state.
// Look-ups of what does not exist report false.
type World interface {
	Revision() stead.Revision
	Identity(id stead.IdentityID) (*stead.Identity, bool)
	IdentityByName(iam, name string) (*stead.Identity, bool)
	Subject(id stead.IdentityID) (stead.Subject, bool)
	Project(key string) (*stead.Project, bool)
	Connection(key string) (*stead.Connection, bool)
	// Setting returns the value or the default of a known setting.
	Setting(name string) string
	// IsMember reports whether the identity is one of the principals or in one of their groups.
	IsMember(principals []stead.Principal, id stead.IdentityID) bool
	Decide(a *stead.Asker, o stead.Object, op stead.Operation) stead.Decision
	// Visible returns the decisions of every data source that the asker may list.
	Visible(a *stead.Asker, connection string) []stead.Decision
}

// Recorder makes records durable before it returns (audit.Log).
type Recorder interface {
	Append(ctx context.Context, r stead.Record) error
}

// Config is what a Service needs. All members but Live are required.
type Config struct {
	// World returns the current world, or an error when it is too old to serve.
	World func() (World, error)
	Log   Recorder
	Now   func() time.Time
	// Live refuses a login whose credential was withdrawn since (signin.Service.Live). It is asked
	// when the world's revision has moved since it was last asked, so that a store that is away does
	// not end sessions that the snapshot can still serve. Nil asks nobody.
	Live func(ctx context.Context, a stead.Actor) error
}
