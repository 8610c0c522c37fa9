package catalog

import (
	"strings"
)

// selectList names the columns as PostgreSQL would and prints object identifiers by name.
func (w *walker) selectList(list []any, outermost bool) error {
	for i := range list {
		t, ok := list[i].(tree)
		if !ok {
			return unknown("expression", "")
		}
		name := columnName(t)
		n, err := w.expr(t, outermost || !literalCast(t))
		if err != nil {
			return err
		}
		if e, ok := n.(tree); ok && str(e, "alias") == "" && name != "" {
			e["alias"] = name
		}
		list[i] = n
	}
	return nil
}

// columnName is what PostgreSQL calls an expression without an alias; "" leaves the name.
func columnName(t tree) string {
	switch str(t, "class") {
	case "COLUMN_REF", "STAR":
		if names, _ := t["column_names"].([]any); len(names) == 1 {
			if n, _ := names[0].(string); valueKeywords[strings.ToLower(n)] {
				return strings.ToLower(n)
			}
		}
		return ""
	case "FUNCTION", "WINDOW":
		name := strings.ToLower(str(t, "function_name"))
		if op, _ := t["is_operator"].(bool); !op && name != "regexp_full_match" && !strings.HasSuffix(name, "like_escape") {
			return strings.TrimSuffix(name, "_star")
		}
	case "CAST":
		child, _ := t["child"].(tree)
		if str(child, "class") == "COLUMN_REF" {
			names, _ := child["column_names"].([]any)
			n, _ := names[len(names)-1].(string)
			return n
		}
		if n := columnName(child); n != "" && n != "?column?" {
			return n
		}
		return strings.ToLower(castName(t))
	case "CASE":
		return "case"
	case "OPERATOR":
		switch str(t, "type") {
		case "OPERATOR_COALESCE":
			return "coalesce"
		case "ARRAY_CONSTRUCTOR":
			return "array"
		case "STRUCT_EXTRACT":
			return ""
		}
	case "SUBQUERY":
		switch str(t, "subquery_type") {
		case "EXISTS":
			return "exists"
		case "SCALAR":
			return scalarName(t)
		}
	}
	return "?column?"
}

// scalarName: a scalar subquery is called as its only column is.
func scalarName(t tree) string {
	q, _ := t["subquery"].(tree)
	node, _ := q["node"].(tree)
	list, _ := node["select_list"].([]any)
	if len(list) != 1 {
		return "?column?"
	}
	inner, _ := list[0].(tree)
	if a := str(inner, "alias"); a != "" {
		return a
	}
	if names, _ := inner["column_names"].([]any); len(names) > 0 {
		n, _ := names[len(names)-1].(string)
		return n
	}
	return columnName(inner)
}
