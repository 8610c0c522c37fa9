// Package push is the contract of the push style: platforms that enforce natively what was compiled
// from policies. What is to be enforced is a State: for each data source expressions in which the subject is
// looked up (slots), and rows of a few profile tables that answer those look-ups. A change of policies or
// people that only moves rows is a row edit; one that changes expressions, columns or which tables are governed
// edits objects. Adapters (one package a platform below this one) know how a State is written down
// natively; they have no rule of their own.
package push

import (
	"context"
	"time"

	"stead"
	"stead/policy/expr"
)

// State is everything one connection's platform is to enforce at a revision. It is immutable.
type State struct {
	Connection stead.Connection
	Settings   Settings
	Revision   stead.Revision
	// Held: stead's own objects are left as they are, though they may be of another version or for other settings, until a
	// later state does not hold them. Rows are edited all the same; where the profile tables do not fit them, only
	// "off" is put and identities are taken away. A platform that has nothing of ours is planned for as if it were not held.
	Held bool
	// Sources are the registered data sources by id.
	Sources map[stead.SourceID]*Source
	// Sets are the rows of the profile tables.
	Sets map[SetID]*Set
	// Keys are the ids of the hash keys that expressions may look up, sorted: "source/7", "project/apollo".
	Keys []string
	// Problems say what of the world the state leaves out. They block nothing.
	Problems []Problem
}

// Source is one data source with the subject left open. The expressions hold no Subject node but SlotHolds, SlotContains,
// UserName, UserIAM, Now and Today. A Key node of id "source/7" is that source's own key; of id "shared/7" it is the
// key of the project that the subject acts in when it has one (column "key" of the identity), else source 7's.
type Source struct {
	ID   stead.SourceID
	Path []string
	// Refused, when not empty, says why nothing may be shown to anybody.
	Refused string
	// Held: objects of the source are left as they are, whatever they are, until a later state does not hold them; its
	// rows close it. Nothing but ID is looked at then: no step but row edits, no problem, no drift, no release.
	Held bool
	// Rows is the row condition, a Bool; rows count only where it is TRUE.
	Rows expr.Node
	// Columns in the order of the data source. What the table has beside them is shown to nobody.
	Columns []Column
	// Digest is of everything above: as long as it stays, objects need no edit.
	Digest [32]byte

	made *Compiled // what it came out of
}

// Column is what is shown in place of a column: the column itself where Shown is an expr.Column of its name.
type Column struct {
	Name  string
	Type  expr.Type
	Shown expr.Node
}

// Clear reports whether everybody who reaches the source sees the column as it is.
func (c *Column) Clear() bool {
	col, ok := c.Shown.(expr.Column)
	return ok && col.Name == c.Name
}

// Masked reports whether some column is not shown as it is to somebody.
func (s *Source) Masked() bool {
	for i := range s.Columns {
		if !s.Columns[i].Clear() {
			return true
		}
	}
	return false
}

// Platform is one connection's platform. Its methods are not called at the same time, but by any goroutine. Errors are
// stead.Error values: Unavailable when the platform cannot be reached, Denied when it does not let us.
type Platform interface {
	// Plan says how to get from what the platform holds to next. With since nil it looks at the whole platform;
	// otherwise it may trust that the platform holds since (Apply checks that it does). A plan that has nothing to do has no
	// steps. Rows that take away come before objects, rows that give after them. A platform that holds a later revision
	// than next is a stead.Conflict: somebody who knows more was there. It changes nothing.
	Plan(ctx context.Context, next, since *State) (*Plan, error)
	// Apply carries a plan out, step by step, each wholly or not at all, and tells of each. It returns
	// stead.Conflict, having done nothing more, when the platform is not where the plan starts from; who
	// plans anew goes on from there. After an error or a kill the same plan, or a new one, completes the work.
	Apply(ctx context.Context, p *Plan, progress func(Progress)) error
	// Verify looks whether what state says is what is enforced, and returns what is not.
	Verify(ctx context.Context, state *State) ([]Drift, error)
	// Script is the plan as text that an administrator can run, without secrets, with what has to be done besides
	// as comments.
	Script(p *Plan) string
	// Close lets go of the platform; it changes nothing there. It may be called while another call hangs.
	Close() error
}

