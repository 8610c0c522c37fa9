package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"stead"
	"stead/internal/audit"
)

// Statement is one statement of a session, with the asker resolved and the world pinned. Every decision of
// the statement comes from that one world.
type Statement struct {
	Asker stead.Asker
	World World

	session *Session
	queryID string
	began   time.Time

	mu     sync.Mutex
	state  statementState
	intent stead.Record
}

type statementState uint8

const (
	begun statementState = iota
	intended
	closed
)

// IntentInfo is what a statement is about to answer.
type IntentInfo struct {
	Statement string // as sent; audit cuts it to the configured length
	// Application is what the client calls itself now; "" leaves what it said when the session was opened.
	Application string
	Targets     []Target
}

// Target is one object that the statement touches.
type Target struct {
	Decision stead.Decision
	Columns  []string // named by the statement
}

// QueryID joins the records of the statement.
func (t *Statement) QueryID() string { return t.queryID }

// Decide decides in the statement's world, and nowhere else.
func (t *Statement) Decide(o stead.Object, op stead.Operation) stead.Decision {
	return t.World.Decide(&t.Asker, o, op)
}

// Visible returns the decisions of what the asker may list on the session's connection.
func (t *Statement) Visible() []stead.Decision {
	return t.World.Visible(&t.Asker, t.Asker.Connection)
}

// StillHolds asks again, before a suspended answer goes on, whether the same asker would get the same. It refuses with stead.Denied when the
// asker or what any of the decisions shows has changed since, and with what Begin returns when the session may not go on.
func (t *Statement) StillHolds(ctx context.Context, decisions ...stead.Decision) error {
	now, err := t.session.Begin(ctx)
	if err != nil {
		return err
	}
	a, b := &t.Asker, &now.Asker
	same := a.Subject.Identity == b.Subject.Identity && a.Basis == b.Basis && a.Project == b.Project && a.Lease == b.Lease
	for i := range decisions {
		d := now.Decide(decisions[i].Object, decisions[i].Operation)
		same = same && d.Verdict == stead.Allow && d.Fingerprint == decisions[i].Fingerprint && d.Fingerprint != (stead.Fingerprint{})
	}
	if !same {
		return stead.Errorf(stead.Denied, "what you may see has changed since this answer began").WithHint("run the statement again")
	}
	return nil
}

// Intent makes durable who asks in whose stead for what under which decisions. Nothing of an answer may leave before it
// has returned nil. It fails with stead.Unavailable when the record cannot be made, and with the denial when a
// target is denied. A statement has one intent.
func (t *Statement) Intent(ctx context.Context, info IntentInfo) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != begun {
		return defect("a second intent for one statement")
	}
	for i := range info.Targets {
		if d := &info.Targets[i].Decision; d.Verdict != stead.Allow {
			t.state = closed
			return t.refuse(ctx, info, denialOf(d))
		}
	}
	r := t.record(stead.QueryIntent, info)
	r.Status = stead.Success
	if err := t.session.service.append(ctx, r); err != nil {
		return err
	}
	t.state, t.intent = intended, r
	return nil
}

// Refused records that the statement was refused before its intent, for err and the targets decided so
// far, and returns err, or why it could not be recorded.
func (t *Statement) Refused(ctx context.Context, info IntentInfo, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != begun {
		return defect("a refusal after the intent")
	}
	if err == nil {
		err = defect("a refusal without an error")
	}
	t.state = closed
	return t.refuse(ctx, info, err)
}

func (t *Statement) refuse(ctx context.Context, info IntentInfo, err error) error {
	r := t.record(stead.QueryIntent, info)
	if c := stead.CodeOf(err); c != stead.Denied && c != stead.NotFound && c != stead.Unauthenticated {
		r.Status, r.Reason = stead.Failure, stead.AsError(err).Message
		if failed := t.session.service.append(context.WithoutCancel(ctx), r); failed != nil {
			return failed
		}
		return err
	}
	return t.session.service.refuse(ctx, r, err)
}

// Outcome closes the intent: how many rows left, and how it ended. It is recorded although ctx has ended. Without an
// intent it is a defect of the caller.
func (t *Statement) Outcome(ctx context.Context, rows int64, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != intended {
		return defect("an outcome without an open intent")
	}
	t.state = closed
	now := t.session.service.cfg.Now()
	r := t.intent
	r.ID, r.Kind, r.Time = audit.NewID(), stead.QueryOutcome, now.UTC()
	// The intent holds what was asked; repeating it would double the log.
	r.Statement, r.Targets = "", nil
	r.Rows, r.Duration = rows, now.Sub(t.began)
	if err != nil {
		r.Status, r.Reason = stead.Failure, stead.AsError(err).Message
	}
	return t.session.service.append(context.WithoutCancel(ctx), r)
}

func denialOf(d *stead.Decision) error {
	if d.Denial != nil {
		return d.Denial
	}
	return defect("a denial without an error")
}

func defect(what string) error {
	return stead.AsError(errors.New("session: " + what))
}
