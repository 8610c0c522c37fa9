package catalog

import (
	"slices"
	"strings"
)

// IsCatalogueName reports whether a relation's name belongs to the catalogue: anything of
// the schemas pg_catalog and information_schema, and any single name that begins with
// "pg_". Whether it exists is said by Rewrite.
func IsCatalogueName(path []string) bool {
	switch len(path) {
	case 1:
		return strings.HasPrefix(strings.ToLower(path[0]), "pg_")
	case 2, 3:
		schema := strings.ToLower(path[len(path)-2])
		return schema == "pg_catalog" || schema == "information_schema"
	default:
		return false
	}
}

// IsCatalogueFunction reports whether the catalogue answers the function and DuckDB alone
// would not, or not in PostgreSQL's way: a statement without tables that calls one belongs
// to the catalogue.
func IsCatalogueFunction(name string) bool {
	_, ok := functions[strings.ToLower(name)]
	return ok || strings.EqualFold(name, "set_config")
}

// target says what a function becomes: a macro over what is the same for everybody (pgc),
// one over what the asker sees (own), or DuckDB's own function of another name.
type target struct {
	schema string
	name   string
}

const (
	fixed = "pgc"
	own   = "{own}" // the set's schema
)

// functions that are not DuckDB's own.
var functions = functionTargets()

func functionTargets() map[string]target {
	m := map[string]target{
		"current_catalog": {own, "current_database"}, "user": {own, "current_user"}, "current_role": {own, "current_user"},
		"regexp_full_match": {fixed, "regex_search"}, "~*": {fixed, "regex_search_ci"}, "!~*": {fixed, "regex_not_search_ci"},
		// A backslash escapes in PostgreSQL's patterns unless ESCAPE says otherwise.
		"~~": {fixed, "x_like"}, "!~~": {fixed, "x_not_like"}, "~~*": {fixed, "x_ilike"}, "!~~*": {fixed, "x_not_ilike"},
		"to_regclass": {own, "regclass_oid"}, "to_regtype": {fixed, "regtype_oid"}, "to_regproc": {fixed, "regproc_oid"},
		"to_regnamespace": {own, "regnamespace_oid"}, "to_regrole": {own, "regrole_oid"},
		"has_column_privilege": {fixed, "x_column_privilege"}, "btrim": {"", "trim"}, "char_length": {"", "length"},
		"character_length": {"", "length"}, "cardinality": {"", "len"}, "every": {"", "bool_and"},
	}
	for _, n := range strings.Fields("current_database current_user session_user current_schema current_schemas pg_get_userbyid obj_description col_description pg_table_is_visible") {
		m[n] = target{own, n}
	}
	for _, n := range strings.Fields(`version format_type pg_get_expr pg_get_indexdef pg_get_constraintdef pg_get_viewdef pg_get_ruledef
		pg_get_triggerdef pg_get_functiondef pg_get_function_result pg_get_function_arguments pg_get_function_identity_arguments
		pg_get_function_sqlbody pg_get_partkeydef pg_get_partition_constraintdef pg_get_serial_sequence pg_get_statisticsobjdef
		pg_get_statisticsobjdef_columns pg_get_replica_identity_index pg_relation_is_publishable pg_describe_object shobj_description
		pg_is_other_temp_schema pg_my_temp_schema pg_is_in_recovery pg_backend_pid pg_postmaster_start_time inet_client_addr
		inet_server_addr inet_server_port txid_current pg_advisory_unlock_all pg_encoding_to_char pg_char_to_encoding
		getdatabaseencoding pg_client_encoding pg_size_pretty pg_tablespace_location pg_has_role array_upper array_lower array_length
		array_to_string array_remove _pg_expandarray quote_ident quote_literal current_setting pg_get_keywords`) {
		m[n] = target{fixed, n}
	}
	for _, n := range strings.Fields("pg_type_is_visible pg_function_is_visible pg_operator_is_visible pg_opclass_is_visible pg_opfamily_is_visible pg_collation_is_visible pg_conversion_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible pg_statistics_obj_is_visible") {
		m[n] = target{fixed, "x_visible"}
	}
	for _, n := range strings.Fields("pg_relation_size pg_table_size pg_total_relation_size pg_indexes_size pg_database_size pg_tablespace_size") {
		m[n] = target{fixed, "x_size"}
	}
	for _, n := range strings.Fields("has_table_privilege has_any_column_privilege has_schema_privilege has_database_privilege has_sequence_privilege has_function_privilege has_type_privilege has_language_privilege has_tablespace_privilege has_server_privilege") {
		m[n] = target{fixed, "x_privilege"}
	}
	return m
}

// builtin functions of DuckDB that mean the same as PostgreSQL's, need no file, setting or
// session, and cost in proportion to their arguments.
var builtin = set(`lower upper length replace substring substr strpos position trim ltrim rtrim concat concat_ws left right reverse
	abs round floor ceil ceiling sign mod greatest least coalesce ifnull nullif split_part md5 ascii chr starts_with
	count count_star sum min max avg bool_and bool_or array_agg string_agg row_number rank dense_rank first_value last_value lag lead
	unnest generate_series generate_subscripts list_value row array_position array_append array_cat list_contains len
	date_part date_trunc now age
	+ - * / % || & | << >> like_escape not_like_escape ilike_escape not_ilike_escape`)

// tableFunctions may stand in FROM.
var tableFunctions = set("generate_series unnest pg_get_keywords")

// keywords that the parser leaves as names of columns.
var valueKeywords = set("current_user session_user user current_role current_catalog current_schema")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// regTypes are PostgreSQL's names for "the identifier of": a cast to one is a look-up.
var regTypes = map[string]target{
	"regclass": {own, "regclass"}, "regnamespace": {own, "regnamespace"}, "regrole": {own, "regrole"},
	"regtype": {fixed, "regtype"}, "regproc": {fixed, "regproc"}, "regprocedure": {fixed, "regproc"},
	"regoper": {fixed, "regoperator"}, "regoperator": {fixed, "regoperator"},
}

// plainTypes are types that DuckDB's parser leaves unresolved, and what they become.
var plainTypes = map[string]string{
	"name": "VARCHAR", "char": "VARCHAR", "bpchar": "VARCHAR", "cstring": "VARCHAR", "aclitem": "VARCHAR", "pg_node_tree": "VARCHAR",
	"inet": "VARCHAR", "cidr": "VARCHAR", "unknown": "VARCHAR", "sql_identifier": "VARCHAR", "character_data": "VARCHAR", "yes_or_no": "VARCHAR",
	"json": "VARCHAR", "jsonb": "VARCHAR", "text": "VARCHAR", "varchar": "VARCHAR",
	"oid": "BIGINT", "xid": "BIGINT", "int8": "BIGINT", "bigserial": "BIGINT", "cardinal_number": "INTEGER", "int4": "INTEGER", "int2": "SMALLINT",
	"float4": "FLOAT", "float8": "DOUBLE", "bool": "BOOLEAN", "timestamptz": "TIMESTAMP WITH TIME ZONE",
}

// engineTypes are DuckDB's own types that a cast may name.
var engineTypes = []string{"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB",
	"DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "UUID", "NULL"}

func isEngineType(id string) bool { return slices.Contains(engineTypes, id) }
