package bundle

import (
	"slices"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// references reports every name in the bundle that is neither in the bundle nor in the store, for callers who may see the nouns
// anyway. Others get the first refusal of the changes themselves, which tells hidden from missing for nobody.
func (b *Bundle) references(l *look, c govern.Caller) error {
	row, err := l.r.Get(l.ctx, store.Identities, int64(c.Actor.Identity))
	if err != nil {
		return err
	}
	who, err := store.Decode[stead.Identity](row)
	if err != nil {
		return err
	}
	in := map[string]bool{}
	for _, i := range b.items {
		in[string(i.noun)+"\x1f"+i.key] = true
	}
	var out Problems
	for _, i := range b.items {
		for _, ref := range i.refs {
			if in[string(ref.noun)+"\x1f"+ref.key] || !slices.ContainsFunc(seers(ref.noun), who.Holds) {
				continue
			}
			_, err := l.r.Find(l.ctx, ref.noun, ref.key)
			if err != nil && stead.CodeOf(err) != stead.NotFound {
				return err
			}
			if err != nil {
				p := problem(i.doc.place(ref.path), "%s %q does not exist", ref.noun.Words(), shorten(ref.name))
				out = append(out, p.WithHint("describe it in the bundle, or correct the name"))
			}
		}
	}
	return out.Err()
}

// seers may read every document of the noun.
func seers(noun store.Noun) []stead.Permission {
	switch noun {
	case store.Identities, store.Groups:
		return []stead.Permission{stead.UserAdmin, stead.Governance}
	case store.DataSources:
		return []stead.Permission{stead.Governance, stead.ApplicationAdmin}
	case store.Connections:
		return []stead.Permission{stead.ApplicationAdmin, stead.Governance, stead.CreateDataSource}
	case store.Projects, store.Purposes:
		return []stead.Permission{stead.Governance, stead.ProjectManagement}
	default:
		return nil
	}
}
