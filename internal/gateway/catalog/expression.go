package catalog

import (
	"encoding/json"
	"strings"

	"stead"
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
	case name == "set_config":
		return w.setConfig(t)
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
