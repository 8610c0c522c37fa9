-- Functions of pg_catalog over what is the same for everybody (schema pgc). Two semicolons end each statement.
-- An argument is put in as it was written: inside a subquery no column may have a name that a statement could mean.
CREATE SCHEMA memory.pgc;;
CREATE MACRO pgc.version() AS 'PostgreSQL {version} (stead)';;
CREATE MACRO pgc.regex_search(s, p) AS regexp_matches(CAST(s AS VARCHAR), CAST(p AS VARCHAR));;
CREATE MACRO pgc.regex_search_ci(s, p) AS regexp_matches(CAST(s AS VARCHAR), CAST(p AS VARCHAR), 'i');;
CREATE MACRO pgc.regex_not_search_ci(s, p) AS NOT regexp_matches(CAST(s AS VARCHAR), CAST(p AS VARCHAR), 'i');;
CREATE MACRO pgc.x_with_mod(t, n, m) AS CASE
  WHEN t IN (1042, 1043) AND m >= 4 THEN n || '(' || (m - 4) || ')'
  WHEN t IN (1014, 1015) AND m >= 4 THEN replace(n, '[]', '') || '(' || (m - 4) || ')[]'
  WHEN t = 1700 AND m >= 4 THEN n || '(' || ((m - 4) >> 16) || ',' || ((m - 4) & 2047) || ')'
  WHEN t = 1231 AND m >= 4 THEN 'numeric(' || ((m - 4) >> 16) || ',' || ((m - 4) & 2047) || ')[]'
  ELSE n END;;
