package govern

import (
	"context"
	"fmt"

	"stead"
	"stead/internal/store"
	"stead/policy"
)

// PutSubscription stores that a principal may use a data source, or asked to. For the source's owners and GOVERNANCE.
type PutSubscription struct{ Subscription stead.Subscription }

// DeleteSubscription revokes a subscription or withdraws a request. For the source's owners, GOVERNANCE, and a
// user about its own.
type DeleteSubscription struct {
	Source    stead.Object
	Principal stead.Principal
}

// RequestSubscription asks for the caller's own subscription. It stays pending until it is decided where a policy asks for approval, and
// is approved at once where every policy lets anyone in who asks. Other data sources are refused like those that do not
// exist: owners subscribe people to them.
type RequestSubscription struct {
	Source stead.Object
	Access stead.Access
}

// DecideSubscription approves or rejects a request. Who may follows from the approval policies of the source: its
// owners, or holders of the permission that a policy requires; nobody decides about itself.
type DecideSubscription struct {
	Source    stead.Object
	Principal stead.Principal
	Approve   bool
}

func (e PutSubscription) apply(ctx context.Context, t *tx) (Outcome, error) {
	s := e.Subscription
	d, _, err := t.governed(ctx, "subscribe others to", s.Source, stead.Governance)
	if err != nil {
		return Outcome{}, err
	}
	if s.State == "" {
		s.State = stead.Approved
	}
	return t.writeSubscription(ctx, d, s)
}

func (t *tx) writeSubscription(ctx context.Context, d *stead.DataSource, s stead.Subscription) (Outcome, error) {
	if s.Access == "" {
		s.Access = stead.ReadAccess
	}
	if s.Access != stead.ReadAccess && s.Access != stead.WriteAccess {
		return Outcome{}, invalid("access", "must be %q or %q", stead.ReadAccess, stead.WriteAccess)
	}
	if s.State != stead.Pending && s.State != stead.Approved && s.State != stead.Rejected {
		return Outcome{}, invalid("state", "state %q is not known", shorten(string(s.State)))
	}
	var err error
	if s.Principal, err = t.principal(ctx, "principal", s.Principal); err != nil {
		return Outcome{}, err
	}
	s.Source = d.Object()
	key := store.SubscriptionKey(s.Source, s.Principal)
	old, row, err := find[stead.Subscription](ctx, t, store.Subscriptions, key)
	if err != nil {
		return Outcome{}, err
	}
	if old != nil {
		s.Bundle = old.Bundle
	}
	o, err := put(ctx, t, store.Subscriptions, row, key, subscriptionName(s.Source, s.Principal), &s)
	if err != nil || o.Op == None {
		return o, err
	}
	if s.State == stead.Approved && (old == nil || old.State != stead.Approved || old.Access != s.Access) {
		o.Widens = []string{fmt.Sprintf("%s may use %s (%s)", spell(s.Principal), s.Source, s.Access)}
	}
	return t.done(ctx, o)
}

func subscriptionName(o stead.Object, p stead.Principal) string {
	return spell(p) + " on " + o.String()
}

func (e DeleteSubscription) apply(ctx context.Context, t *tx) (Outcome, error) {
	if !isUser(e.Principal, t.who) {
		if _, _, err := t.governed(ctx, "revoke subscriptions to", e.Source, stead.Governance); err != nil {
			return Outcome{}, err
		}
	}
	name := subscriptionName(e.Source, e.Principal)
	s, row, err := find[stead.Subscription](ctx, t, store.Subscriptions, store.SubscriptionKey(e.Source, e.Principal))
	if err == nil && s == nil {
		err = missing(store.Subscriptions, name)
	}
	if err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.Subscriptions, row, name)
	if err != nil {
		return o, err
	}
	return t.done(ctx, o)
}

