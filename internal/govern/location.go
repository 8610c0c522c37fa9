package govern

import (
	"context"
	"path"
	"strings"

	"stead"
	"stead/internal/store"
)

// checkUnowned refuses data that is registered already as somebody else's table: under another name, with no tags and with
// oneself as the owner, it would be seen without its policies. Whoever administers stead or its policies may.
func (t *tx) checkUnowned(ctx context.Context, d *stead.DataSource) error {
	if t.who.Holds(stead.ApplicationAdmin) || t.who.Holds(stead.Governance) {
		return nil
	}
	return every(ctx, t, store.DataSources, func(_ store.Row, other *stead.DataSource) error {
		if other.Connection != d.Connection || samePlace(other, d) || !overlap(location(other), location(d)) {
			return nil
		}
		owns, err := t.among(ctx, other.Owners, t.who)
		if err != nil || owns {
			return err
		}
		return stead.Errorf(stead.Denied, "you may not register %s: its data belongs to a table that is registered already", d.Object()).
			WithHint("ask its owners, or somebody with APPLICATION_ADMIN")
	})
}

func samePlace(a, b *stead.DataSource) bool {
	return store.SourceKey(a.Object()) == store.SourceKey(b.Object())
}

func location(d *stead.DataSource) string {
	if d.Location != "" {
		return d.Location
	}
	return strings.Join(d.Path, ".")
}

// overlap reports whether two locations may name the same data. What cannot be told apart counts as the same: letter
// case, and whatever begins as a pattern does.
func overlap(a, b string) bool {
	a, b = strings.ToLower(path.Clean(a)), strings.ToLower(path.Clean(b))
	fixedA, patternA := fixed(a)
	fixedB, patternB := fixed(b)
	switch {
	case patternA && patternB:
		return strings.HasPrefix(fixedA, fixedB) || strings.HasPrefix(fixedB, fixedA)
	case patternA:
		return strings.HasPrefix(b, fixedA) || strings.HasPrefix(fixedA, b+"/")
	case patternB:
		return strings.HasPrefix(a, fixedB) || strings.HasPrefix(fixedB, a+"/")
	default:
		return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
	}
}

// fixed is what stands before the first character of a pattern.
func fixed(location string) (prefix string, pattern bool) {
	i := strings.IndexAny(location, "*?[")
	if i < 0 {
		return location, false
	}
	return location[:i], true
}
