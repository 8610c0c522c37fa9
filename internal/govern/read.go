package govern

import (
	"context"
	"io"
	"slices"

	"stead"
	"stead/internal/store"
)

// readers says who may read all documents of a noun; nouns that are not here are read by nobody.
func readers(n store.Noun) []stead.Permission {
	switch n {
	case store.Identities, store.Groups:
		return []stead.Permission{stead.UserAdmin, stead.Governance, stead.AuditPermission}
	case store.Connections:
		return []stead.Permission{stead.ApplicationAdmin, stead.Governance, stead.CreateDataSource}
	case store.DataSources, store.Subscriptions:
		return []stead.Permission{stead.Governance, stead.ApplicationAdmin}
	case store.Policies:
		return []stead.Permission{stead.Governance, stead.AuditPermission}
	case store.Projects, store.Purposes:
		return []stead.Permission{stead.Governance, stead.ProjectManagement}
	case store.Settings:
		return []stead.Permission{stead.ApplicationAdmin}
	default:
		return nil
	}
}

// mayRead reports whether the identity may read one document: by permission, or because it is about itself.
func mayRead(ctx context.Context, r store.Reader, who *stead.Identity, row store.Row) (bool, error) {
	if slices.ContainsFunc(readers(row.Noun), who.Holds) {
		return true, nil
	}
	switch row.Noun {
	case store.Identities:
		return row.ID == int64(who.ID), nil
	case store.DataSources:
		d, err := decode[stead.DataSource](row)
		if err != nil {
			return false, err
		}
		return among(ctx, r, d.Owners, who)
	case store.Projects:
		p, err := decode[stead.Project](row)
		if err != nil {
			return false, err
		}
		return among(ctx, r, slices.Concat(p.Members, p.Owners), who)
	case store.Purposes:
		return true, nil
	case store.Subscriptions:
		return mayReadSubscription(ctx, r, who, row)
	default:
		return false, nil
	}
}

func mayReadSubscription(ctx context.Context, r store.Reader, who *stead.Identity, row store.Row) (bool, error) {
	s, err := decode[stead.Subscription](row)
	if err != nil {
		return false, err
	}
	mine, err := among(ctx, r, []stead.Principal{s.Principal}, who)
	if err != nil || mine {
		return mine, err
	}
	d, _, err := find[stead.DataSource](ctx, r, store.DataSources, store.SourceKey(s.Source))
	if err != nil || d == nil {
		return false, err
	}
	return among(ctx, r, d.Owners, who)
}

// Get returns the document with the key (see store's Key functions). What the caller may not read is stead.NotFound, as what does
// not exist. Documents are read with store.Decode, policies with store.DecodePolicy.
func (s *Service) Get(ctx context.Context, c Caller, noun store.Noun, key string) (store.Row, error) {
	var out store.Row
	err := s.view(ctx, c, func(r store.Reader, who *stead.Identity) error {
		row, err := readable(ctx, r, who, noun, key)
		out = row
		return err
	})
	if err != nil {
		return store.Row{}, err
	}
	return out, nil
}

// List returns at most limit documents that the caller may read, with ids above after; limit <= 0 means 100, and none is above 1000.
func (s *Service) List(ctx context.Context, c Caller, noun store.Noun, after int64, limit int) ([]store.Row, error) {
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	var out []store.Row
	err := s.view(ctx, c, func(r store.Reader, who *stead.Identity) error {
		if readers(noun) == nil {
			return stead.Errorf(stead.NotFound, "there is no list of %s", noun.Words())
		}
		for len(out) < limit {
			rows, err := r.List(ctx, noun, after, limit)
			if err != nil || len(rows) == 0 {
				return err
			}
			for _, row := range rows {
				after = row.ID
				ok, err := mayRead(ctx, r, who, row)
				if err != nil {
					return err
				}
				if ok && len(out) < limit {
					out = append(out, row)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Backup writes a consistent copy of the store, which holds verifiers and key hashes. For APPLICATION_ADMIN; recorded before it begins.
func (s *Service) Backup(ctx context.Context, c Caller, w io.Writer) error {
	_, err := s.update(ctx, c, func(t *tx) error {
		if err := t.need("back up the store", stead.ApplicationAdmin); err != nil {
			return err
		}
		r := t.record("backup", "store", "")
		r.Kind = stead.System
		return t.Record(ctx, r)
	})
	if err != nil {
		return err
	}
	return s.store.Backup(ctx, w)
}
