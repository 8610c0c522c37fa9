-- Functions over what one asker sees; {s} is the set's schema. Two semicolons end each statement.
CREATE MACRO {s}.current_database() AS {database};;
CREATE MACRO {s}.current_user() AS {user};;
CREATE MACRO {s}.session_user() AS {login};;
CREATE MACRO {s}.current_schema() AS {schema};;
CREATE MACRO {s}.current_schemas(i) AS CASE WHEN i THEN {all_schemas} ELSE {schemas} END;;
CREATE MACRO {s}.x_acl() AS {acl};;
CREATE MACRO {s}.pg_get_userbyid(u) AS CASE WHEN u IS NULL THEN NULL ELSE coalesce((SELECT min(r.name) FROM {s}.x_role r WHERE r.oid = u), 'unknown (OID=' || u || ')') END;;
CREATE MACRO {s}.obj_description(o) AS (SELECT min(r.comment) FROM {s}.x_rel r WHERE r.oid = o), (o, c) AS CASE WHEN c = 'pg_class' THEN (SELECT min(r.comment) FROM {s}.x_rel r WHERE r.oid = o) END;;
CREATE MACRO {s}.col_description(o, n) AS CAST(NULL AS VARCHAR);;
CREATE MACRO {s}.pg_table_is_visible(o) AS (SELECT bool_or(r.visible) FROM {s}.x_rel r WHERE r.oid = o);;
CREATE MACRO {s}.regclass_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT arg_max(r.oid, r.visible) FROM {s}.x_rel r WHERE lower(replace(CAST(v AS VARCHAR), '"', '')) IN (lower(r.schema || '.' || r.name), CASE WHEN r.visible THEN lower(r.name) END)));;
CREATE MACRO {s}.regclass_name(v) AS CASE WHEN try_cast(v AS BIGINT) = 0 THEN '-' ELSE coalesce((SELECT min(CASE WHEN r.visible THEN '' ELSE pgc.quote_ident(r.schema) || '.' END || pgc.quote_ident(r.name)) FROM {s}.x_rel r WHERE r.oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR)) END;;
CREATE MACRO {s}.regnamespace_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT min(n.oid) FROM {s}.x_ns n WHERE n.name = replace(CAST(v AS VARCHAR), '"', '')));;
CREATE MACRO {s}.regnamespace_name(v) AS coalesce((SELECT min(n.name) FROM {s}.x_ns n WHERE n.oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR));;
CREATE MACRO {s}.regrole_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT min(r.oid) FROM {s}.x_role r WHERE r.name = replace(CAST(v AS VARCHAR), '"', '')));;
CREATE MACRO {s}.regrole_name(v) AS coalesce((SELECT min(r.name) FROM {s}.x_role r WHERE r.oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR));;
