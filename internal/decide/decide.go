package decide

import (
	"errors"
	"strings"

	"stead"
	"stead/policy/expr"
)

// Decide answers whether the asker may do the operation to the object, with which rows and values,
// and why. Anything unknown, broken or in doubt is denied. A denial with the code NotFound looks the same for objects that
// are hidden and that do not exist: of such a decision only Denial may be shown to the
// asker, the rest is for records. What the decision points to is shared: do not change it.
func (w *World) Decide(a *stead.Asker, o stead.Object, op stead.Operation) stead.Decision {
	q := question{w: w, a: a, d: stead.Decision{Object: o, Operation: op}}
	if err := q.decide(); err != nil {
		return q.denied(err)
	}
	q.d.Fingerprint = fingerprint(&q)
	return q.d
}

// Visible returns the decisions of every data source of the connection that the asker may list, by path.
func (w *World) Visible(a *stead.Asker, connection string) []stead.Decision {
	var out []stead.Decision
	for _, s := range w.Sources(connection) {
		if d := w.Decide(a, s.Object(), stead.List); d.Verdict == stead.Allow {
			out = append(out, d)
		}
	}
	return out
}

// question is one decision in the making.
type question struct {
	w       *World
	a       *stead.Asker
	d       stead.Decision
	person  *person
	facts   expr.Facts
	conn    *stead.Connection
	project *project // acted in, nil if none
	r       *resolved
	shared  string // project whose key hash masks use, "" for the source's own
}

func (q *question) decide() *stead.Error {
	if q.d.Operation == stead.UnknownOperation || q.d.Operation > stead.Define {
		return stead.Errorf(stead.Unsupported, "the operation is not known")
	}
	if err := q.asker(); err != nil {
		return err
	}
	if err := q.actIn(); err != nil {
		return err
	}
	s, err := q.find()
	if err != nil {
		return err
	}
	if err := q.within(s); err != nil {
		return err
	}
	q.r = q.w.resolved(s)
	q.d.Source, q.d.Policies = s.DataSource, q.r.Policies
	q.d.Reasons = append(make([]stead.Reason, 0, q.r.reasons+len(q.d.Reasons)), q.d.Reasons...)
	reach := q.reach()
	if err := q.permitted(reach); err != nil {
		return err
	}
	q.d.Verdict = stead.Allow
	if reach.access == noAccess {
		q.discovered()
		return nil
	}
	q.rows()
	q.columns()
	return nil
}

// denied clears what was decided so far: nothing of it may be mistaken for an answer.
func (q *question) denied(err *stead.Error) stead.Decision {
	d := q.d
	d.Verdict, d.Rows, d.Columns, d.Denial = stead.Deny, stead.Residual{}, nil, err
	if len(d.Reasons) == 0 {
		d.Reasons = []stead.Reason{{Effect: stead.Refused, Rule: -1, Fact: cause(err)}}
	}
	return d
}

func cause(err *stead.Error) string {
	if err.Cause != nil {
		return err.Cause.Error()
	}
	return err.Message
}

// asker checks who asks, and gathers what conditions may ask about the subject.
func (q *question) asker() *stead.Error {
	a := q.a
	if a == nil || a.Subject.Identity == 0 {
		return stead.Errorf(stead.Unauthenticated, "nobody is signed in").WithHint("sign in")
	}
	if why := q.doubt(); why != "" {
		return stead.Errorf(stead.Denied, "it is not settled who asks").WithHint("sign in again").WithCause(errors.New(why))
	}
	c, ok := q.w.Connection(a.Connection)
	switch {
	case !ok:
		return stead.Errorf(stead.NotFound, "connection %q is not known", a.Connection).WithHint("name a connection that stead governs")
	case c.Disabled:
		return stead.Errorf(stead.Denied, "connection %q is switched off", c.Key).WithHint("ask an administrator")
	}
	q.conn = c
	q.facts = factsOf(a)
	return nil
}

// factsOf are the asker's facts but for purposes, which come from the project.
func factsOf(a *stead.Asker) expr.Facts {
	return expr.Facts{UserName: a.Subject.Name, IAM: a.Subject.IAM, Groups: a.Subject.Groups,
		Attributes: a.Subject.Attributes, NowMicros: a.Time.UnixMicro()}
}

