package policy

import (
	"fmt"
	"slices"

	"stead"
	"stead/policy/expr"
)

// The types of subscription policy.
const (
	Anyone       = "anyone"
	ByApproval   = "approval"
	Entitled     = "entitlements"
	Individually = "manual"
)

// checkSubscription reports what is wrong with the action of a subscription policy.
func (p *Policy) checkSubscription() Problems {
	s := p.Subscription
	if s == nil || p.Data != nil {
		return Problems{problem("actions", "must be one object")}
	}
	members := []member{{"entitlements", s.Entitlements != nil}, {"advanced", s.Advanced != ""}, {"approvals", len(s.Approvals) > 0},
		{"automaticSubscription", s.AutomaticSubscription != nil}}
	var out Problems
	switch s.Type {
	case Anyone:
		out = only("actions", s.Type, members, nil, []string{"automaticSubscription"})
	case ByApproval:
		out = only("actions", s.Type, members, []string{"approvals"}, nil)
	case Individually:
		out = only("actions", s.Type, members, nil, nil)
	case Entitled:
		out = only("actions", s.Type, members, nil, []string{"entitlements", "advanced", "automaticSubscription"})
		out = append(out, exactlyOne("actions", s.Type, members[0], members[1])...)
	case "guardrail":
		return Problems{notOffered("actions.type", "guardrail policies are not offered yet").
			WithHint("a policy without shareResponsibility is required beside every other")}
	default:
		return Problems{problem("actions.type", "subscription type %q is not known", s.Type).
			WithHint("use anyone, approval, entitlements or manual")}
	}
	if s.Entitlements != nil {
		out = append(out, s.Entitlements.check("actions.entitlements")...)
	}
	if s.Advanced != "" {
		if _, err := expr.ParseSubscription(s.Advanced, expr.SourceFacts{}); err != nil {
			out = append(out, problem("actions.advanced", "%s", err))
		}
	}
	for i, a := range s.Approvals {
		out = append(out, a.check(fmt.Sprintf("actions.approvals[%d]", i))...)
	}
	if s.AccessGrant != "" && s.AccessGrant != stead.ReadAccess && s.AccessGrant != stead.WriteAccess {
		out = append(out, problem("actions.accessGrant", "must be %s or %s", stead.ReadAccess, stead.WriteAccess))
	}
	return out
}

// OwnerApproves lets an owner of the data source approve.
const OwnerApproves = "OWNER"

func (a *Approval) check(path string) Problems {
	if a.RequiredPermission == OwnerApproves || slices.Contains(stead.Permissions(), stead.Permission(a.RequiredPermission)) {
		return nil
	}
	return Problems{problem(join(path, "requiredPermission"), "%q is not a permission", a.RequiredPermission).
		WithHint("use %s or one of %v", OwnerApproves, stead.Permissions())}
}

// Access is a subscription policy bound to a source.
type Access struct {
	Policy stead.PolicyRef
	Kind   string // Subscription.Type
	// Required: every such policy must be met. The others share: one of them must be met.
	Required bool
	// Grant is what meeting the policy gives; never empty.
	Grant stead.Access
	// Stored: an approved subscription of the subject is needed, besides qualifying where Kind asks for it.
	Stored bool
	// Discovery: the source may be listed by who does not meet the policy.
	Discovery bool
	test      Test      // Entitled, simple
	node      expr.Node // Entitled, advanced: a condition on the subject alone
	refused   string
}

func (b *binder) bindAccess(s *Subscription) {
	a := &Access{Policy: b.out.Ref, Kind: s.Type, Required: !s.ShareResponsibility, Grant: s.AccessGrant, Discovery: s.AllowDiscovery}
	if a.Grant == "" {
		a.Grant = stead.ReadAccess
	}
	automatic := s.AutomaticSubscription != nil && *s.AutomaticSubscription
	a.Stored = s.Type == ByApproval || s.Type == Individually || !automatic
	if s.Entitlements != nil {
		a.test = s.Entitlements.Test()
	}
	if s.Advanced != "" {
		n, err := expr.ParseSubscription(s.Advanced, factsOf(b.source))
		if err != nil {
			b.problem(-1, "", false, "the condition cannot be applied, so nobody qualifies: %s", err)
			a.refused = "the condition cannot be applied to this data source"
			n = expr.False
		}
		a.node = expr.Fold(n, nil)
	}
	b.out.Access = a
}

func factsOf(s *stead.DataSource) expr.SourceFacts {
	f := expr.SourceFacts{Hostname: s.Connection}
	for i, part := range slices.Backward(s.Path) {
		switch len(s.Path) - i {
		case 1:
			f.Table = part
		case 2:
			f.Schema = part
		case 3:
			f.Database = part
		}
	}
	if len(s.Path) < 3 {
		f.Database = s.Connection
	}
	for _, t := range s.Tags {
		f.Tags = append(f.Tags, string(t))
	}
	for i := range s.Columns {
		for _, t := range s.Columns[i].Tags {
			f.ColumnTags = append(f.ColumnTags, string(t))
		}
	}
	return f
}

// Qualifies answers for a known subject without regard to stored subscriptions, with the fact that decided.
func (a *Access) Qualifies(f *expr.Facts) (bool, string) {
	switch {
	case a.refused != "":
		return false, a.refused
	case a.Kind == Anyone:
		return true, "anyone may use it"
	case a.Kind == ByApproval:
		return true, "who was approved may use it"
	case a.Kind == Individually:
		return true, "who was selected may use it"
	case a.Kind != Entitled:
		return false, "the policy's type is not known"
	case a.node == nil:
		return a.test.Holds(f)
	}
	n := a.node
	if expr.Asks(n) {
		n = expr.Fold(n, f)
	}
	if IsTrue(n) {
		return true, "meets the policy's condition"
	}
	return false, "does not meet the policy's condition"
}

// IsTrue reports whether a folded node is the constant TRUE. NULL and anything unfolded is not.
func IsTrue(n expr.Node) bool {
	l, ok := n.(expr.Literal)
	return ok && l.Typ.Kind == expr.Bool && l.Value.Valid && l.Value.Bool
}

// IsFalse reports whether a folded condition can never be TRUE: FALSE or NULL.
func IsFalse(n expr.Node) bool {
	l, ok := n.(expr.Literal)
	return ok && (!l.Value.Valid || !l.Value.Bool)
}

// Condition is Qualifies as an expression over an unknown subject, for engines that look the subject up.
func (a *Access) Condition() expr.Node {
	switch {
	case a.refused != "":
		return expr.False
	case a.Kind == Anyone, a.Kind == ByApproval, a.Kind == Individually:
		return expr.True
	case a.Kind != Entitled:
		return expr.False
	case a.node == nil:
		return a.test.Node()
	default:
		return a.node
	}
}
