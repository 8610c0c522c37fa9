package rewrite

import (
	"encoding/json"
	"strconv"
	"strings"

	"stead"
	"stead/dialect/duckdb"
)

// operators are the OPERATOR kinds; the others are refused.
var operators = map[string]bool{"OPERATOR_NOT": true, "OPERATOR_IS_NULL": true, "OPERATOR_IS_NOT_NULL": true,
	"COMPARE_IN": true, "COMPARE_NOT_IN": true, "OPERATOR_COALESCE": true, "OPERATOR_TRY": true, "GROUPING_FUNCTION": true,
	"ARRAY_EXTRACT": true, "ARRAY_SLICE": true, "STRUCT_EXTRACT": true, "ARRAY_CONSTRUCTOR": true}

var collations = map[string]bool{"nocase": true, "noaccent": true, "nfc": true, "nocase.noaccent": true, "c": true, "posix": true, "binary": true}

var subqueryTypes = map[string]bool{"SCALAR": true, "EXISTS": true, "NOT_EXISTS": true, "ANY": true}

func (w *walk) expression(v any) error {
	t := object(v)
	class := str(t, "class")
	s, err := w.enter("expression", class, t)
	if err != nil {
		return err
	}
	switch class {
	case "COLUMN_REF":
		return w.columnRef(t)
	case "PARAMETER":
		return w.parameter(t)
	case "FUNCTION":
		w.matchOperator(t)
		return w.call(t, "")
	case "WINDOW":
		if err := w.listed(t, "window"); err != nil {
			return err
		}
	case "OPERATOR":
		if !operators[str(t, "type")] {
			return notAvailable("operator", spoken(str(t, "type")))
		}
		if n := len(list(t["children"])); n > w.r.limits.List && strings.HasSuffix(str(t, "type"), "_IN") {
			return stead.Errorf(stead.Limit, "the IN list has %d entries, more than %d", n, w.r.limits.List).
				WithHint("join with a list of values instead")
		}
		w.notMatch(t)
	case "COLLATE":
		if !collations[duckdb.FoldName(str(t, "collation"))] {
			return notAvailable("collation", str(t, "collation"))
		}
	case "SUBQUERY":
		if !subqueryTypes[str(t, "subquery_type")] {
			return unsupported("this sub-query")
		}
	case "STAR":
		w.star(t)
	case "LAMBDA":
		w.lambdaNames(t)
	}
	return w.fields(t, s)
}

// sessionNames are column names that DuckDB reads as functions when no column has them.
var sessionNames = map[string]bool{"current_catalog": true, "current_schema": true, "current_role": true, "current_user": true,
	"session_user": true, "user": true}

// columnRef records the names and takes the schema out of schema.table.column,
// because a governed leaf is known by its table name alone.
func (w *walk) columnRef(t tree) error {
	names := texts(t["column_names"])
	if len(names) == 0 {
		return unsupported("a column without a name")
	}
	if cut := w.qualified(names); cut > 0 {
		names = names[cut:]
		t["column_names"] = list(t["column_names"])[cut:]
	}
	for _, n := range names {
		w.name(n)
	}
	if len(names) == 1 && sessionNames[duckdb.FoldName(names[0])] {
		w.foreign = append(w.foreign, "function\x00"+duckdb.FoldName(names[0]))
	}
	return nil
}

// qualified counts the leading names that spell catalog and schema of a leaf.
func (w *walk) qualified(names []string) int {
	if len(names) < 3 {
		return 0
	}
	for i := len(w.frames) - 1; i >= 0; i-- {
		for _, ref := range w.frames[i].refs {
			n := len(ref.path) - 1
			if n < 1 || len(names) < n+2 || !ref.unaliased {
				continue
			}
			if duckdb.FoldName(strings.Join(names[:n+1], "\x00")) == duckdb.FoldName(strings.Join(ref.path, "\x00")) {
				return n
			}
		}
	}
	return 0
}

func (w *walk) parameter(t tree) error {
	n, err := strconv.Atoi(str(t, "identifier"))
	if err != nil || n < 1 || n > 65535 {
		return stead.Errorf(stead.Invalid, "parameters are written $1, $2 and so on")
	}
	w.params[n] = true
	return nil
}

// call checks a function and its arguments. Only DuckDB's own are there.
func (w *walk) call(t tree, class string) error {
	w.depth++
	defer func() { w.depth-- }()
	if err := w.listed(t, class); err != nil {
		return err
	}
	if !empty(t["export_state"]) {
		return unsupported("EXPORT_STATE")
	}
	if err := w.each(t["children"], w.expression); err != nil {
		return err
	}
	if t["filter"] != nil {
		if err := w.expression(t["filter"]); err != nil {
			return err
		}
	}
	return w.each(object(t["order_bys"])["orders"], w.order)
}

