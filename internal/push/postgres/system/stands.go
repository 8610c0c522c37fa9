package system

import (
	"regexp"
	"strings"
)

// Stands is the SQL of a digest of our own objects as they stand: what is written in functions, who owns what, who has rights on
// it, and for a superuser whether the event triggers are on. It is in meta.stands as it was when they were made.
const Stands = `pg_catalog.md5(pg_catalog.concat_ws('#',
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('|', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid), p.prosecdef, p.proconfig::text,
     pg_catalog.md5(p.prosrc), pg_catalog.pg_get_userbyid(p.proowner), coalesce(p.proacl::text, '-'), p.provolatile, p.proparallel, p.prolang, p.proisstrict), ','
     ORDER BY n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))
   FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('immuta_system', 'immuta_policies', 'immuta_procedures')),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('|', n.nspname, c.relname, c.relkind, pg_catalog.pg_get_userbyid(c.relowner), coalesce(c.relacl::text, '-'), c.relrowsecurity, c.relhasrules,
     (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('=', a.attname, a.attacl::text), ' ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL),
     (SELECT pg_catalog.string_agg(t.tgname, ' ' ORDER BY t.tgname) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid)), ',' ORDER BY n.nspname, c.relname)
   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname IN ('immuta_system', 'immuta_policies', 'immuta_procedures') AND c.relkind NOT IN ('i', 'c')),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('|', n.nspname, pg_catalog.pg_get_userbyid(n.nspowner), n.nspacl::text), ',' ORDER BY n.nspname)
   FROM pg_catalog.pg_namespace n WHERE n.nspname IN ('immuta_system', 'immuta_policies', 'immuta_procedures')),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('|', e.evtname, e.evtenabled, e.evtevent, e.evttags::text, e.evtfoid::pg_catalog.regproc), ',' ORDER BY e.evtname)
   FROM pg_catalog.pg_event_trigger e WHERE e.evtname LIKE 'stead\_%' AND (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user))))`

var made = regexp.MustCompile(`CREATE OR REPLACE (?:FUNCTION|PROCEDURE) (immuta_\w+\.\w+\([^)]*\))`)

// spelled has types as the server names them.
var spelled = strings.NewReplacer(" int)", " integer)", " int,", " integer,", "timestamptz", "timestamp with time zone")

// mend gives our own functions back to immuta_owner, so that they can be made anew, and takes what rights others have on what is ours.
// A function that we did not make stays its owner's: as one of ours it could do what ours may.
func mend(script []string) string {
	var names []string
	for _, m := range made.FindAllStringSubmatch(strings.Join(script, "\n"), -1) {
		names = append(names, "'"+spelled.Replace(m[1])+"'")
	}
	return strings.Replace(mendSQL, "{{names}}", strings.Join(names, ", "), 1)
}

const mendSQL = `DO $do$
DECLARE v_sql text;
BEGIN
  FOR v_sql IN
    SELECT pg_catalog.format('ALTER ROUTINE %s OWNER TO immuta_owner', p.oid::pg_catalog.regprocedure)
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE pg_catalog.format('%s.%s(%s)', n.nspname, p.proname, pg_catalog.regexp_replace(pg_catalog.pg_get_function_identity_arguments(p.oid), '\yIN ', '', 'g')) = ANY (ARRAY[{{names}}]) AND pg_catalog.pg_get_userbyid(p.proowner) <> 'immuta_owner'
      AND coalesce(pg_catalog.obj_description(p.oid, 'pg_proc'), '') LIKE 'stead:%'
    UNION ALL
    SELECT DISTINCT pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %I CASCADE', p.oid::pg_catalog.regprocedure, pg_catalog.pg_get_userbyid(a.grantee))
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace CROSS JOIN pg_catalog.aclexplode(p.proacl) a
    WHERE n.nspname IN ('immuta_system', 'immuta_policies', 'immuta_procedures') AND a.grantee NOT IN (0, p.proowner)
    UNION ALL
    SELECT DISTINCT pg_catalog.format('REVOKE ALL ON TABLE %I.%I FROM %s CASCADE', n.nspname, c.relname,
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (
      SELECT x.grantee FROM pg_catalog.aclexplode(c.relacl) x
      UNION SELECT x.grantee FROM pg_catalog.pg_attribute t CROSS JOIN pg_catalog.aclexplode(t.attacl) x WHERE t.attrelid = c.oid) a
    WHERE n.nspname IN ('immuta_system', 'immuta_policies', 'immuta_procedures') AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.grantee <> c.relowner
    UNION ALL
    SELECT DISTINCT pg_catalog.format('REVOKE ALL ON SCHEMA %I FROM %s CASCADE', n.nspname,
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
    FROM pg_catalog.pg_namespace n CROSS JOIN pg_catalog.aclexplode(n.nspacl) a
    WHERE n.nspname IN ('immuta_system', 'immuta_policies', 'immuta_procedures') AND a.grantee <> n.nspowner
  LOOP
    EXECUTE v_sql;
  END LOOP;
END $do$`

// note writes down how our objects stand, at the end of the script.
const note = "UPDATE immuta_system.meta SET stands = " + Stands
