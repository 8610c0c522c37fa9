package govern

import (
	"context"
	"fmt"
	"strings"

	"stead"
	"stead/internal/store"
)

// added returns what is in after and not in before.
func added[T comparable](before, after []T) []T {
	held := make(map[T]bool, len(before))
	for _, b := range before {
		held[b] = true
	}
	var out []T
	for _, a := range after {
		if !held[a] {
			out = append(out, a)
		}
	}
	return out
}

// attributes says how a change of attributes widens: a pair gained may satisfy a condition, and a pair lost
// may as well where a policy gives more to those who lack something.
func (t *tx) attributes(ctx context.Context, before, after stead.Attributes) ([]string, error) {
	var out []string
	gained := pairs(before, after)
	for _, p := range gained {
		out = append(out, "gains attribute "+p)
	}
	lost := pairs(after, before)
	if len(lost) == 0 {
		return out, nil
	}
	negates, err := t.lacksMatter(ctx)
	if negates {
		for _, p := range lost {
			out = append(out, "loses attribute "+p+", and some policies give more to those without")
		}
	}
	return out, err
}

// pairs lists what after holds beyond before.
func pairs(before, after stead.Attributes) []string {
	var out []string
	for k, vs := range after {
		for _, v := range vs {
			if !before.Has(k, v) {
				out = append(out, fmt.Sprintf("%s = %q", k, shorten(v)))
			}
		}
	}
	return sorted(out)
}

// membership says how a change of members widens, like attributes.
func (t *tx) membership(ctx context.Context, group string, before, after []stead.Principal) ([]string, error) {
	var out []string
	for _, p := range added(before, after) {
		out = append(out, fmt.Sprintf("%s joins %s", spell(p), group))
	}
	lost := added(after, before)
	if len(lost) == 0 {
		return out, nil
	}
	negates, err := t.lacksMatter(ctx)
	if negates {
		for _, p := range lost {
			out = append(out, fmt.Sprintf("%s leaves %s, and some policies give more to those outside", spell(p), group))
		}
	}
	return out, err
}

// lacksMatter reports whether any policy may give more to somebody who loses a fact: it masks or filters only those whom it
// includes, or negates, or asks about the subject in a text of its own. Reading the text for the words is coarse on purpose.
func (t *tx) lacksMatter(ctx context.Context) (bool, error) {
	if t.negates != nil {
		return *t.negates, nil
	}
	found := false
	err := everyRow(ctx, t, store.Policies, func(row store.Row) error {
		doc := strings.ToUpper(string(row.Doc))
		if strings.Contains(doc, `"INCLUSIONS"`) || strings.Contains(doc, "NOT") || strings.Contains(doc, "@") {
			found = true
			return errEnough
		}
		return nil
	})
	t.negates = &found
	return found, err
}