func (e RequestSubscription) apply(ctx context.Context, t *tx) (Outcome, error) {
	no := stead.Errorf(stead.NotFound, "subscriptions to %s cannot be requested", e.Source).
		WithHint("ask the owner of the data, or a governor")
	d, _, err := find[stead.DataSource](ctx, t, store.DataSources, store.SourceKey(e.Source))
	if err != nil {
		return Outcome{}, err
	}
	if d == nil {
		return Outcome{}, no
	}
	asked, err := t.asked(ctx, d)
	if err != nil {
		return Outcome{}, err
	}
	state := stead.Pending
	if len(asked.approvals) == 0 {
		state = stead.Approved
	}
	access := e.Access
	if asked.readOnly {
		access = stead.ReadAccess
	}
	if !asked.requestable || state == stead.Approved && asked.others {
		return Outcome{}, no
	}
	self := stead.Principal{Kind: stead.UserPrincipal, IAM: t.who.IAM, Name: t.who.Name}
	old, row, err := find[stead.Subscription](ctx, t, store.Subscriptions, store.SubscriptionKey(d.Object(), self))
	if err != nil {
		return Outcome{}, err
	}
	if old != nil && old.State != stead.Rejected {
		return Outcome{Noun: store.Subscriptions, Key: subscriptionName(d.Object(), self), ID: row.ID, Op: None}, nil
	}
	return t.writeSubscription(ctx, d, stead.Subscription{Source: d.Object(), Principal: self, Access: access, State: state})
}

func (e DecideSubscription) apply(ctx context.Context, t *tx) (Outcome, error) {
	what := "decide about subscriptions to " + e.Source.String()
	if isUser(e.Principal, t.who) {
		return Outcome{}, stead.Errorf(stead.Denied, "you may not %s for yourself", what).WithHint("another approver must decide")
	}
	d, _, err := find[stead.DataSource](ctx, t, store.DataSources, store.SourceKey(e.Source))
	if err != nil {
		return Outcome{}, err
	}
	if err := t.mayDecide(ctx, what, d); err != nil {
		return Outcome{}, err
	}
	s, _, err := find[stead.Subscription](ctx, t, store.Subscriptions, store.SubscriptionKey(e.Source, e.Principal))
	if err == nil && s == nil {
		err = missing(store.Subscriptions, subscriptionName(e.Source, e.Principal))
	}
	if err != nil {
		return Outcome{}, err
	}
	s.State = stead.Rejected
	if e.Approve {
		s.State = stead.Approved
	}
	return t.writeSubscription(ctx, d, *s)
}

// mayDecide refuses whoever is not named by every approval that the source's policies ask for. A source without such a policy, or
// none at all, is decided by nobody.
func (t *tx) mayDecide(ctx context.Context, what string, d *stead.DataSource) error {
	denied := stead.Errorf(stead.Denied, "you may not %s", what).WithHint("an approver named by the policy must decide")
	if d == nil {
		return denied
	}
	asked, err := t.asked(ctx, d)
	if err != nil {
		return err
	}
	if len(asked.approvals) == 0 {
		return denied
	}
	for _, a := range asked.approvals {
		ok := t.who.Holds(stead.Permission(a.RequiredPermission))
		if a.RequiredPermission == policy.OwnerApproves {
			if ok, err = t.among(ctx, d.Owners, t.who); err != nil {
				return err
			}
		}
		if !ok {
			return denied
		}
	}
	return nil
}

// asking is what the enforced subscription policies of a source ask of somebody who wants to use it.
type asking struct {
	approvals   []policy.Approval
	requestable bool // by approval, or by anyone who asks
	others      bool // a policy of another type applies
	readOnly    bool // some policy grants reading only
}

func (t *tx) asked(ctx context.Context, d *stead.DataSource) (asking, error) {
	var out asking
	err := everyRow(ctx, t, store.Policies, func(row store.Row) error {
		p, err := store.DecodePolicy(row)
		if err != nil || p.Subscription == nil || !enforced(p) || !policy.Compile(p).AppliesTo(d) {
			return err
		}
		out.readOnly = out.readOnly || p.Subscription.AccessGrant != stead.WriteAccess
		switch p.Subscription.Type {
		case policy.ByApproval:
			out.requestable = true
			out.approvals = append(out.approvals, p.Subscription.Approvals...)
		case policy.Anyone:
			out.requestable = true
		default:
			out.others = true
		}
		return nil
	})
	return out, err
}
