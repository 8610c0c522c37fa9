package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// before is how a relation was before it was first touched.
type before struct {
	rls, force bool
	acl        string
}

// lookReleased reads how the relations of sources were.
func (p *Platform) releasedRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) error {
	f.before = map[string]before{}
	if !f.booted {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT object, coalesce((detail ->> 'rls')::boolean, false), coalesce((detail ->> 'force')::boolean, false),
		coalesce(detail ->> 'acl', '') || coalesce(' columns ' || (detail ->> 'columns'), '') FROM immuta_system.released WHERE kind = 'relation'`)
	return server.Each(rows, err, func(r pgx.Rows) error {
		var object string
		var b before
		if err := r.Scan(&object, &b.rls, &b.force, &b.acl); err != nil {
			return err
		}
		f.before[object] = b
		return nil
	})
}

// releaseStep takes everything of ours from a table that is governed no more. Rights that others had before stay taken: who
// was governed must not see more because a registration went. The step's text says what they were.
func (d *draft) releaseStep(id stead.SourceID, r *record) push.Step {
	// the record goes first: the event trigger puts row security back on what has one
	sql := []string{"DELETE FROM immuta_system.governed WHERE source = " + decimal(id)}
	top := d.f.relations[r.relation]
	if top != nil && top.name != "" {
		for _, oid := range append([]uint32{top.oid}, top.children...) {
			sql = append(sql, d.letGo(d.f.relations[oid], id)...)
		}
		for _, oid := range append(slices.Clone(top.dependents), top.parents...) {
			if t := d.f.relations[oid]; !strings.HasPrefix(t.comment, marker) && !d.registered(t) {
				sql = append(sql, shutGrants(t, nil, false)...)
			}
		}
	}
	if v := d.f.masking(id, r.schema, r.name); v != nil && ours(v, id) {
		sql = append(sql, "DROP VIEW "+ident(v.schema, r.name))
	}
	sql = append(sql, d.giveBack(top, id)...)
	sql = append(sql, "DELETE FROM immuta_system.released WHERE source = "+decimal(id))
	return push.Step{Kind: push.Release, Object: r.schema + "." + r.name, Source: id, SQL: sql,
		Why: "it is governed no more: policies go, and it stays closed to all but its owner until somebody grants rights again"}
}

func (d *draft) registered(t *relation) bool {
	for _, s := range d.next.Sources {
		if len(s.Path) == 2 && s.Path[0] == t.home && s.Path[1] == t.name {
			return true
		}
	}
	return false
}

// letGo drops the source's policies from a table and puts row security back as it was.
func (d *draft) letGo(t *relation, id stead.SourceID) []string {
	table := ident(t.schema, t.name)
	was, known := d.f.before[ident(t.home, t.name)]
	var sql []string
	if known && was.acl != "" {
		sql = append(sql, "-- rights on "+comment(table)+" before: "+comment(was.acl)+"\nSELECT")
	}
	for _, l := range t.policies {
		if ourPolicy(l) && strings.HasPrefix(l.name, "stead_"+decimal(id)+"_") {
			sql = append(sql, "DROP POLICY "+ident(l.name)+" ON "+table)
		}
	}
	if secured(t) && known && !d.registered(t) {
		sql = append(sql, fmt.Sprintf("ALTER TABLE %s %s ROW LEVEL SECURITY, %s ROW LEVEL SECURITY", table, either(was.rls, "ENABLE", "DISABLE"), either(was.force, "FORCE", "NO FORCE")))
	}
	if !d.registered(t) {
		sql = append(sql, "REVOKE ALL ON TABLE "+table+" FROM "+quotes([]string{d.next.Settings.GovernedRole, ownerRole})+" CASCADE")
	}
	return sql
}

func either(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// comment keeps a text within one line of comment.
func comment(s string) string { return strings.Join(strings.Fields(s), " ") }
