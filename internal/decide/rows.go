package decide

import (
	"stead"
	"stead/policy"
	"stead/policy/expr"
)

// rows folds the row rules, all of which must hold.
func (q *question) rows() {
	var rest []expr.Node
	never := false
	for i := range q.r.Rows {
		chain := &q.r.Rows[i]
		n, effect, rule, fact := q.rowRule(chain)
		q.d.Reasons = append(q.d.Reasons, stead.Reason{Effect: effect, Policy: chain.Policy.Key, Rule: rule, Fact: fact})
		switch {
		case effect == stead.RowsExempt || policy.IsTrue(n):
		case policy.IsFalse(n):
			never = true
		default:
			rest = append(rest, n)
		}
	}
	q.d.Rows = residual(never, rest)
}

// rowRule gives the folded condition of a chain. On any doubt it is FALSE.
func (q *question) rowRule(c *policy.Chain) (n expr.Node, e stead.Effect, rule int, fact string) {
	b, exempt, why := c.Pick(&q.facts)
	switch {
	case b == nil:
		return expr.False, stead.RowsLeft, -1, "no rule says what applies: " + why
	case exempt:
		return nil, stead.RowsExempt, b.Rule, why
	}
	fact = b.Fact
	if why != "" {
		fact = why + ": " + fact
	}
	n, ok := q.fold(b)
	if !ok || n.Type().Kind != expr.Bool {
		return expr.False, stead.RowsLeft, b.Rule, "the rule could not be worked out for the subject"
	}
	return n, stead.RowsLeft, b.Rule, fact
}

// fold works out what a branch asks about the subject. It fails if a question is left over.
func (q *question) fold(b *policy.Branch) (expr.Node, bool) {
	if !b.Asks {
		return b.Node, b.Node != nil
	}
	n := expr.Fold(b.Node, &q.facts)
	return n, !expr.Asks(n)
}

func residual(never bool, rest []expr.Node) stead.Residual {
	switch {
	case never:
		return stead.Residual{Extent: stead.Never}
	case len(rest) == 0:
		return stead.Residual{Extent: stead.Always}
	case len(rest) == 1:
		return stead.Residual{Extent: stead.When, When: rest[0]}
	}
	n, err := expr.NewCall(expr.And, rest...)
	if err != nil {
		return stead.Residual{Extent: stead.Never}
	}
	return stead.Residual{Extent: stead.When, When: n}
}