CREATE MACRO pgc.format_type(t, m) AS CASE WHEN t IS NULL THEN NULL ELSE coalesce(pgc.x_with_mod(t, (SELECT min(x_name) FROM (SELECT oid AS x_oid, name AS x_name FROM base.type_name) WHERE x_oid = t), CAST(m AS BIGINT)), '???') END;;
CREATE MACRO pgc.pg_get_expr(e, r) AS CAST(e AS VARCHAR), (e, r, p) AS CAST(e AS VARCHAR);;
CREATE MACRO pgc.pg_get_indexdef(i) AS CAST(NULL AS VARCHAR), (i, c, p) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_constraintdef(c) AS CAST(NULL AS VARCHAR), (c, p) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_viewdef(v) AS CAST(NULL AS VARCHAR), (v, p) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_ruledef(r) AS CAST(NULL AS VARCHAR), (r, p) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_triggerdef(t) AS CAST(NULL AS VARCHAR), (t, p) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_functiondef(f) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_function_result(f) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_function_arguments(f) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_function_identity_arguments(f) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_function_sqlbody(f) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_partkeydef(f) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_partition_constraintdef(f) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_serial_sequence(t, c) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_statisticsobjdef(s) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_statisticsobjdef_columns(s) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_get_replica_identity_index(t) AS CAST(NULL AS BIGINT);;
CREATE MACRO pgc.pg_relation_is_publishable(t) AS false;;
CREATE MACRO pgc.pg_describe_object(c, o, s) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.shobj_description(o, c) AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.x_visible(o) AS CASE WHEN o IS NULL THEN NULL ELSE true END;;
CREATE MACRO pgc.pg_is_other_temp_schema(o) AS false;;
CREATE MACRO pgc.pg_my_temp_schema() AS CAST(0 AS BIGINT);;
CREATE MACRO pgc.pg_is_in_recovery() AS false;;
CREATE MACRO pgc.pg_backend_pid() AS 1;;
CREATE MACRO pgc.pg_postmaster_start_time() AS CAST('2000-01-01 00:00:00+00' AS TIMESTAMP WITH TIME ZONE);;
CREATE MACRO pgc.inet_client_addr() AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.inet_server_addr() AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.inet_server_port() AS CAST(NULL AS INTEGER);;
CREATE MACRO pgc.txid_current() AS CAST(1 AS BIGINT);;
CREATE MACRO pgc.pg_advisory_unlock_all() AS CAST(NULL AS VARCHAR);;
CREATE MACRO pgc.pg_encoding_to_char(e) AS CASE e WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' ELSE '' END;;
CREATE MACRO pgc.pg_char_to_encoding(e) AS CASE upper(e) WHEN 'UTF8' THEN 6 WHEN 'UTF-8' THEN 6 WHEN 'SQL_ASCII' THEN 0 ELSE -1 END;;
CREATE MACRO pgc.getdatabaseencoding() AS 'UTF8';;
CREATE MACRO pgc.pg_client_encoding() AS 'UTF8';;
CREATE MACRO pgc.x_size(o) AS CASE WHEN o IS NULL THEN NULL ELSE CAST(0 AS BIGINT) END, (o, k) AS CASE WHEN o IS NULL THEN NULL ELSE CAST(0 AS BIGINT) END;;
CREATE MACRO pgc.pg_size_pretty(n) AS CAST(n AS VARCHAR) || ' bytes';;
CREATE MACRO pgc.pg_tablespace_location(o) AS '';;
CREATE MACRO pgc.x_read_only(p) AS upper(CAST(p AS VARCHAR)) IN ('SELECT', 'USAGE', 'CONNECT');;
CREATE MACRO pgc.x_privilege(o, p) AS CASE WHEN o IS NULL THEN NULL ELSE pgc.x_read_only(p) END, (u, o, p) AS CASE WHEN o IS NULL THEN NULL ELSE pgc.x_read_only(p) END;;
CREATE MACRO pgc.x_column_privilege(o, c, p) AS CASE WHEN o IS NULL THEN NULL ELSE pgc.x_read_only(p) END, (u, o, c, p) AS CASE WHEN o IS NULL THEN NULL ELSE pgc.x_read_only(p) END;;
CREATE MACRO pgc.pg_has_role(r, p) AS false, (u, r, p) AS false;;
CREATE MACRO pgc.array_upper(a, d) AS CASE WHEN d = 1 AND len(a) > 0 THEN len(a) END;;
CREATE MACRO pgc.array_lower(a, d) AS CASE WHEN d = 1 AND len(a) > 0 THEN 1 END;;
CREATE MACRO pgc.array_length(a, d) AS CASE WHEN d = 1 AND len(a) > 0 THEN len(a) END;;
CREATE MACRO pgc.array_to_string(a, s) AS array_to_string(CAST(a AS VARCHAR[]), s), (a, s, n) AS array_to_string(list_transform(CAST(a AS VARCHAR[]), lambda x_e: coalesce(x_e, n)), s);;
CREATE MACRO pgc.x_text_array(t) AS CASE WHEN t IS NULL THEN NULL WHEN t IN ('{}', '') THEN CAST([] AS VARCHAR[]) ELSE string_split(replace(trim(t, '{}'), '"', ''), ',') END;;
CREATE MACRO pgc._pg_expandarray(a) AS unnest(list_transform(a, lambda x_e, x_i: {'x': x_e, 'n': x_i}));;
CREATE MACRO pgc.quote_ident(s) AS CASE WHEN regexp_full_match(s, '[a-z_][a-z0-9_$]*') AND s NOT IN (SELECT word FROM base.keyword WHERE catcode IN ('R', 'T', 'C')) THEN s ELSE '"' || replace(s, '"', '""') || '"' END;;
CREATE MACRO pgc.quote_literal(s) AS '''' || replace(CAST(s AS VARCHAR), '''', '''''') || '''';;
CREATE MACRO pgc.current_setting(n) AS (SELECT min(x_setting) FROM (SELECT name AS x_name, setting AS x_setting FROM base.pg_settings) WHERE lower(x_name) = lower(n)), (n, m) AS (SELECT min(x_setting) FROM (SELECT name AS x_name, setting AS x_setting FROM base.pg_settings) WHERE lower(x_name) = lower(n));;
CREATE MACRO pgc.array_remove(a, v) AS list_filter(a, lambda x_e: x_e IS DISTINCT FROM v);;
CREATE MACRO pgc.x_like(s, p) AS like_escape(CAST(s AS VARCHAR), CAST(p AS VARCHAR), '\');;
CREATE MACRO pgc.x_not_like(s, p) AS not_like_escape(CAST(s AS VARCHAR), CAST(p AS VARCHAR), '\');;
CREATE MACRO pgc.x_ilike(s, p) AS ilike_escape(CAST(s AS VARCHAR), CAST(p AS VARCHAR), '\');;
CREATE MACRO pgc.x_not_ilike(s, p) AS not_ilike_escape(CAST(s AS VARCHAR), CAST(p AS VARCHAR), '\');;
CREATE MACRO pgc.x_json_text(s) AS '"' || replace(replace(s, '\', '\\'), '"', '\"') || '"';;
CREATE MACRO pgc.x_json_pair(k, v) AS pgc.x_json_text(CAST(k AS VARCHAR)) || ' : ' || CASE WHEN v IS NULL THEN 'null' WHEN typeof(v) IN ('BOOLEAN', 'SMALLINT', 'INTEGER', 'BIGINT', 'DOUBLE') THEN CAST(v AS VARCHAR) ELSE pgc.x_json_text(CAST(v AS VARCHAR)) END;;
CREATE MACRO pgc.pg_get_keywords() AS TABLE SELECT word, catcode FROM base.keyword;;
CREATE MACRO pgc.regproc_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT min(x_oid) FROM (SELECT oid AS x_oid, proname AS x_name FROM base.pg_proc) WHERE x_name = regexp_replace(CAST(v AS VARCHAR), '^.*[.]', '')));;
CREATE MACRO pgc.regproc_name(v) AS CASE WHEN try_cast(v AS BIGINT) = 0 THEN '-' ELSE coalesce((SELECT min(x_name) FROM (SELECT oid AS x_oid, proname AS x_name FROM base.pg_proc) WHERE x_oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR)) END;;
CREATE MACRO pgc.regtype_oid(v) AS coalesce(try_cast(v AS BIGINT), (SELECT min(x_oid) FROM (SELECT oid AS x_oid, name AS x_name FROM base.type_name) WHERE x_name = lower(regexp_replace(CAST(v AS VARCHAR), '^pg_catalog[.]', ''))), (SELECT min(x_oid) FROM (SELECT oid AS x_oid, typname AS x_name FROM base.pg_type) WHERE x_name = lower(replace(regexp_replace(CAST(v AS VARCHAR), '^pg_catalog[.]', ''), '"', ''))));;
CREATE MACRO pgc.regtype_name(v) AS CASE WHEN try_cast(v AS BIGINT) = 0 THEN '-' ELSE coalesce((SELECT min(x_name) FROM (SELECT oid AS x_oid, name AS x_name FROM base.type_name) WHERE x_oid = try_cast(v AS BIGINT)), CAST(v AS VARCHAR)) END;;
CREATE MACRO pgc.regoperator_oid(v) AS try_cast(v AS BIGINT);;
CREATE MACRO pgc.regoperator_name(v) AS CAST(v AS VARCHAR);;
