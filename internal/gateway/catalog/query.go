package catalog

import (
	"strings"

	dialect "stead/dialect/duckdb"
)

// query rewrites a query node. The names of its common table expressions are in scope for
// those that come after, and for itself only when it is recursive.
func (w *walker) query(t tree, outermost bool) error {
	kind := str(t, "type")
	switch kind {
	case "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE":
	default:
		return unknown("query", kind)
	}
	if t["sample"] != nil {
		return unknown("clause", "SAMPLE")
	}
	scope := len(w.ctes)
	defer func() { w.ctes = w.ctes[:scope] }()
	if err := w.with(t); err != nil {
		return err
	}
	if kind == "RECURSIVE_CTE_NODE" {
		if err := w.recursive(t, outermost); err != nil {
			return err
		}
	}
	if list, ok := t["select_list"].([]any); ok {
		if err := w.selectList(list, outermost); err != nil {
			return err
		}
	}
	for k, v := range t {
		if k == "select_list" || k == "cte_map" || k == "left" && kind == "RECURSIVE_CTE_NODE" {
			continue
		}
		if side, ok := v.(tree); ok && (k == "left" || k == "right") && kind == "SET_OPERATION_NODE" {
			if err := w.query(side, outermost); err != nil {
				return err
			}
			continue
		}
		n, err := w.visit(v)
		if err != nil {
			return err
		}
		t[k] = n
	}
	return nil
}

// recursive rewrites the part that a recursion starts from, which does not see the query's own name: were it left there as it
// stands, the engine would look for a table of its own.
func (w *walker) recursive(t tree, outermost bool) error {
	start, ok := t["left"].(tree)
	if !ok {
		return unknown("query", "WITH RECURSIVE")
	}
	if err := w.query(start, outermost); err != nil {
		return err
	}
	return w.see(str(t, "cte_name"))
}

// see brings a common table expression into scope. Names that the engine knows by itself are refused, as they are over data.
func (w *walker) see(name string) error {
	name = dialect.FoldName(name)
	for _, p := range []string{"duckdb_", "sqlite_", "pragma_"} {
		if strings.HasPrefix(name, p) {
			return unknown("name", name)
		}
	}
	if strings.ContainsAny(name, "./:*?[") {
		return unknown("name", name)
	}
	w.ctes = append(w.ctes, name)
	return nil
}

func (w *walker) with(t tree) error {
	ctes, _ := t["cte_map"].(tree)
	entries, _ := ctes["map"].([]any)
	for _, e := range entries {
		entry, _ := e.(tree)
		value, ok := entry["value"].(tree)
		if !ok {
			return unknown("query", "WITH")
		}
		if _, err := w.visit(value); err != nil {
			return err
		}
		if err := w.see(str(entry, "key")); err != nil {
			return err
		}
	}
	return nil
}

// order spells out where NULLs go: PostgreSQL puts them first when descending.
func (w *walker) order(t tree) {
	if str(t, "null_order") != "ORDER_DEFAULT" {
		return
	}
	t["null_order"] = "NULLS LAST"
	if str(t, "type") == "DESCENDING" {
		t["null_order"] = "NULLS FIRST"
	}
}
