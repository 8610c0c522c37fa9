package policy

import "stead/policy/expr"

// nullMask shows NULL, whatever the column's type.
type nullMask struct{}

func (nullMask) name() string { return "null" }

func (nullMask) check(m *MaskingConfig, path string) Problems { return m.only(path, nil, nil) }

func (nullMask) build(_ *MaskingConfig, col expr.Column, _ expr.Key) (expr.Node, error) {
	return expr.NullOf(col.Typ), nil
}