// doubt says what is contradictory about the asker, "" if nothing is.
func (q *question) doubt() string {
	a := q.a
	var ok bool
	if q.person, ok = q.w.person(a.Subject.Identity); !ok {
		return "the subject does not exist any more"
	}
	subject, _ := q.w.Identity(a.Subject.Identity)
	actor, known := q.w.Identity(a.Actor.Identity)
	switch {
	case subject.Disabled:
		return "the subject is disabled"
	case subject.Name != a.Subject.Name || orDefault(subject.IAM) != orDefault(a.Subject.IAM):
		return "the subject's name and id do not belong together"
	case a.Actor.Identity != 0 && !known:
		return "the actor does not exist any more"
	case known && actor.Disabled:
		return "the actor is disabled"
	case a.Actor.Identity == 0 && a.Actor.Login == "":
		return "nobody is connected"
	case a.Time.IsZero():
		return "the asker has no time"
	}
	switch a.Basis {
	case stead.ByLogin:
		if a.Actor.Identity != a.Subject.Identity {
			return "actor and subject differ without impersonation"
		}
	case stead.ByLease:
		if a.Lease == 0 {
			return "there is no lease"
		}
	case stead.ByImpersonation:
	default:
		return "it is not known by which rule the subject was found"
	}
	return ""
}

// hidden is the denial of what does not exist and of what may not be known to exist.
func (q *question) hidden(why string) *stead.Error {
	if len(q.d.Reasons) == 0 {
		q.refused(why)
	}
	return stead.Errorf(stead.NotFound, "%s does not exist, or you may not see it", shown(q.d.Object.Path)).
		WithHint("check the spelling, or ask its owner for a subscription").WithCause(errors.New(why))
}

// shown is a path for messages, cut: it is what the asker typed.
func shown(path []string) string {
	const most = 200
	s := strings.Join(path, ".")
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

func (q *question) refused(fact string) {
	q.d.Reasons = append(q.d.Reasons, stead.Reason{Effect: stead.Refused, Rule: -1, Fact: fact})
}

// find returns the data source; whatever is not registered does not exist for anybody.
func (q *question) find() (*source, *stead.Error) {
	o := q.d.Object
	if o.Kind != stead.TableObject {
		return nil, q.hidden("only registered tables and views are served")
	}
	if o.Connection != q.a.Connection {
		return nil, q.hidden("the object is on another connection than the asker")
	}
	s, ok := q.w.source(o)
	if !ok {
		return nil, q.hidden("the object is not registered")
	}
	return s, nil
}

// permitted turns what the subject reaches into a verdict on the operation.
func (q *question) permitted(r reach) *stead.Error {
	s := q.d.Source
	if r.access == noAccess && !r.discovery {
		return q.hidden("the subject is not subscribed")
	}
	if s.State != stead.Active && !(s.State == stead.Drifted && q.d.Operation == stead.List) {
		q.refused("the data source is " + stateName(s.State))
		return stead.Errorf(stead.Denied, "data source %s is not served: %s", shown(s.Path), orElse(s.Reason, "it is "+stateName(s.State))).
			WithHint("ask an owner to look at it")
	}
	if q.r.Refused != "" {
		q.refused(q.r.Refused)
		return stead.Errorf(stead.Denied, "data source %s is not served: a policy on it cannot be enforced", shown(s.Path)).
			WithHint("ask a governor to repair the policy").WithCause(errors.New(q.r.Refused))
	}
	allowed := false
	switch q.d.Operation {
	case stead.List:
		allowed = true
	case stead.Read:
		allowed = r.access >= readAccess
	case stead.Insert, stead.Update, stead.Delete:
		allowed = r.access >= writeAccess
	case stead.Define:
		allowed = r.owner
	}
	if !allowed {
		q.refused("may not " + q.d.Operation.String())
		return stead.Errorf(stead.Denied, "you may not %s %s", q.d.Operation, shown(s.Path)).WithHint("ask its owner for a subscription")
	}
	return nil
}

func stateName(s stead.SourceState) string { return orElse(string(s), "in no state") }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// discovered is what is shown of a source that may be listed and not read: its columns and no value.
func (q *question) discovered() {
	q.d.Rows = stead.Residual{Extent: stead.Never}
	q.d.Columns = make([]stead.ColumnDecision, len(q.r.columns))
	for i, c := range q.r.columns {
		c.Access = stead.ColumnDenied
		q.d.Columns[i] = c
	}
}
