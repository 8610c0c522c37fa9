package catalog

import (
	"encoding/json"
	"strings"

	"stead"
	"stead/internal/gateway/pgtype"
)

// expr rewrites an expression. byName says that the value is shown rather than compared,
// so that an object identifier is printed by its name.
func (w *walker) expr(t tree, byName bool) (any, error) {
	switch str(t, "class") {
	case "CONSTANT":
		return t, nil
	case "COLUMN_REF":
		return w.column(t)
	case "CAST":
		return w.cast(t, byName)
	case "FUNCTION":
		return w.function(t)
	case "WINDOW":
		if name := strings.ToLower(str(t, "function_name")); !builtin[name] || str(t, "schema") != "" {
			return nil, unknown("window function", name)
		}
		return t, w.fields(t)
	case "COLLATE":
		return w.visit(t["child"])
	case "PARAMETER":
		return w.parameter(t), nil
	case "SUBQUERY":
		return w.subquery(t)
	case "OPERATOR", "COMPARISON", "CONJUNCTION", "CASE", "BETWEEN", "STAR", "POSITIONAL_REFERENCE":
		return t, w.fields(t)
	default:
		return nil, unknown("expression", str(t, "class"))
	}
}

// column drops the schema of schema.table.column, and gives the parser's keywords their meaning.
func (w *walker) column(t tree) (any, error) {
	names, _ := t["column_names"].([]any)
	first := ""
	if len(names) > 0 {
		first, _ = names[0].(string)
		first = strings.ToLower(first)
	}
	switch {
	case len(names) == 1 && valueKeywords[first]:
		return w.call(t, functions[first]), nil
	case len(names) > 2 && (first == "pg_catalog" || first == "information_schema"):
		t["column_names"] = names[1:]
	}
	if last, _ := names[len(names)-1].(string); strings.EqualFold(last, "xmin") || strings.EqualFold(last, "tableoid") {
		// Tools ask for xmin to see whether a definition changed, and for tableoid to find comments on
		// objects that have none here.
		return constant(t, "BIGINT", json.Number("0")), nil
	}
	return t, nil
}

func (w *walker) function(t tree) (any, error) {
	name, schema := strings.ToLower(str(t, "function_name")), strings.ToLower(str(t, "schema"))
	switch schema {
	case "", "main", "pg_catalog", "information_schema":
	default:
		return nil, unknown("function", schema+"."+name)
	}
	if err := w.fields(t); err != nil {
		return nil, err
	}
	to, mapped := functions[name]
	switch {
	case name == "json_build_object" || name == "jsonb_build_object":
		return w.jsonObject(t)
	case name == "format":
		return w.format(t)
	case mapped:
		t["schema"], t["function_name"], t["is_operator"] = w.in(to.schema), to.name, false
	case name == "generate_series":
		t["schema"] = ""
		return w.call(t, target{"", "unnest"}, copyOf(t)), nil
	case builtin[name]:
		t["schema"], t["function_name"] = "", name
	default:
		return nil, unknown("function", name)
	}
	t["catalog"] = ""
	return t, nil
}

// format joins texts as a constant pattern of %s, %I, %L and %% says.
func (w *walker) format(t tree) (any, error) {
	args := children(t)
	refused := stead.Errorf(stead.Unsupported, "format() is available in catalogue queries with a constant pattern of %%s, %%I, %%L and %%%% only")
	if len(args) == 0 {
		return nil, refused
	}
	pattern, ok := constantText(args[0])
	if !ok {
		return nil, refused
	}
	at := tree{"query_location": t["query_location"]}
	pieces := strings.Split(strings.ReplaceAll(pattern, "%%", "\x00"), "%")
	plain := func(s string) any { return constant(at, "VARCHAR", strings.ReplaceAll(s, "\x00", "%")) }
	parts, args := []any{plain(pieces[0])}, args[1:]
	for _, p := range pieces[1:] {
		if p == "" || len(args) == 0 {
			return nil, refused
		}
		switch p[0] {
		case 's':
			parts = append(parts, args[0])
		case 'I':
			parts = append(parts, w.call(at, target{fixed, "quote_ident"}, args[0]))
		case 'L':
			parts = append(parts, w.call(at, target{fixed, "quote_literal"}, args[0]))
		default:
			return nil, refused
		}
		parts, args = append(parts, plain(p[1:])), args[1:]
	}
	return w.call(t, target{"", "concat"}, parts...), nil
}

