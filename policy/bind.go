package policy

import (
	"errors"
	"fmt"

	"stead"
	"stead/policy/expr"
)

// Bound is a policy bound to one data source: typed expressions over real columns.
type Bound struct {
	Ref stead.PolicyRef
	// Access is set for a subscription policy.
	Access *Access
	Rows   []Chain
	Masks  []MaskChain
	// Problems say what could not be bound as written and what is done instead.
	Problems []Problem
	// Refused, when not empty, says why nothing of the source may be shown.
	Refused string
}

// Problem is one part of a policy that does not fit a data source. For governors and owners.
type Problem struct {
	Action, Rule int
	Column       string
	Message      string
	// Loosens: the part is not applied, by the documented rule on absent tags. All other
	// problems are enforced more strictly than written.
	Loosens bool
}

// Chain is an action bound to a source: the first branch that includes the subject applies.
type Chain struct {
	Policy   stead.PolicyRef
	Action   int
	Branches []Branch
}

// Branch is one rule of a chain.
type Branch struct {
	Rule   int
	For    *Test // whom it includes; nil is everyone
	Except *Test // whom it exempts; nil is nobody
	// Node is the row condition, or the masked value. It is folded over constants.
	Node expr.Node
	// Asks: Node asks about the subject or the time, so it must be folded for each asker.
	Asks bool
	// Kind and Digits describe a mask: "hash", "conditional null"; Digits is the length of a hash mask.
	Kind   string
	Digits int
	// Fact is what is said about the branch in reasons.
	Fact string
}

// MaskChain is a masking action and the columns it competes for.
type MaskChain struct {
	Action  int
	Columns []MaskColumn
}

// MaskColumn is one column of a masking action with the rank of the selector that means it.
type MaskColumn struct {
	Index int // of the column in the source
	Rank  int
	Chain Chain
}

// Pick finds the branch for a known subject. No branch means that no rule includes the subject, which Validate rules
// out and callers treat as hiding everything. Exempt means that the branch that applies excepts the subject.
func (c *Chain) Pick(f *expr.Facts) (b *Branch, exempt bool, fact string) {
	for i := range c.Branches {
		x := &c.Branches[i]
		if x.For != nil {
			held, why := x.For.Holds(f)
			fact = why
			if !held {
				continue
			}
		}
		if x.Except != nil {
			if held, why := x.Except.Holds(f); held {
				return x, true, why
			} else {
				fact = why
			}
		}
		return x, false, fact
	}
	return nil, false, fact
}

// Bind binds a policy that applies to the source. What cannot be enforced as written is enforced more strictly: a
// row rule hides every row, a mask shows NULL. The one exception is documented: an action that asks for @columnTagged of
// a tag that no column carries is not applied to the source.
func (c *Compiled) Bind(s *stead.DataSource) *Bound {
	out := &Bound{Ref: c.Ref()}
	if len(c.Broken) > 0 {
		out.Refused = fmt.Sprintf("policy %q is not valid: %s", c.Key, c.Broken[0].Message)
		return out
	}
	b := &binder{source: s, out: out}
	if c.Type == SubscriptionType {
		b.bindAccess(c.Subscription)
		return out
	}
	for i := range c.Data {
		b.action = i
		if isRowRule(c.Data[i].Rules[0].Type) {
			b.bindRows(&c.Data[i])
		} else {
			b.bindMasks(&c.Data[i])
		}
	}
	return out
}

func (b *binder) problem(rule int, column string, loosens bool, format string, args ...any) {
	b.out.Problems = append(b.out.Problems, Problem{b.action, rule, column, fmt.Sprintf(format, args...), loosens})
}

func (b *binder) chain() Chain { return Chain{Policy: b.out.Ref, Action: b.action} }

// branch starts a branch of a rule with its conditions on the subject.
func branch(i int, r *Rule) Branch {
	out := Branch{Rule: i}
	if r.Inclusions != nil {
		t := r.Inclusions.Test()
		out.For = &t
	}
	if r.Exceptions != nil {
		t := r.Exceptions.Test()
		out.Except = &t
	}
	return out
}

// put folds what is constant and notes whether the asker matters.
func (x *Branch) put(n expr.Node) {
	x.Node = expr.Fold(n, nil)
	x.Asks = expr.Asks(x.Node)
}

