#!/bin/sh
# Dumps the rows that are the same for everybody from a PostgreSQL server: one "# relation columns" line, then COPY text rows.
#   PGHOST=... sh static.sh > ../static.txt
set -eu
dump() { # relation, select list, rest
    printf '# %s %s\n' "$1" "$(echo "$2" | sed 's/::[a-z0-9]*\(\[\]\)\{0,1\}//g; s/ //g')"
    psql -XAtq -c "COPY (SELECT $2 FROM $1 $3) TO STDOUT"
}
types="typrelid = 0 AND typelem NOT IN (SELECT oid FROM pg_type WHERE typrelid <> 0) AND oid < 16384"
dump pg_catalog.pg_type "oid, typname, typnamespace, typlen, typbyval, typtype, typcategory, typispreferred, typisdefined, typdelim, typsubscript::oid, typelem, typarray, typinput::oid, typoutput::oid, typreceive::oid, typsend::oid, typmodin::oid, typmodout::oid, typanalyze::oid, typalign, typstorage, typnotnull, typbasetype, typtypmod, typndims, typcollation" "WHERE $types ORDER BY oid"
dump pg_catalog.pg_range "rngtypid, rngsubtype, rngmultitypid, rngcollation, rngsubopc, rngcanonical::oid, rngsubdiff::oid" "ORDER BY 1"
dump pg_catalog.pg_proc "oid, proname, pronamespace, proowner, prolang, prokind, provolatile, proparallel, proisstrict, proretset, pronargs, prorettype, proargtypes::text" "WHERE oid IN (SELECT unnest(ARRAY[typsubscript, typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze]::oid[]) FROM pg_type WHERE $types) OR oid IN (SELECT castfunc FROM pg_cast) ORDER BY oid"
dump pg_catalog.pg_cast "oid, castsource, casttarget, castfunc, castcontext, castmethod" "WHERE oid < 16384 ORDER BY oid"
dump pg_catalog.pg_am "oid, amname, amhandler::oid, amtype" "ORDER BY oid"
dump pg_catalog.pg_language "oid, lanname, lanowner, lanispl, lanpltrusted, lanplcallfoid, laninline, lanvalidator" "WHERE NOT lanispl ORDER BY oid"
dump pg_catalog.pg_collation "oid, collname, collnamespace, collowner, collprovider, collisdeterministic, collencoding, collcollate, collctype" "WHERE collname IN ('default', 'C', 'POSIX', 'ucs_basic') ORDER BY oid"
dump pg_catalog.pg_tablespace "oid, spcname, spcowner" "ORDER BY oid"
dump information_schema.sql_implementation_info "implementation_info_id, implementation_info_name, integer_value, character_value, comments" "WHERE implementation_info_name <> 'DBMS VERSION' ORDER BY 1"
dump information_schema.character_sets "character_set_name, character_repertoire, form_of_use" ""
printf '# base.type_name oid,name\n'
psql -XAtq -c "COPY (SELECT oid, format_type(oid, NULL) FROM pg_type WHERE $types ORDER BY oid) TO STDOUT"
printf '# base.keyword word,catcode\n'
psql -XAtq -c "COPY (SELECT word, catcode FROM pg_get_keywords() WHERE catcode <> 'U' ORDER BY word) TO STDOUT"
printf '# pg_catalog.pg_settings name,setting,context,vartype,source\n'
psql -XAtq -c "COPY (SELECT name, CASE name WHEN 'server_version' THEN split_part(setting, ' ', 1) WHEN 'application_name' THEN '' WHEN 'TimeZone' THEN 'UTC' ELSE setting END, context, vartype, 'default' FROM pg_settings WHERE name IN ('application_name', 'block_size', 'bytea_output', 'client_encoding', 'client_min_messages', 'DateStyle', 'default_transaction_isolation', 'default_transaction_read_only', 'extra_float_digits', 'in_hot_standby', 'integer_datetimes', 'IntervalStyle', 'lc_collate', 'lc_ctype', 'lock_timeout', 'max_identifier_length', 'max_index_keys', 'server_encoding', 'server_version', 'server_version_num', 'standard_conforming_strings', 'statement_timeout', 'search_path', 'TimeZone', 'transaction_isolation', 'transaction_read_only') ORDER BY name) TO STDOUT"
