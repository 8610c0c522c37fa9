package policy

import (
	"fmt"
	"strings"

	"stead"
	"stead/policy/expr"
)

// AnyOf and AllOf are the operators. The empty operator means what each list documents.
const (
	AllOf = "all"
	AnyOf = "any"
)

// Test is Entitlements made ready: it answers for a known subject without
// allocating, and gives an expression for engines that look the subject up.
// The zero Test holds for nobody.
type Test struct {
	any   bool
	terms []term
	all   string // what is said when every term holds
	none  string // what is said when no term of an "any" holds
}

type term struct {
	fact       expr.Fact
	key, value string
	yes, no    string
}

// check reports what is wrong with a condition on the subject.
func (e *Entitlements) check(path string) Problems {
	var out Problems
	switch e.Operator {
	case "", AllOf, AnyOf:
	default:
		out = append(out, problem(join(path, "operator"), "must be %q or %q", AllOf, AnyOf))
	}
	if len(e.Groups)+len(e.Attributes)+len(e.Purposes) == 0 {
		out = append(out, problem(path, "names nobody: an empty condition never means everyone").
			WithHint("name a group, an attribute or a purpose, or leave the member out"))
	}
	for i, g := range e.Groups {
		out = append(out, notEmpty(g, fmt.Sprintf("%s.groups[%d]", path, i))...)
	}
	for i, a := range e.Attributes {
		out = append(out, notEmpty(a.Name, fmt.Sprintf("%s.attributes[%d].name", path, i))...)
	}
	for i, p := range e.Purposes {
		out = append(out, notEmpty(p, fmt.Sprintf("%s.purposes[%d]", path, i))...)
	}
	return out
}

func notEmpty(s, path string) Problems {
	if s == "" {
		return Problems{problem(path, "must not be empty")}
	}
	return nil
}

// Test makes the condition ready. Nil and empty entitlements give the zero Test.
func (e *Entitlements) Test() Test {
	if e == nil {
		return Test{}
	}
	t := Test{any: e.Operator == AnyOf}
	for _, g := range e.Groups {
		t.terms = append(t.terms, term{fact: expr.InGroup, value: g,
			yes: fmt.Sprintf("is in group %q", g), no: fmt.Sprintf("is not in group %q", g)})
	}
	for _, a := range e.Attributes {
		t.terms = append(t.terms, term{fact: expr.HasAttribute, key: a.Name, value: a.Value,
			yes: fmt.Sprintf("has value %q of attribute %q", a.Value, a.Name),
			no:  fmt.Sprintf("has no value %q of attribute %q", a.Value, a.Name)})
	}
	for _, p := range e.Purposes {
		t.terms = append(t.terms, term{fact: expr.UsingPurpose, value: p,
			yes: fmt.Sprintf("acts under purpose %q", p), no: fmt.Sprintf("does not act under purpose %q", p)})
	}
	var yes, no []string
	for _, x := range t.terms {
		yes, no = append(yes, x.yes), append(no, x.no)
	}
	t.all, t.none = strings.Join(yes, " and "), strings.Join(no, " and ")
	return t
}

// Holds answers for a known subject, with the fact that decided.
func (t *Test) Holds(f *expr.Facts) (bool, string) {
	if len(t.terms) == 0 || f == nil {
		return false, "the condition names nobody"
	}
	for i := range t.terms {
		x := &t.terms[i]
		switch held := x.holds(f); {
		case t.any && held:
			return true, x.yes
		case !t.any && !held:
			return false, x.no
		}
	}
	if t.any {
		return false, t.none
	}
	return true, t.all
}

func (x *term) holds(f *expr.Facts) bool {
	switch x.fact {
	case expr.InGroup:
		return contains(f.Groups, x.value)
	case expr.HasAttribute:
		return contains(f.Attributes[x.key], x.value)
	case expr.UsingPurpose:
		for _, p := range f.Purposes {
			if stead.Tag(p).Under(stead.Tag(x.value)) {
				return true
			}
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// Node is the condition as an expression over an unknown subject.
func (t *Test) Node() expr.Node {
	var nodes []expr.Node
	for _, x := range t.terms {
		nodes = append(nodes, expr.Subject{Fact: x.fact, Key: x.key, Text: x.value})
	}
	switch len(nodes) {
	case 0:
		return expr.False
	case 1:
		return nodes[0]
	}
	f := expr.And
	if t.any {
		f = expr.Or
	}
	call, err := expr.NewCall(f, nodes...)
	if err != nil {
		return expr.False // nobody: facts are Boolean, so this cannot happen
	}
	return call
}
