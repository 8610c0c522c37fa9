package catalog

import (
	"strings"
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
	if name := str(t, "cte_name"); kind == "RECURSIVE_CTE_NODE" {
		w.ctes = append(w.ctes, strings.ToLower(name))
	}
	if list, ok := t["select_list"].([]any); ok {
		if err := w.selectList(list, outermost); err != nil {
			return err
		}
	}
	for k, v := range t {
		if k == "select_list" || k == "cte_map" {
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
		w.ctes = append(w.ctes, strings.ToLower(str(entry, "key")))
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
