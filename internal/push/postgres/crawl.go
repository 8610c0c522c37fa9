package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/internal/govern"
)

// Crawl lists the tables, views, materialized views and foreign tables that could be registered. Partitions belong to their table.
func (p *Platform) Crawl(ctx context.Context) ([]govern.Discovered, error) {
	var out []govern.Discovered
	err := p.look(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			WHERE c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition AND c.relpersistence <> 't'
				AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'immuta_system', 'immuta_policies', 'immuta_procedures')
				AND coalesce(obj_description(c.oid, 'pg_class'), '') NOT LIKE 'stead:%'
				AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
			ORDER BY 1, 2, a.attnum`)
		return each(rows, err, func(r pgx.Rows) error {
			var schema, table, native string
			var c stead.Column
			if err := r.Scan(&schema, &table, &c.Name, &native, &c.Nullable); err != nil {
				return err
			}
			c.Type = dialect.ParseType(native)
			if n := len(out); n == 0 || out[n-1].Path[0] != schema || out[n-1].Path[1] != table {
				out = append(out, govern.Discovered{Path: []string{schema, table}})
			}
			last := &out[len(out)-1]
			last.Columns = append(last.Columns, c)
			return nil
		})
	})
	return out, err
}
