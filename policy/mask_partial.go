package policy

import (
	"unicode/utf8"

	"stead/policy/expr"
)

// partialMask keeps the first or last n characters of a text and replaces every other one. A
// value of n or fewer characters is masked whole.
type partialMask struct{}

// maxKept bounds n: whoever keeps more keeps everything.
const maxKept = 1000

func (partialMask) name() string { return "partial" }

func (partialMask) check(m *MaskingConfig, path string) Problems {
	out := m.only(path, nil, []string{"keepFirst", "keepLast", "character"})
	out = append(out, exactlyOne(path, m.Type, member{"keepFirst", m.KeepFirst != nil}, member{"keepLast", m.KeepLast != nil})...)
	for _, k := range []struct {
		name string
		n    *int
	}{{"keepFirst", m.KeepFirst}, {"keepLast", m.KeepLast}} {
		if k.n != nil && (*k.n < 0 || *k.n > maxKept) {
			out = append(out, problem(join(path, k.name), "must be 0 to %d", maxKept))
		}
	}
	if m.Character != "" && utf8.RuneCountInString(m.Character) != 1 {
		out = append(out, problem(join(path, "character"), "must be one character"))
	}
	return out
}

func (partialMask) build(m *MaskingConfig, col expr.Column, _ expr.Key) (expr.Node, error) {
	if err := isText(col.Typ); err != nil {
		return nil, err
	}
	pad := m.Character
	if pad == "" {
		pad = "*"
	}
	f, n := expr.KeepFirst, m.KeepFirst
	if n == nil {
		f, n = expr.KeepLast, m.KeepLast
	}
	return expr.NewCall(f, col, expr.IntLit(int64(*n)), expr.TextLit(pad))
}
