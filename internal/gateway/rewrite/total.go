package rewrite

import "stead/dialect/duckdb"

// function finds the proved signature of a call.
func (n *names) function(t tree) (typ, bool) {
	f, ok := n.f(duckdb.FoldName(str(t, "function_name")), "")
	if !ok || len(f.total) == 0 && f.name != "nullif" {
		return typ{}, false
	}
	if !n.conditions([]any{t["filter"]}) || !n.orders(object(t["order_bys"])["orders"]) {
		return typ{}, false
	}
	if growing[f.name] {
		if n.grown += len(list(t["children"])); n.grown > maxGrown {
			return typ{}, false
		}
	}
	return n.signature(f, list(t["children"]))
}

// growing are the proved functions whose result is longer than each argument. Names let them be nested at little cost, each twice the one
// before: where memory ends, only those rows would show that are long enough. So all of a statement together have few arguments,
// and literal text is short.
var growing = map[string]bool{"||": true, "concat": true, "concat_ws": true}

const (
	maxGrown   = 12
	maxLiteral = 1000 // bytes
)

func (n *names) signature(f function, children []any) (typ, bool) {
	args := make([]typ, len(children))
	for i, c := range children {
		var ok bool
		if args[i], ok = n.infer(c); !ok {
			return typ{}, false
		}
	}
	if f.name == "nullif" { // a CASE over a comparison
		if len(args) != 2 || !comparable(args[0], args[1]) || args[0].literal {
			return typ{}, false
		}
		r := args[0]
		r.constant = false
		return r, true
	}
	return f.match(args)
}

func (n *names) orders(v any) bool {
	for _, o := range list(v) {
		if _, ok := n.infer(object(o)["expression"]); !ok {
			return false
		}
	}
	return true
}

// window is total for listed functions over total arguments; frame bounds and
// offsets only where they are left out or are constants.
func (n *names) window(t tree) (typ, bool) {
	name := duckdb.FoldName(str(t, "function_name"))
	f, ok := n.f(name, "window")
	if !ok || len(f.total) == 0 || !n.all(list(t["partitions"])) || !n.orders(t["orders"]) || !n.orders(t["arg_orders"]) ||
		!n.conditions([]any{t["filter_expr"]}) || t["offset_expr"] != nil || t["default_expr"] != nil {
		return typ{}, false
	}
	for _, bound := range []string{"start_expr", "end_expr"} {
		if e := object(t[bound]); e != nil {
			if c, ok := n.infer(e); !ok || c.kind != intKind || str(e, "class") != "CONSTANT" {
				return typ{}, false
			}
		}
	}
	return n.signature(f, list(t["children"]))
}

// subquery is total for EXISTS and IN. A scalar sub-query fails on a second row.
func (n *names) subquery(t tree) (typ, bool) {
	node := object(object(t["subquery"])["node"])
	yes := typ{kind: boolKind}
	switch str(t, "subquery_type") {
	case "EXISTS", "NOT_EXISTS":
		return yes, n.node(node)
	case "ANY":
		out, ok := n.output(node)
		if !ok || len(out) != 1 || !n.node(node) {
			return typ{}, false
		}
		child, ok := n.infer(t["child"])
		return yes, ok && !child.literal && !out[0].literal && comparable(child, out[0])
	}
	return typ{}, false
}

// output gives the types of what a SELECT returns, where it names each.
func (n *names) output(node tree) ([]typ, bool) {
	if str(node, "type") != "SELECT_NODE" {
		return nil, false
	}
	var out []typ
	for _, e := range list(node["select_list"]) {
		t, ok := n.infer(e)
		if !ok || t.kind == unknownKind || str(object(e), "class") == "STAR" {
			return nil, false
		}
		out = append(out, t)
	}
	return out, true
}

// node reports whether a query is total in every part.
func (n *names) node(t tree) bool {
	for _, e := range list(object(t["cte_map"])["map"]) {
		if !n.node(object(object(object(object(e)["value"])["query"])["node"])) {
			return false
		}
	}
	for _, m := range list(t["modifiers"]) {
		if !n.modifier(object(m)) {
			return false
		}
	}
	switch str(t, "type") {
	case "SELECT_NODE":
		return n.table(object(t["from_table"])) && n.all(list(t["select_list"])) && n.all(list(t["group_expressions"])) &&
			n.conditions([]any{t["where_clause"], t["having"], t["qualify"]})
	case "SET_OPERATION_NODE":
		return n.setOperation(t)
	}
	return false
}

// setOperation is total where no column of either side is converted.
func (n *names) setOperation(t tree) bool {
	left, right := object(t["left"]), object(t["right"])
	if str(t, "setop_type") == "UNION_BY_NAME" || !n.node(left) || !n.node(right) {
		return false
	}
	a, ok := n.side(left)
	if !ok {
		return false
	}
	b, ok := n.side(right)
	if !ok || len(a) != len(b) {
		return false
	}
	for i := range a {
		a[i].constant, b[i].constant = false, false
		if a[i] != b[i] || a[i].kind == nullKind {
			return false
		}
	}
	return true
}

func (n *names) side(t tree) ([]typ, bool) {
	if str(t, "type") == "SET_OPERATION_NODE" {
		return n.side(object(t["left"]))
	}
	return n.output(t)
}

func (n *names) modifier(t tree) bool {
	switch str(t, "type") {
	case "ORDER_MODIFIER":
		return n.orders(t["orders"])
	case "DISTINCT_MODIFIER":
		return n.all(list(t["distinct_on_targets"]))
	case "LIMIT_MODIFIER":
		for _, name := range []string{"limit", "offset"} {
			if t[name] == nil {
				continue
			}
			if c, ok := n.infer(t[name]); !ok || !c.constant || c.kind != intKind {
				return false
			}
		}
		return true
	}
	return false
}

func (n *names) table(t tree) bool {
	switch str(t, "type") {
	case "EMPTY", "BASE_TABLE":
		return t["sample"] == nil
	case "SUBQUERY":
		return n.node(object(object(t["subquery"])["node"]))
	case "JOIN":
		return n.join(t)
	}
	return false
}

func (n *names) join(t tree) bool {
	if str(t, "ref_type") != "REGULAR" || !n.table(object(t["left"])) || !n.table(object(t["right"])) {
		return false
	}
	for _, name := range texts(t["using_columns"]) {
		if n.named(duckdb.FoldName(name)).kind == unknownKind {
			return false
		}
	}
	return n.conditions([]any{t["condition"]})
}
