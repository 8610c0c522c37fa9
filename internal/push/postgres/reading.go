package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// readings are what relations read by their rules, through other views too, and what inherits from that or is inherited by
// it: rows of a partition are rows of its table. A masking view of ours shows what the person may see, so what it reads does not
// count; it counts below a materialized view, which shows what whoever refreshed it may see. Which columns are read is not
// asked: the catalogue does not say it of whole rows. What functions read is not known here.
const readings = `WITH RECURSIVE reads(root, oid, copied) AS (
	SELECT c.oid, d.refobjid, c.relkind = 'm' FROM pg_class c JOIN pg_rewrite w ON w.ev_class = c.oid
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
		WHERE c.oid = ANY ($1::oid[])
	UNION SELECT r.root, d.refobjid, r.copied OR c.relkind = 'm' FROM reads r JOIN pg_class c ON c.oid = r.oid JOIN pg_rewrite w ON w.ev_class = c.oid
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
		WHERE r.copied OR (pg_get_userbyid(c.relowner) = '` + ownerRole + `' AND c.relkind = 'v'
			AND coalesce(obj_description(c.oid, 'pg_class'), '') LIKE '` + marker + `source=%') IS NOT TRUE),
down(root, oid) AS (SELECT root, oid FROM reads UNION SELECT d.root, i.inhrelid FROM down d JOIN pg_inherits i ON i.inhparent = d.oid),
up(root, oid) AS (SELECT root, oid FROM reads UNION SELECT u.root, i.inhparent FROM up u JOIN pg_inherits i ON i.inhrelid = u.oid)
SELECT x.root, n.nspname::text, c.relname::text FROM (SELECT root, oid FROM down UNION SELECT root, oid FROM up) x
JOIN pg_class c ON c.oid = x.oid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE x.oid <> x.root AND c.relkind IN ('r','p','v','m','f')
	AND (pg_get_userbyid(c.relowner) = '` + ownerRole + `' AND c.relkind = 'v' AND coalesce(obj_description(c.oid, 'pg_class'), '') LIKE '` + marker + `source=%') IS NOT TRUE AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'immuta_system') ORDER BY 1, 2, 3`

// readRelations is what each of the relations reads, by schema and name.
func readRelations(ctx context.Context, tx pgx.Tx, oids []uint32) (map[uint32][][]string, error) {
	out := map[uint32][][]string{}
	rows, err := tx.Query(ctx, readings, oids)
	return out, server.Each(rows, err, func(r pgx.Rows) error {
		var root uint32
		var schema, table string
		if err := r.Scan(&root, &schema, &table); err != nil {
			return err
		}
		out[root] = append(out[root], []string{schema, table})
		return nil
	})
}

func (p *Platform) readingRows(ctx context.Context, tx pgx.Tx, f *found, _ wanted) (err error) {
	f.reads, err = readRelations(ctx, tx, f.oids())
	return err
}

// sourcesAt are the data sources by the names of their tables.
func sourcesAt(next *push.State) map[string]stead.SourceID {
	out := make(map[string]stead.SourceID, len(next.Sources))
	for id, s := range next.Sources {
		if len(s.Path) == 2 {
			out[name(s.Path[0], s.Path[1])] = id
		}
	}
	return out
}

// sources are sourcesAt of the state that is planned for, made once.
func (f *found) sources(next *push.State) map[string]stead.SourceID {
	if f.at == nil {
		f.at = sourcesAt(next)
	}
	return f.at
}

func kept(t *relation, settings *push.Settings) bool {
	return slices.Contains(settings.KeepDependents, t.home+"."+t.name)
}

// bypasses names a data source that relation t, registered as id, would show beside that one's policies: one that a view reads, or one registered
// before of which a table has rows. "" when there is none, or when the administrator means it.
func (f *found) bypasses(t *relation, id stead.SourceID, at map[string]stead.SourceID, settings *push.Settings) string {
	if kept(t, settings) {
		return ""
	}
	for _, path := range f.reads[t.oid] {
		if other, ok := at[name(path[0], path[1])]; ok && other != id {
			return dotted(path)
		}
	}
	for _, oid := range slices.Concat(t.parents, t.children) {
		kin := f.relations[oid]
		if other, ok := at[name(kin.home, kin.name)]; ok && other < id {
			return kin.home + "." + kin.name
		}
	}
	return ""
}

func bypassing(s *push.Source, over string) *push.Problem {
	table := strings.Join(s.Path, ".")
	return blocking(s, "it shows what "+over+" holds, a data source of its own whose rows and masks would not be kept here",
		"remove the data source; when it is meant, an administrator lists "+table+" in the setting keep_dependents")
}

// bypass closes sources that did not change and that a change around them makes show what another one hides.
func (d *draft) bypass(changed map[stead.SourceID]bool) {
	at := d.f.sources(d.next)
	var over []push.Problem
	for _, t := range d.f.byName {
		id, ok := at[name(t.home, t.name)]
		if !ok || changed[id] || d.closed[id] || d.next.Sources[id].Held {
			continue
		}
		if other := d.f.bypasses(t, id, at, &d.next.Settings); other != "" {
			over = append(over, *bypassing(d.next.Sources[id], other))
			d.closed[id] = true
		}
	}
	slices.SortFunc(over, func(a, b push.Problem) int { return int(a.Source - b.Source) })
	d.plan.Problems = append(d.plan.Problems, over...)
}
