package policy

import "stead/policy/expr"

// regexMask replaces what a portable pattern matches by a literal text.
type regexMask struct{}

func (regexMask) name() string { return "regex" }

func (r regexMask) check(m *MaskingConfig, path string) Problems {
	out := m.only(path, []string{"regex"}, []string{"replacement"})
	if m.Pattern == "" {
		return out
	}
	if _, err := r.build(m, expr.Column{Name: "text", Typ: expr.TextType}, expr.Key{}); err != nil {
		out = append(out, problem(join(path, "regex"), "is not a portable pattern: %s", err).
			WithHint("alternation, look-around, back-references, classes like \\d and groups of variable count are not portable"))
	}
	return out
}

func (regexMask) build(m *MaskingConfig, col expr.Column, _ expr.Key) (expr.Node, error) {
	if err := isText(col.Typ); err != nil {
		return nil, err
	}
	return expr.NewCall(expr.RegexRepl, col, expr.TextLit(m.Pattern), expr.TextLit(m.Replacement))
}
