package decide

import (
	"stead"
	"stead/policy"
	"stead/policy/expr"
)

// columns decides on each column: the one mask that won it, unless the subject is exempt.
func (q *question) columns() {
	if !q.r.masked {
		q.d.Columns = q.r.columns
		return
	}
	q.d.Columns = make([]stead.ColumnDecision, len(q.r.columns))
	copy(q.d.Columns, q.r.columns)
	for i, chain := range q.r.Masks {
		if chain != nil {
			q.mask(&q.d.Columns[i], chain)
		}
	}
}

func (q *question) mask(c *stead.ColumnDecision, chain *policy.Chain) {
	b, exempt, why := chain.Pick(&q.facts)
	reason := stead.Reason{Effect: stead.Masked, Policy: chain.Policy.Key, Rule: -1, Column: c.Name, Fact: why}
	c.Access, c.Mask, c.Kind = stead.ColumnMasked, nil, "null"
	if b != nil {
		reason.Rule = b.Rule
	}
	switch {
	case b == nil:
		reason.Fact = "no rule says what applies: " + why
	case exempt:
		c.Access, c.Kind, reason.Effect = stead.ColumnClear, "", stead.MaskExempt
	default:
		if reason.Fact == "" {
			reason.Fact = b.Fact
		}
		q.masked(c, b, &reason)
	}
	if c.Access == stead.ColumnMasked && c.Mask == nil {
		c.Mask = expr.NullOf(c.Type)
	}
	q.d.Reasons = append(q.d.Reasons, reason)
}

// masked puts the folded mask. A condition that never holds for the subject leaves the column itself.
func (q *question) masked(c *stead.ColumnDecision, b *policy.Branch, reason *stead.Reason) {
	n, ok := q.fold(b)
	if ok && b.Asks {
		n, ok = fitted(n, c.Type)
	}
	if !ok {
		reason.Fact = "the mask could not be worked out for the subject"
		return
	}
	if col, is := n.(expr.Column); is && col.Name == c.Name {
		c.Access, c.Kind = stead.ColumnClear, ""
		reason.Effect, reason.Fact = stead.MaskExempt, "the condition of the mask does not hold for the subject"
		return
	}
	if b.Digits > 0 && q.shared != "" {
		n = rekey(n, policy.ProjectKey(q.shared))
	}
	c.Mask, c.Kind = n, b.Kind
}

// fitted gives a folded mask the column's type again, which folding may have narrowed.
func fitted(n expr.Node, t expr.Type) (expr.Node, bool) {
	n, err := policy.Fit(n, t)
	return n, err == nil
}

// rekey puts the project's hash key in place of the source's.
func rekey(n expr.Node, key expr.Key) expr.Node {
	if s, is := n.(expr.Subject); is && s.Arg != nil {
		s.Arg = rekey(s.Arg, key)
		return s
	}
	call, ok := n.(expr.Call)
	if !ok {
		return n
	}
	args := append([]expr.Node(nil), call.Args...)
	for i := range args {
		if _, is := args[i].(expr.Key); is {
			args[i] = key
		} else {
			args[i] = rekey(args[i], key)
		}
	}
	call.Args = args
	return call
}
