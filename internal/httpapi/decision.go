package httpapi

import (
	"context"
	"encoding/hex"
	"net/http"

	"stead"
	"stead/internal/audit"
	"stead/internal/session"
	"stead/policy/expr"
)

// Question asks what somebody may do.
type Question struct {
	Object    stead.Object `json:"object"`
	Operation string       `json:"operation,omitempty" enum:"list,read,insert,update,delete,define" default:"read"`
	// InStead stands in for a user, as SQL clients do; Subject asks about another identity, for those who may explain.
	InStead string  `json:"inStead,omitempty" doc:"Ask in the stead of this user: needs the right to impersonate it"`
	Subject string  `json:"subject,omitempty" doc:"Ask about this user or agent: needs GOVERNANCE or AUDIT"`
	Project *string `json:"project,omitempty" doc:"Key of the project to act in; absent is the stored one"`
}

// Decision is the answer.
type Decision struct {
	Verdict   string        `json:"verdict" enum:"allow,deny"`
	Object    stead.Object  `json:"object"`
	Operation string        `json:"operation"`
	Subject   string        `json:"subject"`
	Actor     string        `json:"actor" doc:"Who asked"`
	Project   string        `json:"project,omitempty"`
	Rows      *ShownRows    `json:"rows,omitempty"`
	Columns   []ShownColumn `json:"columns,omitempty"`
	// Reasons and policies are left out where they would tell what is hidden.
	Reasons     []stead.Reason    `json:"reasons,omitempty"`
	Policies    []stead.PolicyRef `json:"policies,omitempty"`
	Fingerprint string            `json:"fingerprint,omitempty" doc:"Equal fingerprints show the same"`
	Denial      *Problem          `json:"denial,omitempty"`
	Revision    int64             `json:"revision"`
}

// ShownRows says which rows are shown.
type ShownRows struct {
	Extent string `json:"extent" enum:"never,always,when"`
	When   string `json:"when,omitempty" doc:"The condition, for those who may read policies"`
}

// ShownColumn says what of a column is shown.
type ShownColumn struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Access string `json:"access" enum:"denied,clear,masked"`
	Kind   string `json:"kind,omitempty" doc:"Of the mask"`
	Mask   string `json:"mask,omitempty" doc:"The expression, for those who may read policies"`
}

// Explanation is a decision with everything it was made from.
type Explanation struct {
	Decision   Decision         `json:"decision"`
	Groups     []string         `json:"groups,omitempty" doc:"Of the subject"`
	Attributes stead.Attributes `json:"attributes,omitempty" doc:"Of the subject and its groups"`
	Purposes   []string         `json:"purposes,omitempty"`
}

func (s *server) decisionRoutes() {
	decide := route("decide", http.MethodPost, "/v1/decisions", "Decide what somebody may do", "decisions")
	handle(s, decide, s.decide)
	handle(s, route("explain", http.MethodPost, "/v1/explain", "Decide, and say why", "decisions"), s.explain)
	handle(s, route("visible", http.MethodGet, "/v1/visible/{key}", "The data sources of a connection that the caller may know of", "decisions"), s.visible)
}

type decided struct{ Body Decision }

type asked struct{ Body Question }