// Plan is how a platform gets from one state to another.
type Plan struct {
	Connection string         `json:"connection"`
	From       stead.Revision `json:"from"` // that the platform says it holds; 0: none of ours yet
	To         stead.Revision `json:"to"`
	// Start is what the platform held when the plan was made, in the adapter's own words: Apply compares it.
	Start string `json:"-"`
	// Problems stand in the way. While one is Blocking the plan is not applied to the data source it names, or
	// not at all when it names none.
	Problems []Problem `json:"problems,omitempty"`
	Steps    []Step    `json:"steps"`
	// ByHand are the steps where we lack the rights for them: for the script alone, and whoever has the rights.
	ByHand []Step `json:"-"`
	// Next is the state that the plan leads to.
	Next *State `json:"-"`
}

// Problem is something about the platform that the plan cannot change.
type Problem struct {
	Source   stead.SourceID `json:"source,omitempty"`
	Object   string         `json:"object,omitempty"`
	Message  string         `json:"message"`
	Hint     string         `json:"hint,omitempty"`
	Blocking bool           `json:"blocking,omitempty"`
}

// StepKind is what a step edits. The zero kind is refused.
type StepKind string

// The kinds of step. People read them in plans.
const (
	Bootstrap  StepKind = "bootstrap" // stead's own schemas, tables, functions and roles
	RowEdit    StepKind = "rows"      // rows of profile tables: in effect with the commit, no lock on data
	ObjectEdit StepKind = "objects"   // policies, views, grants of one data source
	RoleEdit   StepKind = "roles"     // memberships and settings of logins
	KeyEdit    StepKind = "keys"      // hash keys; never shown
	Terminate  StepKind = "terminate" // end sessions that may go on with what was withdrawn
	Release    StepKind = "release"   // give a table that is governed no more back as it was found
)

// Step is done wholly or not at all.
type Step struct {
	Kind   StepKind       `json:"kind"`
	Object string         `json:"object"` // as people name it there: hr.emp, a role, a profile table
	Source stead.SourceID `json:"source,omitempty"`
	Why    string         `json:"why"`
	// Widens: somebody may see more after it.
	Widens bool `json:"widens,omitempty"`
	// SQL are the statements, without secrets.
	SQL []string `json:"sql,omitempty"`
	// Edits are the rows of a RowEdit.
	Edits []Edit `json:"edits,omitempty"`
	// Keys are the ids of a KeyEdit.
	Keys []string `json:"keys,omitempty"`
}

// StepError says which step of a plan failed. Unwrap gives the error itself.
type StepError struct {
	Step *Step
	Err  error
}

// Error prints the error alone: who shows it names the object.
func (e *StepError) Error() string { return e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *StepError) Unwrap() error { return e.Err }

// Progress tells of one finished or retried step.
type Progress struct {
	Done, Total int
	Step        *Step
	// Retry, when not nil, says why the step is tried again.
	Retry error
	Took  time.Duration
}

// DriftKind is how the platform differs from what was applied.
type DriftKind string

// The kinds of drift.
const (
	Missing  DriftKind = "missing"  // a policy, view, grant or table of ours is gone
	Altered  DriftKind = "altered"  // something of ours was changed
	Foreign  DriftKind = "foreign"  // something that is not ours widens or could widen what is seen
	Renewed  DriftKind = "renewed"  // the table was dropped and made again
	Columns  DriftKind = "columns"  // the table's columns are not those registered
	Profiles DriftKind = "profiles" // rows of the profile tables differ
)

// Drift is one difference.
type Drift struct {
	Kind   DriftKind      `json:"kind"`
	Source stead.SourceID `json:"source,omitempty"`
	Object string         `json:"object"`
	What   string         `json:"what"`
	// Open: somebody may see more than they should until it is repaired.
	Open bool `json:"open,omitempty"`
	// Repairable by planning anew; otherwise the data source must be looked at by its owner.
	Repairable bool `json:"repairable"`
	// Note: it is only told. Nothing is shown to anybody for it and nothing is to be put right there, so the data source is served on.
	Note bool `json:"note,omitempty"`
}
