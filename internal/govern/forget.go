package govern

import (
	"context"
	"slices"
	"strings"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
)

// forget takes a deleted principal out of everything that names it and returns what is worth a warning. Names are
// references: without this, whoever gets the name next would get its rights.
func (t *tx) forget(ctx context.Context, gone stead.Principal) ([]string, error) {
	f := &forgetting{tx: t, gone: gone}
	for _, step := range []func(context.Context) error{f.groups, f.identities, f.projects, f.dataSources, f.subscriptions, f.settings} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return f.warnings, nil
}

type forgetting struct {
	*tx
	gone     stead.Principal
	warnings []string
}

// without returns the list without the principal, and whether it was in it.
func (f *forgetting) without(list []stead.Principal) ([]stead.Principal, bool) {
	out := slices.DeleteFunc(slices.Clone(list), func(p stead.Principal) bool { return p == f.gone })
	return out, len(out) < len(list)
}

func (f *forgetting) write(ctx context.Context, row store.Row, doc any) error {
	text, err := store.Encode(doc)
	if err != nil {
		return err
	}
	row.Doc = text
	_, err = f.Put(ctx, row)
	return err
}

func (f *forgetting) groups(ctx context.Context) error {
	return every(ctx, f, store.Groups, func(row store.Row, g *stead.Group) error {
		members, named := f.without(g.Members)
		if !named {
			return nil
		}
		g.Members = members
		return f.write(ctx, row, g)
	})
}

func (f *forgetting) identities(ctx context.Context) error {
	return every(ctx, f, store.Identities, func(row store.Row, i *stead.Identity) error {
		changed := false
		if i.Owner != nil && *i.Owner == f.gone {
			i.Owner, changed = nil, true
		}
		if i.Impersonates != nil {
			users, a := f.without(i.Impersonates.Users)
			groups, b := f.without(i.Impersonates.Groups)
			i.Impersonates.Users, i.Impersonates.Groups = users, groups
			changed = changed || a || b
		}
		if !changed {
			return nil
		}
		return f.write(ctx, row, i)
	})
}

func (f *forgetting) projects(ctx context.Context) error {
	return every(ctx, f, store.Projects, func(row store.Row, p *stead.Project) error {
		members, a := f.without(p.Members)
		owners, b := f.without(p.Owners)
		if !a && !b {
			return nil
		}
		if b && len(owners) == 0 {
			f.warnings = append(f.warnings, "project "+p.Key+" has no owner now")
		}
		p.Members, p.Owners = members, owners
		return f.write(ctx, row, p)
	})
}

func (f *forgetting) dataSources(ctx context.Context) error {
	return every(ctx, f, store.DataSources, func(row store.Row, d *stead.DataSource) error {
		owners, named := f.without(d.Owners)
		if !named {
			return nil
		}
		if len(owners) == 0 {
			f.warnings = append(f.warnings, "data source "+d.Object().String()+" has no owner now")
		}
		d.Owners = owners
		return f.write(ctx, row, d)
	})
}

func (f *forgetting) subscriptions(ctx context.Context) error {
	return every(ctx, f, store.Subscriptions, func(row store.Row, s *stead.Subscription) error {
		if s.Principal != f.gone {
			return nil
		}
		return f.Delete(ctx, store.Subscriptions, row.ID)
	})
}

// settings takes a user out of the list of allowed impersonators.
func (f *forgetting) settings(ctx context.Context) error {
	old, row, err := find[stead.Setting](ctx, f, store.Settings, stead.GatewayImpersonators)
	if err != nil || old == nil || f.gone.Kind != stead.UserPrincipal {
		return err
	}
	name := session.FormatName(f.gone.IAM, f.gone.Name)
	names := strings.Split(old.Value, ",")
	kept := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
	if len(kept) == len(names) {
		return nil
	}
	if len(kept) == 0 {
		return f.Delete(ctx, store.Settings, row.ID)
	}
	old.Value = strings.Join(kept, ",")
	return f.write(ctx, row, old)
}
