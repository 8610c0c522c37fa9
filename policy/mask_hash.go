package policy

import "stead/policy/expr"

// hashMask shows lower-case hexadecimal digits of the keyed SHA-256 of a text. Other types show
// NULL: a hash of a small domain would only pretend to hide it, and the type could not hold it.
type hashMask struct{}

const hashDigits = 64

func (hashMask) name() string { return "hash" }

func (hashMask) check(m *MaskingConfig, path string) Problems {
	out := m.only(path, nil, []string{"length"})
	if m.Length < 0 || m.Length > hashDigits {
		out = append(out, problem(join(path, "length"), "must be 1 to %d", hashDigits))
	}
	return out
}

// digits is the length that is shown; masked joins need it to agree.
func (m *MaskingConfig) digits() int {
	if m.Length == 0 {
		return hashDigits
	}
	return m.Length
}

func (hashMask) build(m *MaskingConfig, col expr.Column, key expr.Key) (expr.Node, error) {
	if err := isText(col.Typ); err != nil {
		return nil, err
	}
	return expr.NewCall(expr.Hash, key, col, expr.IntLit(int64(m.digits())))
}
