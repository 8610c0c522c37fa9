// Package govern holds the use cases: every change of the governed world, one file per noun. It
// checks who may change what, validates, says whether a change widens access, and commits the
// change with its record. Nothing else writes to the store.
package govern

import (
	"context"
	"errors"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/session"
	"stead/internal/store"
)

// Caller is who asks for a change: a proven login and where it comes from. The zero Caller may do
// nothing. Rights are read from the store within the transaction, never from the caller.
type Caller struct {
	Actor       stead.Actor
	Address     string
	Application string
}

// Service runs use cases. It is safe for concurrent use.
type Service struct {
	store store.Store
	now   func() time.Time
}

// New returns a service.
func New(s store.Store, now func() time.Time) *Service { return &Service{store: s, now: now} }

// Edit is one wanted change; the edits are the exported types of this package that have an apply method. An edit that
// is already true does nothing.
type Edit interface {
	apply(ctx context.Context, t *tx) (Outcome, error)
}

// Op is what an edit does.
type Op string

// The ops. None means that it was true already.
const (
	None   Op = "none"
	Create Op = "create"
	Update Op = "update"
	Delete Op = "delete"
)

// Outcome is what one edit did, or would do.
type Outcome struct {
	Noun store.Noun `json:"noun"`
	Key  string     `json:"key"` // as people write it
	ID   int64      `json:"id,omitempty"`
	Op   Op         `json:"op"`
	// Widens says why the change may give somebody more than before; empty means that it cannot. It is
	// conservative: what is not understood widens.
	Widens []string `json:"widens,omitempty"`
	// Warnings say what the change leaves undone, for example a policy that does not fit a table.
	Warnings []string `json:"warnings,omitempty"`
	// Before and After are the documents as JSON, for a readable plan; nil where there is none.
	Before []byte `json:"-"`
	After  []byte `json:"-"`
}

// Result is what a list of edits did.
type Result struct {
	Outcomes []Outcome
	// Revision is the revision that holds the changes, for waiting until they are served.
	Revision stead.Revision
}

// EditError says which edit of a list failed. Unwrap gives the error itself.
type EditError struct {
	Index int
	Err   error
}

// Error prints the edit's error alone: its text names what it is about.
func (e *EditError) Error() string { return e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *EditError) Unwrap() error { return e.Err }

// Apply makes all edits in one transaction, in order, each seeing what those before it did, with one record for each
// change. If one fails nothing happened, and the error is an *EditError.
func (s *Service) Apply(ctx context.Context, c Caller, edits ...Edit) (Result, error) {
	return s.run(ctx, c, edits, false)
}

// Plan is Apply without its effects: the same checks in the same order, rolled back.
func (s *Service) Plan(ctx context.Context, c Caller, edits ...Edit) (Result, error) {
	return s.run(ctx, c, edits, true)
}

// errPlanned rolls a planned transaction back.
var errPlanned = errors.New("planned")

func (s *Service) run(ctx context.Context, c Caller, edits []Edit, plan bool) (Result, error) {
	return s.Within(ctx, c, plan, func(store.Reader) ([]Edit, error) { return edits, nil })
}

// update runs fn in one transaction for the caller. A refusal for want of a right is recorded by itself, as
// the transaction it happened in is gone.
func (s *Service) update(ctx context.Context, c Caller, fn func(*tx) error) (stead.Revision, error) {
	revision, err := s.store.Update(ctx, func(st store.Tx) error {
		t, err := s.begin(ctx, c, st)
		if err != nil {
			return err
		}
		return fn(t)
	})
	if err != nil && stead.CodeOf(err) == stead.Denied {
		if failed := s.recordRefusal(ctx, c, err); failed != nil {
			return 0, failed
		}
	}
	return revision, err
}

