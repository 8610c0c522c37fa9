package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/internal/govern"
	"stead/internal/push/postgres/server"
)

// Crawl lists the tables, views, materialized views and foreign tables that could be registered. Partitions belong to their table.
func (p *Platform) Crawl(ctx context.Context) ([]govern.Discovered, error) {
	var out []govern.Discovered
	err := p.look(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.oid, CASE WHEN m.moved THEN substr(m.comment, length('`+moves+`') + 1) ELSE n.nspname::text END, c.relname::text, a.attname::text, `+baseType+`, NOT a.attnotnull
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type y ON y.oid = a.atttypid
			CROSS JOIN LATERAL (SELECT obj_description(n.oid, 'pg_namespace') AS comment, starts_with(coalesce(obj_description(n.oid, 'pg_namespace'), ''), '`+moves+`')
				AND pg_get_userbyid(n.nspowner) = '`+ownerRole+`' AS moved) m
			WHERE c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition AND c.relpersistence <> 't'
				AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'immuta_system', 'immuta_policies', 'immuta_procedures')
				AND coalesce(obj_description(c.oid, 'pg_class'), '') NOT LIKE 'stead:%'
				AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
			ORDER BY 2, 3, a.attnum`)
		var oids []uint32
		err = server.Each(rows, err, func(r pgx.Rows) error {
			var oid uint32
			var schema, table, native string
			var c stead.Column
			if err := r.Scan(&oid, &schema, &table, &c.Name, &native, &c.Nullable); err != nil {
				return err
			}
			c.Type = dialect.ParseType(native)
			if n := len(out); n == 0 || out[n-1].Path[0] != schema || out[n-1].Path[1] != table {
				out, oids = append(out, govern.Discovered{Path: []string{schema, table}}), append(oids, oid)
			}
			last := &out[len(out)-1]
			last.Columns = append(last.Columns, c)
			return nil
		})
		if err != nil {
			return err
		}
		reads, err := readRelations(ctx, tx, oids)
		for i := range out {
			out[i].Reads = reads[oids[i]]
		}
		return err
	})
	return out, err
}
