package policy

import (
	"fmt"
	"strings"

	"stead"
	"stead/policy/expr"
)

// binder binds one policy to one source. It is the scope of the policy's texts.
type binder struct {
	source *stead.DataSource
	out    *Bound
	action int
}

// Column implements expr.Scope.
func (b *binder) Column(name string) (expr.Column, bool) {
	for i := range b.source.Columns {
		if c := &b.source.Columns[i]; c.Name == name {
			return expr.Column{Name: c.Name, Typ: c.Type}, true
		}
	}
	return expr.Column{}, false
}

// Tagged implements expr.Scope.
func (b *binder) Tagged(tag string) []expr.Column {
	var out []expr.Column
	for i := range b.source.Columns {
		if c := &b.source.Columns[i]; tagged(c.Tags, stead.Tag(tag)) {
			out = append(out, expr.Column{Name: c.Name, Typ: c.Type})
		}
	}
	return out
}

// Folded implements expr.FoldedScope.
func (b *binder) Folded(name string) []expr.Column {
	var out []expr.Column
	for i := range b.source.Columns {
		if c := &b.source.Columns[i]; len(c.Name) == len(name) && lowerASCII(c.Name) == lowerASCII(name) {
			out = append(out, expr.Column{Name: c.Name, Typ: c.Type})
		}
	}
	return out
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// HashKeys implements expr.KeyScope: a condition may hash with the source's own key only.
func (b *binder) HashKeys() []string { return []string{keyOf(b.source).ID} }

// column is the one column that a rule names, by tag or by name.
func (b *binder) column(tag stead.Tag, name string) (expr.Column, error) {
	if tag == "" {
		c, ok := b.Column(name)
		if !ok {
			return c, fmt.Errorf("there is no column %q", name)
		}
		return c, nil
	}
	found := b.Tagged(string(tag))
	switch len(found) {
	case 0:
		return expr.Column{}, fmt.Errorf("no column is tagged %q", tag)
	case 1:
		return found[0], nil
	default:
		return expr.Column{}, fmt.Errorf("several columns are tagged %q", tag)
	}
}
