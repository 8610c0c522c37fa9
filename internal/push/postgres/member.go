package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"stead/internal/push"
)

// tableOwners are the roles that own what is governed, and the one that owns what is stead's.
func (d *draft) tableOwners() []string {
	owners := map[string]bool{ownerRole: true}
	at := d.f.sources(d.next)
	for _, t := range d.f.byName {
		if _, ok := at[name(t.home, t.name)]; ok {
			owners[t.owner] = true
		}
	}
	return slices.Sorted(maps.Keys(owners))
}

// memberRows reads who besides us is a member of the role that owns stead's objects, and so reads keys and everything masked.
func (p *Platform) memberRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) (err error) {
	f.members, err = strings1(tx.Query(ctx, `SELECT u.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
		WHERE g.rolname = $1 AND u.rolname <> current_user AND NOT u.rolsuper ORDER BY 1`, ownerRole))
	return err
}

// members are told and left alone: another installation's service in another database of the server may be one.
func (d *draft) members() []push.Drift {
	var out []push.Drift
	for _, m := range d.f.members {
		out = append(out, push.Drift{Kind: push.Foreign, Object: m, Open: true, What: "the role " + m + " is a member of " + ownerRole + ": it reads hash keys and what masks hide, unless it is the one that another database is governed by"})
	}
	return out
}