func (w *walk) listed(t tree, class string) error {
	name := duckdb.FoldName(str(t, "function_name"))
	schema, catalog := duckdb.FoldName(str(t, "schema")), duckdb.FoldName(str(t, "catalog"))
	if schema == "pg_catalog" && catalog == "" {
		t["schema"] = ""
	} else if schema != "" && schema != "main" || catalog != "" && catalog != "system" {
		return notAvailable("function", strings.Trim(catalog+"."+schema+"."+name, "."))
	}
	f, ok := w.r.function(name, class)
	if !ok {
		w.foreign = append(w.foreign, "function\x00"+name)
		return nil
	}
	for _, b := range f.bounds {
		if args := list(t["children"]); b < len(args) && !w.bounded(object(args[b])) {
			return stead.Errorf(stead.Denied, "argument %d of function %q must be a whole number of at most %d", b+1, name, w.r.limits.Length).
				WithHint("write the number itself")
		}
	}
	return w.grow(name, list(t["children"]))
}

func (w *walk) bounded(t tree) bool {
	if str(t, "class") != "CONSTANT" {
		return false
	}
	v := object(t["value"])
	n, ok := v["value"].(json.Number)
	if !ok {
		return false
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	return err == nil && i <= w.r.limits.Length && i >= -w.r.limits.Length
}

// matchOperator gives PostgreSQL's ~ and ~* their meaning, which is to search; DuckDB
// parses ~ as a match of the whole text.
func (w *walk) matchOperator(t tree) {
	switch str(t, "function_name") {
	case "regexp_full_match":
		if w.at(t, "~") {
			t["function_name"] = "regexp_matches"
		}
	case "~*":
		t["function_name"], t["is_operator"] = "regexp_matches", false
		t["children"] = append(list(t["children"]), textConstant("i"))
	}
}

// notMatch does the same for !~, which DuckDB parses as NOT of the whole match.
func (w *walk) notMatch(t tree) {
	if str(t, "type") != "OPERATOR_NOT" || !w.at(t, "!~") {
		return
	}
	if c := object(list(t["children"])[0]); str(c, "function_name") == "regexp_full_match" {
		c["function_name"] = "regexp_matches"
	}
}

// at reports whether the node stands at this text.
func (w *walk) at(t tree, s string) bool {
	n, _ := t["query_location"].(json.Number)
	i, err := strconv.Atoi(n.String())
	return err == nil && i >= 0 && i < len(w.src) && strings.HasPrefix(w.src[i:], s)
}

func textConstant(s string) tree {
	return tree{"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": noLocation,
		"value": tree{"type": tree{"id": "VARCHAR", "type_info": nil}, "is_null": false, "value": s}}
}

// star marks the columns of the tables it stands for as used.
func (w *walk) star(t tree) {
	table := duckdb.FoldName(str(t, "relation_name"))
	if len(w.frames) == 0 {
		return
	}
	found := false
	for _, ref := range w.frames[len(w.frames)-1].refs {
		if table == "" || ref.alias == table {
			ref.all, found = true, true
		}
	}
	if table == "" || found {
		return
	}
	for _, f := range w.frames {
		for _, ref := range f.refs {
			ref.all = ref.all || ref.alias == table
		}
	}
}

// lambdaNames lets nothing pass as a lambda's head but plain names.
func (w *walk) lambdaNames(t tree) {
	for _, n := range texts(object(t["lhs"])["column_names"]) {
		w.name(n)
	}
}

func (w *walk) value(v any) error {
	t := object(v)
	for name, part := range t {
		if name != "type" && name != "is_null" && (name != "value" || !scalar(part)) {
			return unsupported("this constant")
		}
	}
	return w.castType(t["type"])
}

// typeNames are the types a statement may name.
var typeNames = setOf("NULL", "\"NULL\"", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
	"UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "CHAR", "BLOB", "BIT", "DATE", "TIME", "TIME WITH TIME ZONE", "TIMESTAMP",
	"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "UUID", "LIST", "ARRAY", "STRUCT", "MAP", "INTEGER_LITERAL", "STRING_LITERAL")

func setOf(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, n := range names {
		s[n] = true
	}
	return s
}

func (w *walk) castType(v any) error {
	t := object(v)
	id, info := str(t, "id"), object(t["type_info"])
	if id == "UNBOUND" {
		return w.namedType(info)
	}
	if !typeNames[id] {
		return notAvailable("type", duckdb.FoldName(id))
	}
	for name, part := range info {
		switch name {
		case "type", "width", "scale", "size":
		case "child_type":
			if err := w.castType(part); err != nil {
				return err
			}
		case "child_types":
			if err := w.each(part, func(e any) error { return w.castType(object(e)["second"]) }); err != nil {
				return err
			}
		default:
			if !empty(part) {
				return notAvailable("type", duckdb.FoldName(id)+" with "+name)
			}
		}
	}
	return nil
}

// namedType is a type that DuckDB looks up by name: only JSON is there; the
// catalogue has more.
func (w *walk) namedType(info tree) error {
	name, schema := duckdb.FoldName(str(info, "name")), duckdb.FoldName(str(info, "schema"))
	plain := str(info, "catalog") == "" && empty(info["user_type_modifiers"])
	if plain && schema == "" && name == "json" {
		return nil
	}
	if plain && schema == "pg_catalog" {
		info["schema"] = ""
	}
	w.foreign = append(w.foreign, "type\x00"+name)
	return nil
}
