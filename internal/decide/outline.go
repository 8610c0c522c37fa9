package decide

import (
	"slices"

	"stead"
	"stead/policy"
	"stead/policy/expr"
)

// Outline is the decision about a data source with the subject left open, for platforms that look the subject up when
// they are asked. Who reaches the source at all is not in it: see Audience and Reach. It is immutable,
// and the same pointer as long as neither the source nor a policy on it changes.
type Outline struct {
	Source *stead.DataSource
	// Refused, when not empty, says why nothing may be shown to anybody.
	Refused string
	// Rows are the row rules, all of which must hold.
	Rows []OutlineChain
	// Masks has an entry for each column of Source; nil is shown as it is.
	Masks []*OutlineChain
}

// OutlineChain is what a policy's action says for whom. Where it stands among the policies is what stays when the action is edited.
type OutlineChain struct {
	Policy   int64
	Action   int
	Branches []OutlineBranch
}

// OutlineBranch is one rule of a chain: the first whose For holds applies.
type OutlineBranch struct {
	For    expr.Node // nil: everybody
	Except expr.Node // nil: nobody is exempt
	// Node is the row condition or the masked value. A key "shared/7" is that of the project the subject acts in when it
	// shares one, else that of source 7.
	Node expr.Node
}

// Outline gives the outline of a data source; false when the object is none.
func (w *World) Outline(o stead.Object) (*Outline, bool) {
	s, ok := w.source(o)
	if !ok {
		return nil, false
	}
	r := w.resolved(s)
	if r.outline.Load() == nil {
		r.outline.CompareAndSwap(nil, sketch(s.DataSource, r.Resolution))
	}
	return r.outline.Load(), true
}

// sketch makes the outline from the very chains that decisions are made from.
func sketch(s *stead.DataSource, r *policy.Resolution) *Outline {
	out := &Outline{Source: s, Refused: r.Refused, Masks: make([]*OutlineChain, len(r.Masks))}
	switch {
	case s.State != stead.Active:
		out.Refused = orElse(s.Reason, "the data source is "+stateName(s.State))
	case out.Refused == "" && timed(r.Access):
		out.Refused = "a subscription policy asks for the time, which cannot be worked out beforehand"
	}
	for i := range r.Rows {
		out.Rows = append(out.Rows, outlineChain(&r.Rows[i], expr.False, ""))
	}
	for i, m := range r.Masks {
		if m != nil {
			c := outlineChain(m, expr.NullOf(s.Columns[i].Type), policy.SharedKey(s))
			out.Masks[i] = &c
		}
	}
	return out
}

// timed reports whether who reaches the source changes by itself.
func timed(access []*policy.Access) bool {
	return slices.ContainsFunc(access, func(a *policy.Access) bool {
		return expr.Any(a.Condition(), func(n expr.Node) bool {
			s, is := n.(expr.Subject)
			return is && (s.Fact == expr.Now || s.Fact == expr.Today)
		})
	})
}

// outlineChain copies a chain; doubt stands in place of what cannot be asked.
func outlineChain(c *policy.Chain, doubt expr.Literal, shared string) OutlineChain {
	out := OutlineChain{Policy: c.Policy.ID, Action: c.Action}
	for i := range c.Branches {
		b := &c.Branches[i]
		x := OutlineBranch{Node: b.Node}
		if b.For != nil {
			x.For = b.For.Node()
		}
		if b.Except != nil {
			x.Except = b.Except.Node()
		}
		if b.Node == nil || !askable(b.Node) || b.Node.Type().Kind != doubt.Typ.Kind {
			x.Node = doubt
		}
		if b.Digits > 0 && shared != "" {
			x.Node = rekey(x.Node, expr.Key{ID: shared})
		}
		out.Branches = append(out.Branches, x)
	}
	return out
}

// askable reports whether folding would leave no question about a known subject.
func askable(n expr.Node) bool {
	ok := true
	expr.Walk(n, func(n expr.Node) bool {
		if s, is := n.(expr.Subject); is {
			switch s.Fact {
			case expr.HasAttribute, expr.InGroup, expr.UsingPurpose, expr.UserName, expr.UserIAM, expr.Now, expr.Today:
			case expr.AttributeContains, expr.GroupsContain, expr.PurposesContain:
				ok = ok && s.Arg != nil
			default:
				ok = false
			}
		}
		return ok
	})
	return ok
}

// Condition is the row condition; rows count only where it is TRUE.
func (o *Outline) Condition() expr.Node {
	if o.Refused != "" {
		return expr.False
	}
	nodes := make([]expr.Node, len(o.Rows))
	for i := range o.Rows {
		nodes[i] = o.Rows[i].Row()
	}
	return expr.Fold(join(expr.And, nodes...), nil)
}

// Shown is what is shown in place of a column, of the column's type.
func (o *Outline) Shown(i int) expr.Node {
	c := &o.Source.Columns[i]
	switch {
	case o.Refused != "":
		return expr.NullOf(c.Type)
	case o.Masks[i] == nil:
		return expr.Column{Name: c.Name, Typ: c.Type}
	}
	return o.Masks[i].Mask(expr.Column{Name: c.Name, Typ: c.Type})
}

// Row is the chain as a condition. For and Except are never NULL, so that AND and OR say what a choice would, and
// engines find their indexes through them.
func (c *OutlineChain) Row() expr.Node {
	var rest expr.Node = expr.False
	for i := len(c.Branches) - 1; i >= 0; i-- {
		b := &c.Branches[i]
		n := b.Node
		if b.Except != nil {
			n = join(expr.Or, b.Except, n)
		}
		switch {
		case b.For == nil:
			rest = n
		case policy.IsFalse(rest):
			rest = join(expr.And, b.For, n)
		default:
			rest = join(expr.Or, join(expr.And, b.For, n), join(expr.And, join(expr.Not, b.For), rest))
		}
	}
	return rest
}

// Mask is the chain as the value of the column.
func (c *OutlineChain) Mask(col expr.Column) expr.Node {
	null := expr.NullOf(col.Typ)
	var rest expr.Node = null
	for i := len(c.Branches) - 1; i >= 0; i-- {
		b := &c.Branches[i]
		n := b.Node
		if b.Except != nil {
			n = choose(b.Except, col, n, null)
		}
		if b.For != nil {
			n = choose(b.For, n, rest, null)
		}
		rest = n
	}
	n, ok := fitted(expr.Fold(rest, nil), col.Typ)
	if !ok {
		return null
	}
	return n
}

// choose is a choice; alternatives that cannot be told apart by type give nothing.
func choose(when, then, otherwise expr.Node, null expr.Literal) expr.Node {
	n, err := expr.NewCall(expr.If, when, then, otherwise)
	if err != nil {
		return null
	}
	return n
}

// join combines conditions. What is none makes the whole FALSE.
func join(f expr.Func, nodes ...expr.Node) expr.Node {
	switch {
	case len(nodes) == 0:
		return expr.True
	case len(nodes) == 1 && f != expr.Not:
		return nodes[0]
	}
	n, err := expr.NewCall(f, nodes...)
	if err != nil {
		return expr.False
	}
	return n
}