// absentTag tells the documented exception from every other problem: a text asks for @columnTagged of a
// tag that is not there. A match or list by tag is not a text, and hides every row.
func (b *binder) absentTag(rule int, err error) bool {
	var absent *expr.UntaggedError
	if !errors.As(err, &absent) {
		return false
	}
	b.problem(rule, "", true, "%s, so the action is not applied", absent)
	return true
}

func (b *binder) bindRows(a *Action) {
	chain := b.chain()
	for i := range a.Rules {
		r := &a.Rules[i]
		x := branch(i, r)
		var n expr.Node
		var err error
		if r.Type == RowByEntitlements {
			n, err = b.bindEntitlements(&r.Config)
		} else {
			n, err = b.bindWhere(&r.Config)
		}
		switch {
		case err != nil && b.absentTag(i, err):
			return
		case err != nil:
			b.problem(i, "", false, "the row rule cannot be applied, so no row is shown: %s", err)
			x.put(expr.False)
			x.Fact = "the row rule cannot be applied to this data source: " + err.Error()
		default:
			x.put(n)
			x.Fact = "rows where " + expr.Print(x.Node)
		}
		chain.Branches = append(chain.Branches, x)
	}
	b.out.Rows = append(b.out.Rows, chain)
}

func (b *binder) bindMasks(a *Action) {
	out := MaskChain{Action: b.action}
	for i := range b.source.Columns {
		c := &b.source.Columns[i]
		rank := rankOf(a.Rules[0].Config.Fields, c)
		if rank == rankNone {
			continue
		}
		chain := b.chain()
		for j := range a.Rules {
			x, err := b.bindMask(j, &a.Rules[j], expr.Column{Name: c.Name, Typ: c.Type})
			if err != nil {
				return
			}
			chain.Branches = append(chain.Branches, x)
		}
		out.Columns = append(out.Columns, MaskColumn{i, rank, chain})
	}
	if len(out.Columns) > 0 {
		b.out.Masks = append(b.out.Masks, out)
	}
}

// bindMask makes the masked value of one column. Its only error is that of an absent tag.
func (b *binder) bindMask(i int, r *Rule, col expr.Column) (Branch, error) {
	x := branch(i, r)
	kind, _ := maskOf(r.Config.MaskingConfig.Type) // Validate has seen it
	x.Kind = kind.name()
	masked, err := kind.build(r.Config.MaskingConfig, col, keyOf(b.source))
	if err == nil {
		masked, err = Fit(masked, col.Typ)
	}
	if err != nil {
		b.problem(i, col.Name, false, "the %s mask does not fit column %q, which shows NULL instead: %s", x.Kind, col.Name, err)
		masked, x.Kind = expr.NullOf(col.Typ), "null"
	}
	if x.Kind == "hash" {
		x.Digits = r.Config.MaskingConfig.digits()
	}
	x.Fact = "column shown as " + x.Kind
	if r.Config.ConditionalPredicate != "" {
		if masked, err = b.conditional(r.Config.ConditionalPredicate, col, masked); err != nil {
			if b.absentTag(i, err) {
				return x, err
			}
			b.problem(i, col.Name, false, "the condition of the mask cannot be applied, so every row is masked: %s", err)
		} else {
			x.Kind = "conditional " + x.Kind
		}
	}
	x.put(masked)
	if x.Node, err = Fit(x.Node, col.Typ); err != nil {
		x.Node, x.Kind = expr.NullOf(col.Typ), "null"
		x.Asks, x.Digits = false, 0
	}
	return x, nil
}

// conditional shows the value only where the condition is FALSE: a condition that is NULL masks. On an
// error the mask comes back as it was given.
func (b *binder) conditional(text string, col expr.Column, masked expr.Node) (expr.Node, error) {
	when, err := b.condition(text)
	if err != nil {
		return masked, err
	}
	not, err := expr.NewCall(expr.Not, when)
	if err != nil {
		return masked, err
	}
	n, err := expr.NewCall(expr.If, not, col, masked)
	if err != nil {
		return masked, err
	}
	if fitted, err := Fit(n, col.Typ); err == nil {
		return fitted, nil
	}
	return masked, errors.New("a mask of this column's type cannot be conditional")
}
