package policy

import "fmt"

// rule types of one chain are either masks or row rules.
func isRowRule(kind string) bool { return kind == RowByEntitlements || kind == RowByWhere }

// checkData reports what is wrong with the actions of a data policy.
func (p *Policy) checkData() Problems {
	var out Problems
	if p.Subscription != nil || len(p.Data) == 0 {
		out = append(out, problem("actions", "must be a list of at least one action"))
	}
	for i := range p.Data {
		out = append(out, p.Data[i].check(fmt.Sprintf("actions[%d]", i))...)
	}
	return out
}

// check sees to it that a chain says for everybody what applies: the rules before the last name whom they
// include, the last is for everyone else. A chain with an open end would leave it to
// the reader whether the others see everything or nothing.
func (a *Action) check(path string) Problems {
	var out Problems
	if len(a.Rules) == 0 {
		out = append(out, problem(join(path, "rules"), "must hold at least one rule"))
	}
	for i := range a.Rules {
		r, at := &a.Rules[i], fmt.Sprintf("%s.rules[%d]", path, i)
		out = append(out, r.check(at)...)
		last := i == len(a.Rules)-1
		switch {
		case !last && r.Inclusions == nil:
			out = append(out, problem(at, "is for everyone, so the rules after it can never apply").
				WithHint("put them into actions of their own, or give this rule inclusions"))
		case last && r.Inclusions != nil:
			out = append(out, problem(at, "leaves open what applies to those whom no rule includes").
				WithHint("add a last rule without inclusions (the \"otherwise\"), or write the condition into the predicate"))
		}
		if i > 0 && isRowRule(r.Type) != isRowRule(a.Rules[0].Type) {
			out = append(out, problem(join(at, "type"), "rules of one action are one chain: masks and row rules cannot be mixed").
				WithHint("put it into an action of its own"))
		}
		if i > 0 && !isRowRule(r.Type) && !sameFields(r.Config.Fields, a.Rules[0].Config.Fields) {
			out = append(out, problem(join(at, "config.fields"), "must be the same in every rule of a chain").
				WithHint("mask other columns in an action of its own"))
		}
	}
	return out
}

func sameFields(a, b []FieldSelector) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (r *Rule) check(path string) Problems {
	if ruleNotOffered(r.Type) {
		return Problems{notOffered(join(path, "type"), "rules of type %q are not offered yet", r.Type).
			WithHint("use %q, %q or %q", Masking, RowByEntitlements, RowByWhere)}
	}
	var out Problems
	if r.Exceptions != nil {
		out = append(out, r.Exceptions.check(join(path, "exceptions"))...)
	}
	if r.Inclusions != nil {
		out = append(out, r.Inclusions.check(join(path, "inclusions"))...)
	}
	at := join(path, "config")
	switch r.Type {
	case Masking:
		return append(out, r.Config.checkMasking(at)...)
	case RowByEntitlements:
		return append(out, r.Config.checkEntitlements(at)...)
	case RowByWhere:
		return append(out, r.Config.checkWhere(at)...)
	default:
		return append(out, problem(join(path, "type"), "rule type %q is not known", r.Type).
			WithHint("use %q, %q or %q", Masking, RowByEntitlements, RowByWhere))
	}
}

func ruleNotOffered(kind string) bool {
	return kind == MinimizationRule || kind == PurposeRestriction || kind == TimeRestrictionRule
}

// only reports members of the configuration that do not belong to the rule's type.
func (c *Config) only(path, kind string, needs, takes []string) Problems {
	return only(path, kind, []member{{"fields", len(c.Fields) > 0}, {"maskingConfig", c.MaskingConfig != nil},
		{"conditionalPredicate", c.ConditionalPredicate != ""}, {"operator", c.Operator != ""}, {"matches", len(c.Matches) > 0},
		{"predicate", c.Predicate != ""}, {"column", c.Column != nil}, {"values", c.Values != ""}, {"invert", c.Invert}}, needs, takes)
}

func checkOperator(path, op string) Problems {
	switch op {
	case "", AnyOf, AllOf:
		return nil
	default:
		return Problems{problem(join(path, "operator"), "must be %q or %q", AnyOf, AllOf)}
	}
}