// jsonObject joins texts: DuckDB's own function does not take parameters as keys.
func (w *walker) jsonObject(t tree) (any, error) {
	args := children(t)
	if len(args)%2 != 0 {
		return nil, stead.Errorf(stead.Invalid, "json_build_object needs pairs of arguments")
	}
	at := tree{"query_location": t["query_location"]}
	parts := []any{constant(at, "VARCHAR", "{")}
	for i := 0; i < len(args); i += 2 {
		if i > 0 {
			parts = append(parts, constant(at, "VARCHAR", ", "))
		}
		parts = append(parts, w.call(at, target{fixed, "x_json_pair"}, args[i], args[i+1]))
	}
	return w.call(t, target{"", "concat"}, append(parts, constant(at, "VARCHAR", "}"))...), nil
}

func (w *walker) in(schema string) string {
	if schema == own {
		return w.schema.name
	}
	return schema
}

// call makes a function call that stands where t stood.
func (w *walker) call(t tree, to target, args ...any) tree {
	if args == nil {
		args = []any{}
	}
	return tree{"class": "FUNCTION", "type": "FUNCTION", "alias": str(t, "alias"), "query_location": t["query_location"],
		"function_name": to.name, "schema": w.in(to.schema), "catalog": "", "children": args, "filter": nil,
		"order_bys": tree{"type": "ORDER_MODIFIER", "orders": []any{}}, "distinct": false, "is_operator": false, "export_state": false}
}

func copyOf(t tree) tree {
	c := tree{}
	for k, v := range t {
		c[k] = v
	}
	c["alias"] = ""
	return c
}

func constant(t tree, typ string, value any) tree {
	return tree{"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": str(t, "alias"), "query_location": t["query_location"],
		"value": tree{"type": tree{"id": typ, "type_info": nil}, "is_null": false, "value": value}}
}

func castTo(t tree, child any, typ tree) tree {
	return tree{"class": "CAST", "type": "OPERATOR_CAST", "alias": str(t, "alias"), "query_location": t["query_location"],
		"child": child, "cast_type": typ, "try_cast": false}
}

func simpleType(id string) tree { return tree{"id": id, "type_info": nil} }

func listType(elem tree) tree {
	return tree{"id": "LIST", "type_info": tree{"type": "LIST_TYPE_INFO", "alias": "", "extension_info": nil, "child_type": elem}}
}

// parameter gives $n the type its client declared; text converts to anything it is compared with.
func (w *walker) parameter(t tree) any {
	var oid uint32
	var n int
	if json.Unmarshal([]byte(str(t, "identifier")), &n) == nil && n >= 1 && n <= len(w.params) {
		oid = w.params[n-1]
	}
	if elem, ok := pgtype.Known(oid); ok && elem != 0 {
		if name, ok := pgtype.DuckDB(elem); ok {
			return castTo(t, copyOf(t), listType(simpleType(name)))
		}
	}
	name, ok := pgtype.DuckDB(oid)
	if !ok {
		name = "VARCHAR"
	}
	c := castTo(t, copyOf(t), simpleType(name))
	if oid == 0 {
		c["open"] = true
		w.marked = append(w.marked, c)
	}
	return c
}

// subquery: x = ANY(array) comes as a subquery over unnest, which is not always planned.
func (w *walker) subquery(t tree) (any, error) {
	array := anyArray(t)
	if err := w.fields(t); err != nil {
		return nil, err
	}
	if array == nil || str(t, "subquery_type") != "ANY" || str(t, "comparison_type") != "COMPARE_EQUAL" {
		return t, nil
	}
	list, x := children(array)[0], t["child"]
	at := tree{"query_location": t["query_location"]}
	if raw, ok := untyped(list); ok {
		list, x = castTo(at, raw, listType(simpleType("VARCHAR"))), castTo(at, x, simpleType("VARCHAR"))
	} else if _, ok := constantText(list); ok {
		list, x = w.call(at, target{fixed, "x_text_array"}, list), castTo(at, x, simpleType("VARCHAR"))
	}
	return w.call(t, target{"", "list_contains"}, list, x), nil
}

