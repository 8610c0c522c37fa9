-- Functions over what one asker sees; {s} is the set's schema. Two semicolons end each statement.
-- As in macros.sql, no column inside a subquery has a name that a statement could mean.
CREATE MACRO {s}.current_database() AS {database};;
CREATE MACRO {s}.current_user() AS {user};;
CREATE MACRO {s}.session_user() AS {login};;
CREATE MACRO {s}.current_schema() AS {schema};;
CREATE MACRO {s}.current_schemas(i) AS CASE WHEN i THEN {all_schemas} ELSE {schemas} END;;
CREATE MACRO {s}.x_acl() AS {acl};;
CREATE MACRO {s}.pg_get_userbyid(u) AS CASE WHEN u IS NULL THEN NULL ELSE coalesce((SELECT min(x_name) FROM (SELECT oid AS x_oid, name AS x_name FROM {s}.x_role) WHERE x_oid = u), 'unknown (OID=' || u || ')') END;;
CREATE MACRO {s}.obj_description(o) AS (SELECT min(x_comment) FROM (SELECT oid AS x_oid, comment AS x_comment FROM {s}.x_rel) WHERE x_oid = o), (o, c) AS CASE WHEN c = 'pg_class' THEN (SELECT min(x_comment) FROM (SELECT oid AS x_oid, comment AS x_comment FROM {s}.x_rel) WHERE x_oid = o) END;;
CREATE MACRO {s}.col_description(o, n) AS CAST(NULL AS VARCHAR);;
CREATE MACRO {s}.pg_table_is_visible(o) AS (SELECT bool_or(x_visible) FROM (SELECT oid AS x_oid, visible AS x_visible FROM {s}.x_rel) WHERE x_oid = o);;
CREATE MACRO {s}.regclass_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT arg_max(x_oid, x_visible) FROM (SELECT oid AS x_oid, visible AS x_visible, lower(schema || '.' || name) AS x_full, CASE WHEN visible THEN lower(name) END AS x_name FROM {s}.x_rel) WHERE lower(replace(CAST(v AS VARCHAR), '"', '')) IN (x_full, x_name)));;
CREATE MACRO {s}.regclass_name(v) AS CASE WHEN try_cast(v AS BIGINT) = 0 THEN '-' ELSE coalesce((SELECT min(x_name) FROM (SELECT oid AS x_oid, CASE WHEN visible THEN '' ELSE pgc.quote_ident(schema) || '.' END || pgc.quote_ident(name) AS x_name FROM {s}.x_rel) WHERE x_oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR)) END;;
CREATE MACRO {s}.regnamespace_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT min(x_oid) FROM (SELECT oid AS x_oid, name AS x_name FROM {s}.x_ns) WHERE x_name = replace(CAST(v AS VARCHAR), '"', '')));;
CREATE MACRO {s}.regnamespace_name(v) AS coalesce((SELECT min(x_name) FROM (SELECT oid AS x_oid, name AS x_name FROM {s}.x_ns) WHERE x_oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR));;
CREATE MACRO {s}.regrole_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT min(x_oid) FROM (SELECT oid AS x_oid, name AS x_name FROM {s}.x_role) WHERE x_name = replace(CAST(v AS VARCHAR), '"', '')));;
CREATE MACRO {s}.regrole_name(v) AS coalesce((SELECT min(x_name) FROM (SELECT oid AS x_oid, name AS x_name FROM {s}.x_role) WHERE x_oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR));;
