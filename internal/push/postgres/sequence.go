package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// sequence numbers a column of a relation. What it has come to tells how many rows there are, so that only who may write may use it.
type sequence struct {
	name   string
	used   bool // by a default that people's own rights are asked for; not of identity columns
	grants []grant
}

func (p *Platform) sequenceRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) error {
	rows, err := tx.Query(ctx, `SELECT d.refobjid, c.relname::text, d.deptype = 'a', coalesce(r.rolname::text, 'public'), coalesce(a.privilege_type, '')
		FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
		LEFT JOIN LATERAL (SELECT x.grantee, x.privilege_type FROM aclexplode(c.relacl) x WHERE x.grantee <> c.relowner) a ON true LEFT JOIN pg_roles r ON r.oid = a.grantee
		WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjid = ANY ($1::oid[]) ORDER BY 1, 2, 4, 5`, f.oids())
	return server.Each(rows, err, func(r pgx.Rows) error {
		var oid uint32
		var s sequence
		var g grant
		if err := r.Scan(&oid, &s.name, &s.used, &g.to, &g.privilege); err != nil {
			return err
		}
		t := f.relations[oid]
		if n := len(t.sequences); n == 0 || t.sequences[n-1].name != s.name {
			t.sequences = append(t.sequences, s)
		}
		if g.privilege != "" {
			last := &t.sequences[len(t.sequences)-1]
			last.grants = append(last.grants, g)
		}
		return nil
	})
}

// numbered are the sequences of the table as relations beside it, with the grants that are to stand on each.
func (o *object) numbered() (list []*relation, allowed [][]grant) {
	for _, s := range o.relation.sequences {
		var may []grant
		if s.used && o.writable && o.layout == inPlace {
			may = []grant{{o.names.governed, "USAGE", ""}}
		}
		list = append(list, &relation{schema: o.relation.schema, name: s.name, home: o.relation.home, grants: s.grants})
		allowed = append(allowed, may)
	}
	return list, allowed
}

func (o *object) sequenceDrift() []push.Drift {
	var out []push.Drift
	list, allowed := o.numbered()
	for i, s := range list {
		out = append(out, o.grantDrift(s, allowed[i])...)
	}
	return out
}

func (o *object) sequenceSQL(f *found) []string {
	var out []string
	list, allowed := o.numbered()
	for i, s := range list {
		if len(o.grantDrift(s, allowed[i])) == 0 {
			continue
		}
		if _, ok := f.before[ident(s.home, s.name)]; !ok {
			out = append(out, remember(s, o.source.ID))
		}
		on := " ON SEQUENCE " + ident(s.schema, s.name)
		from := []string{"public"}
		for _, g := range s.grants {
			if !slices.Contains(from, g.to) && !slices.Contains(o.exempt, g.to) {
				from = append(from, g.to)
			}
		}
		out = append(out, "REVOKE ALL"+on+" FROM "+quotes(from)+" CASCADE")
		if len(allowed[i]) > 0 {
			out = append(out, "GRANT USAGE"+on+" TO "+role(o.names.governed))
		}
	}
	return out
}