// anyArray finds the call of unnest in ANY(array).
func anyArray(t tree) tree {
	q, _ := t["subquery"].(tree)
	node, _ := q["node"].(tree)
	list, _ := node["select_list"].([]any)
	from, _ := node["from_table"].(tree)
	if len(list) != 1 || str(from, "type") != "EMPTY" {
		return nil
	}
	f, _ := list[0].(tree)
	if str(f, "function_name") != "unnest" || len(children(f)) != 1 {
		return nil
	}
	return f
}

// untyped is the bare parameter in what parameter() makes of one whose type the client left open.
func untyped(v any) (tree, bool) {
	t, _ := v.(tree)
	open, _ := t["open"].(bool)
	child, ok := t["child"].(tree)
	return child, open && ok
}

// cast maps types; to regclass and its like it is a look-up.
func (w *walker) cast(t tree, byName bool) (any, error) {
	typ, _ := t["cast_type"].(tree)
	name := castName(t)
	toText := str(typ, "id") == "VARCHAR" || plainTypes[name] == "VARCHAR"
	child, _ := t["child"].(tree)
	inner, err := w.expr(child, toText)
	if err != nil {
		return nil, err
	}
	if to, ok := regTypes[name]; ok {
		suffix := "_oid"
		if byName {
			suffix = "_name"
			inner = w.call(tree{"query_location": t["query_location"]}, target{to.schema, to.name + "_oid"}, inner)
		}
		return w.call(t, target{to.schema, to.name + suffix}, inner), nil
	}
	mapped, err := castType(typ)
	if err != nil {
		return nil, err
	}
	if raw, ok := untyped(inner); ok {
		inner = raw // the cast is all that is known of the parameter, and so its type
	}
	if text, ok := constantText(inner); ok && str(mapped, "id") == "LIST" && strings.HasPrefix(text, "{") {
		inner = w.call(tree{"query_location": t["query_location"]}, target{fixed, "x_text_array"}, inner)
	}
	t["child"], t["cast_type"] = inner, mapped
	return t, nil
}

// castName is the name of a type that the parser left unresolved, else its id.
func castName(t tree) string {
	typ, _ := t["cast_type"].(tree)
	if info, _ := typ["type_info"].(tree); str(typ, "id") == "UNBOUND" {
		return strings.ToLower(str(info, "name"))
	}
	return str(typ, "id")
}

func castType(typ tree) (tree, error) {
	info, _ := typ["type_info"].(tree)
	switch id := str(typ, "id"); {
	case id == "UNBOUND":
		name := strings.ToLower(str(info, "name"))
		if to, ok := plainTypes[name]; ok {
			return simpleType(to), nil
		}
		if _, ok := regTypes[name]; ok {
			return simpleType("BIGINT"), nil
		}
		return nil, unknown("type", name)
	case id == "LIST":
		elem, _ := info["child_type"].(tree)
		mapped, err := castType(elem)
		if err != nil {
			return nil, err
		}
		return listType(mapped), nil
	case isEngineType(id):
		return typ, nil
	default:
		return nil, unknown("type", id)
	}
}

func constantText(v any) (string, bool) {
	t, _ := v.(tree)
	if str(t, "class") != "CONSTANT" {
		return "", false
	}
	value, _ := t["value"].(tree)
	s, ok := value["value"].(string)
	return s, ok
}

func literalCast(t tree) bool {
	child, _ := t["child"].(tree)
	return str(t, "class") == "CAST" && str(child, "class") == "CONSTANT"
}

// Error is what the asker is told when the catalogue's engine could not run a rewritten
// statement: nothing of the engine's words, which name the schemas of the rewriting.
func Error(err error) *stead.Error {
	return stead.Errorf(stead.Invalid, "the catalogue query cannot be answered").
		WithHint("a column, a function's arguments or a type is not as the catalogue has it").WithCause(err)
}
