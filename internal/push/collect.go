package push

import (
	"context"
	"time"

	"stead"
)

// Collector is a Platform that tells afterwards what was asked there, from what the platform itself logs. One process at a
// time collects from a platform, whichever is first.
type Collector interface {
	// Collect hands what was logged since the last time to keep, batch by batch, oldest first. What keep kept is not read
	// again. When keep fails, or the process ends before that was noted, it is read again with the same ids.
	Collect(ctx context.Context, keep func(context.Context, Batch) error) (Reach, error)
}

// Reach is how far collecting is.
type Reach struct {
	// Elsewhere: another process collects, and nothing else is known here.
	Elsewhere bool
	// From says what statements are known from, "" when nothing tells of them; Missing says then why, and what to do.
	From    string
	Missing string
	// Behind is how many bytes are not read yet.
	Behind int64
	// Last is the time of the last line that was read.
	Last time.Time
}

// Batch is what was read at once.
type Batch struct {
	Asked []Asked
	Gaps  []Gap
	// Again: it is not known whether somebody kept a part of it already, who could not note it any more.
	Again bool
}

// AskedKind is what an Asked tells of.
type AskedKind string

// The kinds.
const (
	AskedStatement AskedKind = "statement"
	AskedAccepted  AskedKind = "accepted" // impersonation
	AskedRefused   AskedKind = "refused"
	AskedEnded     AskedKind = "ended"
	AskedForged    AskedKind = "forged" // what claims to tell of an impersonation, and was written by somebody else
)

// Asked is one statement or impersonation that a platform logged.
type Asked struct {
	// ID is the same whenever it is read; Query is that of one statement, also where it is told in parts.
	ID      string
	Query   string
	Session string
	Kind    AskedKind
	Time    time.Time
	Login   string
	// Identity is what the login maps to now, 0 for none.
	Identity stead.IdentityID
	// Subject is in whose stead it was asked, 0 for nobody. Name is "iam:name" as it was then, where that is known.
	Subject stead.IdentityID
	Name    string
	Basis   stead.Basis
	// Remarks say what is in doubt and what is particular.
	Remarks     []string
	Statement   string
	Command     string
	Relations   []Relation
	Failed      string // the platform's code of the error, "" for none
	Denied      bool   // it was refused for want of a privilege
	Rows        int64
	Address     string
	Application string
}

// Relation is a table or view that a statement names.
type Relation struct {
	Path   []string
	Source stead.SourceID // 0 where it belongs to none
}

// Gap is something that was not seen.
type Gap struct {
	ID    string
	Time  time.Time
	What  string
	Lines int64 // that are known to be missing
}
