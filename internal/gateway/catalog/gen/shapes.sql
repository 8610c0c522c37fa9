-- Dumps the shape of every pg_catalog and information_schema relation of a PostgreSQL server, one line each:
-- schema.name, oid, kind, then "column type" for each column, separated by tabs.
--   psql -XAtq -f shapes.sql > ../shapes.txt
SELECT n.nspname || '.' || c.relname || chr(9) || c.oid || chr(9) || c.relkind::text || chr(9) ||
       string_agg(a.attname || ' ' || CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, NULL) ELSE format_type(a.atttypid, NULL) END, chr(9) ORDER BY a.attnum)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')
GROUP BY n.nspname, c.relname, c.oid, c.relkind
ORDER BY n.nspname COLLATE "C" DESC, c.relname COLLATE "C";
