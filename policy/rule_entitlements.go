package policy

import (
	"fmt"

	"stead/policy/expr"
)

func (c *Config) checkEntitlements(path string) Problems {
	out := c.only(path, RowByEntitlements, []string{"matches"}, []string{"operator"})
	out = append(out, checkOperator(path, c.Operator)...)
	for i, m := range c.Matches {
		at := fmt.Sprintf("%s.matches[%d]", path, i)
		needs := []string{}
		switch m.Type {
		case "attribute":
			needs = []string{"attribute"}
		case "group", "purpose":
		default:
			out = append(out, problem(join(at, "type"), "match type %q is not known", m.Type).
				WithHint("use attribute, group or purpose"))
			continue
		}
		out = append(out, only(at, m.Type, []member{{"attribute", m.Attribute != ""}}, needs, nil)...)
		out = append(out, exactlyOne(at, m.Type, member{"tag", m.Tag != ""}, member{"column", m.Column != ""})...)
	}
	return out
}

// bindEntitlements makes the condition that the row's values are among the subject's.
func (b *binder) bindEntitlements(c *Config) (expr.Node, error) {
	var nodes []expr.Node
	for _, m := range c.Matches {
		col, err := b.column(m.Tag, m.Column)
		if err != nil {
			return nil, err
		}
		if !col.Typ.HasText() {
			return nil, fmt.Errorf("column %q of type %s cannot be compared with values of the subject", col.Name, col.Typ)
		}
		s := expr.Subject{Fact: expr.AttributeContains, Key: m.Attribute, Arg: col}
		switch m.Type {
		case "group":
			s = expr.Subject{Fact: expr.GroupsContain, Arg: col}
		case "purpose":
			s = expr.Subject{Fact: expr.PurposesContain, Arg: col}
		}
		nodes = append(nodes, s)
	}
	if c.Operator == AnyOf {
		return combine(expr.Or, nodes)
	}
	return combine(expr.And, nodes)
}

// combine joins conditions; there is always at least one.
func combine(f expr.Func, nodes []expr.Node) (expr.Node, error) {
	switch len(nodes) {
	case 0:
		return nil, fmt.Errorf("there is no condition")
	case 1:
		return nodes[0], nil
	default:
		return expr.NewCall(f, nodes...)
	}
}