func (s *server) decide(ctx context.Context, in *asked) (*decided, error) {
	_, d, err := s.answer(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	return &decided{Body: d}, nil
}

func (s *server) explain(ctx context.Context, in *asked) (*struct{ Body Explanation }, error) {
	a, d, err := s.answer(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	out := &struct{ Body Explanation }{Explanation{Decision: d}}
	// Who stands in for somebody learns what that somebody may see, and not who they are.
	if in.Body.InStead == "" {
		out.Body.Groups, out.Body.Attributes, out.Body.Purposes = a.Subject.Groups, a.Subject.Attributes, a.Purposes
	}
	return out, nil
}

// answer decides, and records that it was asked before anybody learns the answer.
func (s *server) answer(ctx context.Context, q *Question) (stead.Asker, Decision, error) {
	op, err := operationOf(q.Operation)
	if err != nil {
		return stead.Asker{}, Decision{}, err
	}
	r := s.inquiry(ctx, "decision", q.Object.String())
	a, w, reads, err := s.suppose(ctx, q)
	if err != nil {
		return stead.Asker{}, Decision{}, s.inquiryRefused(ctx, r, err)
	}
	if q.Object.Kind == "" {
		q.Object.Kind = stead.TableObject
	}
	d := w.Decide(&a, q.Object, op)
	r.Subject, r.Basis, r.Project, r.Revision, r.Connection = a.Subject, a.Basis, a.Project, a.Revision, a.Connection
	r.Targets = []stead.RecordTarget{targetOf(&d)}
	if d.Verdict != stead.Allow && d.Denial != nil {
		r.Status, r.Reason = stead.Unauthorized, d.Denial.Message
	}
	if err := s.Audit.Append(ctx, r); err != nil {
		return stead.Asker{}, Decision{}, err
	}
	out := decisionOf(&d, reads, q.InStead == "")
	out.Subject, out.Project, out.Revision = session.FormatName(a.Subject.IAM, a.Subject.Name), a.Project, int64(a.Revision)
	out.Actor = callerOf(ctx).Actor.Login
	return a, out, nil
}

// suppose finds out about whom the question is, and whether the caller may read policies.
func (s *server) suppose(ctx context.Context, q *Question) (stead.Asker, session.World, bool, error) {
	login := callOf(ctx).login
	w, err := s.World()
	if err != nil {
		return stead.Asker{}, nil, false, err
	}
	caller, _ := w.Identity(login.Actor.Identity)
	reads := caller.Holds(stead.Governance) || caller.Holds(stead.AuditPermission)
	if q.Subject != "" {
		if q.InStead != "" {
			return stead.Asker{}, nil, false, stead.Errorf(stead.Invalid, "subject and inStead exclude each other").At(stead.Place{Path: "subject"})
		}
		if login, err = subjectLogin(w, login, q.Subject, reads); err != nil {
			return stead.Asker{}, nil, false, err
		}
	}
	a, at, err := s.Sessions.Suppose(session.Supposition{Login: login, Connection: q.Object.Connection, InStead: q.InStead, Project: q.Project})
	return a, at, reads, err
}

// subjectLogin is the login that the subject would have. Who may not ask about others does not learn who exists.
func subjectLogin(w session.World, own session.Login, subject string, reads bool) (session.Login, error) {
	iam, name, err := session.ParseName(subject)
	if err != nil {
		return session.Login{}, stead.AsError(err).At(stead.Place{Path: "subject"})
	}
	if iam == own.Actor.IAM && name == own.Actor.Name {
		return own, nil
	}
	if !reads {
		return session.Login{}, stead.Errorf(stead.Denied, "you may not ask about others").
			WithHint("this needs %s or %s", stead.Governance, stead.AuditPermission)
	}
	i, ok := w.IdentityByName(iam, name)
	if !ok {
		return session.Login{}, stead.Errorf(stead.NotFound, "%q does not exist", cut(subject, 100)).WithHint("check the spelling").
			At(stead.Place{Path: "subject"})
	}
	return session.Login{Actor: stead.Actor{Login: session.FormatName(i.IAM, i.Name), Method: "supposed", Identity: i.ID,
		IAM: i.IAM, Name: i.Name, Kind: i.Kind}}, nil
}

func operationOf(name string) (stead.Operation, error) {
	if name == "" {
		return stead.Read, nil
	}
	for op := stead.List; op <= stead.Define; op++ {
		if op.String() == name {
			return op, nil
		}
	}
	return stead.UnknownOperation, stead.Errorf(stead.Invalid, "the operation is not known").At(stead.Place{Path: "operation"})
}

// decisionOf tells of a decision what the caller may know: reads is whether it may read policies, why whether it is
// told the reasons.
func decisionOf(d *stead.Decision, reads, why bool) Decision {
	out := Decision{Verdict: "deny", Object: d.Object, Operation: d.Operation.String()}
	if d.Verdict != stead.Allow {
		denial := d.Denial
		if denial == nil {
			denial = stead.Errorf(stead.Internal, "internal error")
		}
		out.Denial = problemOf(denial)
		// Whatever else is known about something hidden would tell that it is there.
		if denial.Code == stead.NotFound && !reads {
			return out
		}
	} else {
		out.Verdict, out.Fingerprint = "allow", fingerprint(d.Fingerprint)
		out.Rows, out.Columns = rowsOf(d.Rows, reads), columnsOf(d.Columns, reads)
	}
	if why || reads {
		out.Reasons, out.Policies = d.Reasons, d.Policies
	}
	return out
}

func rowsOf(r stead.Residual, reads bool) *ShownRows {
	out := &ShownRows{Extent: "never"}
	switch r.Extent {
	case stead.Always:
		out.Extent = "always"
	case stead.When:
		out.Extent = "when"
		if reads {
			out.When = expr.Print(r.When)
		}
	}
	return out
}

func columnsOf(list []stead.ColumnDecision, reads bool) []ShownColumn {
	out := make([]ShownColumn, len(list))
	for i, c := range list {
		out[i] = ShownColumn{Name: c.Name, Type: c.Type.String(), Access: "denied", Kind: c.Kind}
		switch c.Access {
		case stead.ColumnClear:
			out[i].Access = "clear"
		case stead.ColumnMasked:
			out[i].Access = "masked"
			if reads && c.Mask != nil {
				out[i].Mask = expr.Print(c.Mask)
			}
		}
	}
	return out
}

func fingerprint(f stead.Fingerprint) string {
	if f == (stead.Fingerprint{}) {
		return ""
	}
	return hex.EncodeToString(f[:])
}

// targetOf is the decision as records keep it.
func targetOf(d *stead.Decision) stead.RecordTarget {
	out := stead.RecordTarget{Object: d.Object, Policies: d.Policies, Reasons: d.Reasons, RowRule: rowsOf(d.Rows, false).Extent,
		Fingerprint: fingerprint(d.Fingerprint)}
	if d.Source != nil {
		out.Source, out.SourceName = d.Source.ID, d.Source.Name
	}
	for _, c := range d.Columns {
		if c.Access != stead.ColumnMasked {
			continue
		}
		if out.MaskedColumns == nil {
			out.MaskedColumns = map[string]string{}
		}
		out.MaskedColumns[c.Name] = c.Kind
	}
	return out
}

// inquiry begins the record of a question.
func (s *server) inquiry(ctx context.Context, kind, key string) stead.Record {
	c := callOf(ctx)
	who := c.login.Actor
	return stead.Record{ID: audit.NewID(), Kind: stead.Inquiry, Time: s.Now().UTC(), Status: stead.Success, Actor: who, Basis: stead.ByLogin,
		Subject:    stead.Subject{Identity: who.Identity, IAM: who.IAM, Name: who.Name, Kind: who.Kind},
		ClientAddr: c.address, Application: c.agent, Operation: "read", ObjectKind: kind, ObjectKey: cut(key, 1000)}
}

// inquiryRefused records that a question was refused, and returns why.
func (s *server) inquiryRefused(ctx context.Context, r stead.Record, err error) error {
	e := stead.AsError(err)
	if e.Code != stead.Denied && e.Code != stead.Unauthenticated {
		return err
	}
	r.Status, r.Reason = stead.Unauthorized, e.Message
	if e.Cause != nil {
		r.Cause = e.Cause.Error()
	}
	if failed := s.Audit.Append(context.WithoutCancel(ctx), r); failed != nil {
		return failed
	}
	return err
}

type visible struct {
	Body struct {
		Items []Decision `json:"items"`
	}
}

func (s *server) visible(ctx context.Context, in *Keyed) (*visible, error) {
	a, w, err := s.Sessions.Suppose(session.Supposition{Login: callOf(ctx).login, Connection: in.Key})
	if err != nil {
		return nil, err
	}
	out := &visible{}
	out.Body.Items = []Decision{}
	for _, d := range w.Visible(&a, in.Key) {
		item := decisionOf(&d, false, true)
		item.Subject, item.Project, item.Revision = session.FormatName(a.Subject.IAM, a.Subject.Name), a.Project, int64(a.Revision)
		item.Actor = item.Subject
		out.Body.Items = append(out.Body.Items, item)
	}
	return out, nil
}
