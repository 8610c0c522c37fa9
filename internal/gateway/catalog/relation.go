package catalog

import (
	"slices"

	"stead"
	dialect "stead/dialect/duckdb"
)

// table rewrites what stands in FROM.
func (w *walker) table(t tree, kind string) error {
	switch kind {
	case "BASE_TABLE":
		return w.base(t)
	case "TABLE_FUNCTION":
		return w.tableFunction(t)
	case "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST":
		if t["sample"] != nil {
			return unknown("clause", "TABLESAMPLE")
		}
		return w.fields(t)
	default:
		return unknown("clause", kind)
	}
}

// base sends a relation's name to the schema that holds it.
func (w *walker) base(t tree) error {
	name, schema := dialect.FoldName(str(t, "table_name")), dialect.FoldName(str(t, "schema_name"))
	if t["at_clause"] != nil || t["sample"] != nil {
		return unknown("clause", "AT or TABLESAMPLE")
	}
	if c := str(t, "catalog_name"); c != "" && c != w.schema.database {
		return notFound(t)
	}
	if schema == "" && slices.Contains(w.ctes, name) {
		return nil
	}
	if schema == "" {
		schema = "pg_catalog"
	}
	r, ok := w.schema.engine.relations[schema+"."+name]
	if !ok {
		return notFound(t)
	}
	if str(t, "alias") == "" {
		t["alias"] = str(t, "table_name")
	}
	if r.schema == "" {
		r.schema = w.schema.name
	}
	t["catalog_name"], t["schema_name"], t["table_name"] = "memory", r.schema, r.table
	return nil
}

func notFound(t tree) error {
	return stead.Errorf(stead.NotFound, "relation %q does not exist", str(t, "table_name"))
}

// tableFunction: PostgreSQL calls the one column of a function by the function's alias.
func (w *walker) tableFunction(t tree) error {
	f, ok := t["function"].(tree)
	if !ok || t["sample"] != nil {
		return unknown("clause", "TABLE_FUNCTION")
	}
	name := dialect.FoldName(str(f, "function_name"))
	if !tableFunctions[name] {
		return unknown("function", name)
	}
	for i, c := range children(f) {
		n, err := w.visit(c)
		if err != nil {
			return err
		}
		children(f)[i] = n
	}
	if to, ok := functions[name]; ok {
		f["schema"], f["function_name"] = to.schema, to.name
	} else {
		f["schema"] = ""
	}
	f["catalog"] = ""
	if str(t, "alias") == "" {
		t["alias"] = name
	}
	if aliases, _ := t["column_name_alias"].([]any); len(aliases) == 0 && name != "pg_get_keywords" {
		t["column_name_alias"] = []any{t["alias"]}
	}
	return nil
}

func children(t tree) []any {
	c, _ := t["children"].([]any)
	return c
}
