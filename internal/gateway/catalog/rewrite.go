package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"stead"
)

// tree is a node of the parser's JSON.
type tree = map[string]any

const maxStatement = 256 << 10

// Rewrite turns a statement that touches nothing but the catalogue into one for this
// schema's engine. params are the OIDs the client gave its parameters, 0 where it gave none.
// A relation that is not there is NotFound; what is not on the lists is Unsupported.
func (s *Schema) Rewrite(ctx context.Context, sql string, params []uint32) (string, error) {
	if len(sql) > maxStatement {
		return "", stead.Errorf(stead.Limit, "the catalogue query is longer than %d bytes", maxStatement)
	}
	repaired, err := repair(sql)
	if err != nil {
		return "", err
	}
	text, err := s.engine.parser.Serialize(ctx, repaired)
	if err != nil {
		return "", stead.Errorf(stead.Invalid, "syntax error in the catalogue query").WithCause(err)
	}
	var doc struct {
		Statements []tree `json:"statements"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		return "", stead.Errorf(stead.Internal, "the statement could not be read").WithCause(err)
	}
	if len(doc.Statements) != 1 {
		return "", stead.Errorf(stead.Unsupported, "one statement at a time, not %d", len(doc.Statements))
	}
	w := &walker{schema: s, params: params}
	node, ok := doc.Statements[0]["node"].(tree)
	if !ok {
		return "", unknown("statement", "")
	}
	if err := w.query(node, true); err != nil {
		return "", err
	}
	for _, t := range w.marked {
		delete(t, "open")
	}
	text, err = json.Marshal(tree{"error": false, "statements": []any{doc.Statements[0]}})
	if err != nil {
		return "", stead.Errorf(stead.Internal, "the statement could not be printed").WithCause(err)
	}
	out, err := s.engine.parser.Deserialize(ctx, text)
	if err != nil {
		return "", stead.Errorf(stead.Internal, "the statement could not be printed").WithCause(err)
	}
	return out, nil
}

func unknown(what, name string) error {
	return stead.Errorf(stead.Unsupported, "%s %q is not available in catalogue queries", what, name)
}

func str(t tree, key string) string {
	s, _ := t[key].(string)
	return s
}

// walker rewrites one statement in place.
type walker struct {
	schema *Schema
	params []uint32
	ctes   []string // names in scope, innermost last
	depth  int
	marked []tree // nodes with a mark of our own, taken off again before printing
}

const maxDepth = 400

// visit rewrites whatever v is and returns what stands in its place.
func (w *walker) visit(v any) (any, error) {
	if w.depth++; w.depth > maxDepth {
		return nil, stead.Errorf(stead.Limit, "the catalogue query is nested too deeply")
	}
	defer func() { w.depth-- }()
	switch v := v.(type) {
	case []any:
		for i := range v {
			n, err := w.visit(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = n
		}
	case tree:
		return w.object(v)
	}
	return v, nil
}

func (w *walker) object(t tree) (any, error) {
	if _, ok := t["class"]; ok {
		return w.expr(t, false)
	}
	kind, ok := t["type"].(string)
	switch {
	case !ok || plainKinds[kind]:
		return t, w.fields(t)
	case strings.HasSuffix(kind, "_NODE"):
		return t, w.query(t, false)
	default:
		return t, w.table(t, kind)
	}
}

// plainKinds are the parts of a statement that are neither expression, table nor query.
var plainKinds = set("ORDER_MODIFIER LIMIT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING")

// fields visits every field of t.
func (w *walker) fields(t tree) error {
	w.order(t)
	for k, v := range t {
		n, err := w.visit(v)
		if err != nil {
			return err
		}
		t[k] = n
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