// begin reads who the caller is now.
func (s *Service) begin(ctx context.Context, c Caller, st store.Tx) (*tx, error) {
	t := &tx{Tx: st, caller: c, now: s.now().UTC()}
	who, err := caller(ctx, st, c, t.now)
	if err != nil {
		return nil, err
	}
	t.who = who
	return t, boundKey(ctx, st, c)
}

// boundKey refuses changes with a key that is bound to a project: it could make itself a key that is not.
func boundKey(ctx context.Context, r store.Reader, c Caller) error {
	id, ok := session.KeyOfCredential(c.Actor.Credential)
	if !ok {
		return nil
	}
	key, err := get[store.APIKey](ctx, r, store.APIKeys, id)
	if err == nil && key.Project != "" {
		err = stead.Errorf(stead.Denied, "a key that is bound to a project changes nothing").WithHint("use another key of the same user")
	}
	return err
}

// caller reads the caller's identity. One that is unknown, deleted or disabled is refused, and so is a key that was
// revoked or has expired since it was proven.
func caller(ctx context.Context, r store.Reader, c Caller, now time.Time) (*stead.Identity, error) {
	if c.Actor.Identity == 0 {
		return nil, noCaller()
	}
	who, err := get[stead.Identity](ctx, r, store.Identities, int64(c.Actor.Identity))
	if absent(err) || err == nil && who.Disabled {
		return nil, noCaller()
	}
	id, ok := session.KeyOfCredential(c.Actor.Credential)
	if err != nil || !ok {
		return who, err
	}
	key, err := get[store.APIKey](ctx, r, store.APIKeys, id)
	if absent(err) || err == nil && (key.Identity != who.ID || key.Expires != nil && !now.Before(*key.Expires)) {
		return nil, noCaller()
	}
	return who, err
}

func noCaller() error {
	return stead.Errorf(stead.Unauthenticated, "the identity that asks does not exist or is disabled").WithHint("sign in again")
}

// tx is one transaction of one caller.
type tx struct {
	store.Tx
	caller Caller
	who    *stead.Identity
	now    time.Time
	// keys of data sources, case-folded; made when the first one is registered.
	sources map[string]bool
	// external has who was given which name on a platform; made when the first such name is written.
	external map[external]string
	// negates caches whether some policy gives more to those who lack something.
	negates *bool
}

// done records one change and completes its outcome. Created things that say nothing else have no widening.
func (t *tx) done(ctx context.Context, o Outcome) (Outcome, error) {
	if o.Op == None {
		return o, nil
	}
	r := t.record(o.Op, o.Noun, o.Key)
	r.Details = joinDetails(o.Widens)
	return o, t.Record(ctx, r)
}

func (t *tx) record(op Op, noun store.Noun, key string) stead.Record {
	r := changeRecord(t.caller, t.now)
	if t.who != nil {
		r.Subject = stead.Subject{Identity: t.who.ID, IAM: t.who.IAM, Name: t.who.Name, Kind: t.who.Kind}
		r.Basis = stead.ByLogin
	}
	r.Status, r.Operation, r.ObjectKind, r.ObjectKey = stead.Success, string(op), string(noun), key
	return r
}

func changeRecord(c Caller, now time.Time) stead.Record {
	return stead.Record{ID: audit.NewID(), Kind: stead.Change, Time: now, Actor: c.Actor, ClientAddr: c.Address, Application: c.Application}
}

func (s *Service) recordRefusal(ctx context.Context, c Caller, err error) error {
	r := changeRecord(c, s.now().UTC())
	e := stead.AsError(err)
	r.Status, r.Reason = stead.Unauthorized, e.Message
	_, failed := s.store.Update(context.WithoutCancel(ctx), func(t store.Tx) error { return t.Record(ctx, r) })
	return failed
}

func joinDetails(widens []string) string {
	out := ""
	for i, w := range widens {
		if i > 0 {
			out += "; "
		}
		out += w
	}
	if out == "" {
		return ""
	}
	return "widens: " + out
}
