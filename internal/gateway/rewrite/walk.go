package rewrite

import (
	"encoding/json"
	"strings"

	"stead"
	"stead/dialect/duckdb"
)

// walk goes through a parsed statement once, refuses what is not on the lists
// and hands every base table to leaf.
type walk struct {
	r    *Rewriter
	src  string                              // the text that was parsed
	leaf func(ref tree, path []string) error // called for each base table that is no CTE

	scopes  []map[string]bool // names of the CTEs that are visible, innermost last
	frames  []*frame          // SELECTs being walked, innermost last
	names   map[string]bool   // every name a column reference may mean, lower case
	aliases map[string]bool   // every name of a table, lower case
	params  map[int]bool
	counts  map[string]bool // parameters that are numbers of rows
	foreign []string        // functions and types that only the catalogue may have
	nodes   int
	depth   int
	growth  float64 // how many times longer the functions met so far may make a text
}

// frame is the FROM clause of one SELECT.
type frame struct {
	refs []*leafRef
}

func newWalk(r *Rewriter, src string) *walk {
	return &walk{r: r, src: src, names: map[string]bool{}, aliases: map[string]bool{}, params: map[int]bool{}, counts: map[string]bool{}, growth: 1}
}

// enter counts a node, checks its fields and returns its shape.
func (w *walk) enter(family, kind string, t tree) (shape, error) {
	s, ok := shapes[family+" "+kind]
	if !ok {
		return s, unknownNode(kind)
	}
	w.nodes++
	if w.nodes > w.r.limits.Nodes || w.depth > w.r.limits.Depth {
		return s, stead.Errorf(stead.Limit, "the statement is too large").WithHint("shorten its lists or split it")
	}
	for name, v := range t {
		if !s.known[name] && !empty(v) {
			return s, unsupported("the part \"" + name + "\" of " + spoken(kind))
		}
	}
	return s, nil
}

func unknownNode(kind string) *stead.Error {
	switch kind {
	case "SHOW_REF":
		return unsupported("SHOW, DESCRIBE or SUMMARIZE").WithHint("query information_schema.columns instead")
	case "PIVOT":
		return unsupported("PIVOT or UNPIVOT").WithHint("use CASE with GROUP BY")
	case "POSITIONAL_REFERENCE":
		return unsupported("a column by its position")
	case "":
		return unsupported("this statement")
	}
	return unsupported(spoken(kind))
}

func spoken(kind string) string { return strings.ToLower(strings.ReplaceAll(kind, "_", " ")) }

// fields walks the parts of a node by their codes.
func (w *walk) fields(t tree, s shape) error {
	w.depth++
	defer func() { w.depth-- }()
	for _, f := range s.fields {
		if err := w.part(t[f.name], f); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) part(v any, f field) error {
	switch f.code {
	case '0':
		if !empty(v) {
			return unsupported(spoken(f.name))
		}
	case 's', 'S':
		if !scalar(v) {
			return unsupported(spoken(f.name))
		}
	case 'e':
		if v != nil {
			return w.expression(v)
		}
	case 'E':
		return w.each(v, w.expression)
	case 'V':
		return w.each(v, func(row any) error { return w.each(row, w.expression) })
	case 'q':
		return w.query(v)
	case 'n':
		return w.node(v)
	case 'r':
		return w.table(v)
	case 'm':
		return w.each(v, w.modifier)
	case 'c':
		return w.ctes(v)
	case 't':
		return w.castType(v)
	case 'v':
		return w.value(v)
	case 'C':
		return w.each(v, w.caseCheck)
	case 'o':
		return w.each(object(v)["orders"], w.order)
	case 'O':
		return w.each(v, w.order)
	case 'R':
		return w.each(v, func(e any) error { return w.expression(object(e)["value"]) })
	default:
		return unsupported(spoken(f.name))
	}
	return nil
}

func (w *walk) each(v any, visit func(any) error) error {
	for _, e := range list(v) {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) caseCheck(v any) error {
	t := object(v)
	if len(t) != 2 {
		return unsupported("this CASE")
	}
	if err := w.expression(t["when_expr"]); err != nil {
		return err
	}
	return w.expression(t["then_expr"])
}

func (w *walk) order(v any) error {
	t := object(v)
	for name := range t {
		if name != "type" && name != "null_order" && name != "expression" {
			return unsupported("the part \"" + name + "\" of ORDER BY")
		}
	}
	return w.expression(t["expression"])
}

func (w *walk) modifier(v any) error {
	t := object(v)
	s, err := w.enter("modifier", str(t, "type"), t)
	if err != nil {
		return err
	}
	if str(t, "type") == "LIMIT_MODIFIER" {
		w.countParameter(t, "limit")
		w.countParameter(t, "offset")
	}
	return w.fields(t, s)
}

// countParameter notes a parameter that stands alone in LIMIT or OFFSET: it is a whole number.
func (w *walk) countParameter(t tree, name string) {
	if e := object(t[name]); str(e, "class") == "PARAMETER" {
		w.counts[str(e, "identifier")] = true
	}
}

// query walks a sub-query or a whole statement.
func (w *walk) query(v any) error {
	t := object(v)
	for name := range t {
		if name != "node" && name != "named_param_map" {
			return unsupported("the part \"" + name + "\" of a query")
		}
	}
	return w.node(t["node"])
}

func (w *walk) node(v any) error {
	t := object(v)
	kind := str(t, "type")
	s, err := w.enter("node", kind, t)
	if err != nil {
		return err
	}
	w.scopes = append(w.scopes, map[string]bool{})
	defer func() { w.scopes = w.scopes[:len(w.scopes)-1] }()
	if kind == "SELECT_NODE" {
		nameSubqueries(list(t["select_list"]))
		w.frames = append(w.frames, &frame{})
		defer func() { w.frames = w.frames[:len(w.frames)-1] }()
	}
	if kind == "RECURSIVE_CTE_NODE" {
		return w.recursive(t)
	}
	return w.fields(t, s)
}

// recursive lets only the repeated part see the CTE's own name.
func (w *walk) recursive(t tree) error {
	w.depth++
	defer func() { w.depth-- }()
	if !empty(t["key_targets"]) {
		return unsupported("USING KEY")
	}
	if err := w.ctes(t["cte_map"]); err != nil {
		return err
	}
	if err := w.node(t["left"]); err != nil {
		return err
	}
	if err := w.see(str(t, "cte_name")); err != nil {
		return err
	}
	if err := w.node(t["right"]); err != nil {
		return err
	}
	return w.each(t["modifiers"], w.modifier)
}

// see brings a CTE into scope. A name under which DuckDB finds something by itself, a file or a view of its own, is refused:
// were a scope ever judged otherwise here than there, no name that is left in a statement would mean anything else.
func (w *walk) see(cte string) error {
	name := duckdb.FoldName(cte)
	for _, p := range []string{"duckdb_", "sqlite_", "pragma_"} {
		if strings.HasPrefix(name, p) {
			return unsupported("a WITH query whose name begins with " + p)
		}
	}
	if strings.ContainsAny(name, "./:*?[") {
		return unsupported("a WITH query with such a name").WithHint("use letters, digits and underscores")
	}
	w.scopes[len(w.scopes)-1][name] = true
	w.aliases[name] = true
	return nil
}

func (w *walk) visible(cte string) bool {
	for _, s := range w.scopes {
		if s[duckdb.FoldName(cte)] {
			return true
		}
	}
	return false
}

// ctes walks the CTEs of a node: each sees those before it, never itself.
func (w *walk) ctes(v any) error {
	for _, e := range list(object(v)["map"]) {
		t, def := object(e), object(object(e)["value"])
		for name, part := range def {
			switch name {
			case "aliases", "query", "materialized":
			default:
				if !empty(part) {
					return unsupported("the part \"" + name + "\" of WITH")
				}
			}
		}
		frames := w.frames
		w.frames = nil
		err := w.query(def["query"])
		w.frames = frames
		if err != nil {
			return err
		}
		if err := w.see(str(t, "key")); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) table(v any) error {
	t := object(v)
	kind := str(t, "type")
	s, err := w.enter("table", kind, t)
	if err != nil {
		return err
	}
	if a := str(t, "alias"); a != "" {
		w.aliases[duckdb.FoldName(a)] = true
	}
	if t["sample"] != nil && kind != "BASE_TABLE" {
		return unsupported("a sample of a sub-query")
	}
	switch kind {
	case "BASE_TABLE":
		return w.base(t)
	case "JOIN":
		if err := w.join(t); err != nil {
			return err
		}
	case "TABLE_FUNCTION":
		return w.tableFunction(t)
	}
	return w.fields(t, s)
}

func (w *walk) base(t tree) error {
	if !empty(t["at_clause"]) {
		return unsupported("AT (version or time)")
	}
	var path []string
	for _, name := range []string{"catalog_name", "schema_name", "table_name"} {
		if p := str(t, name); p != "" {
			path = append(path, p)
		}
	}
	if len(path) == 0 {
		return unsupported("a table without a name")
	}
	if len(path) == 1 && w.visible(path[0]) {
		if t["sample"] != nil {
			return unsupported("a sample of a sub-query")
		}
		return nil
	}
	return w.leaf(t, path)
}

// joinTypes and refTypes are the joins there are.
var joinTypes = map[string]bool{"INNER": true, "LEFT": true, "RIGHT": true, "FULL": true, "SEMI": true, "ANTI": true}
var refTypes = map[string]bool{"REGULAR": true, "NATURAL": true, "CROSS": true, "POSITIONAL": true, "ASOF": true}

// join writes a cross join as an inner join on TRUE: printed with a comma it would
// bind otherwise than the tree says.
func (w *walk) join(t tree) error {
	if !joinTypes[str(t, "join_type")] || !refTypes[str(t, "ref_type")] {
		return unsupported("the join " + spoken(str(t, "join_type")+" "+str(t, "ref_type")))
	}
	if str(t, "ref_type") == "CROSS" {
		t["ref_type"] = "REGULAR"
		t["condition"] = tree{"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": noLocation,
			"value": tree{"type": tree{"id": "BOOLEAN", "type_info": nil}, "is_null": false, "value": true}}
	}
	for _, name := range texts(t["using_columns"]) {
		w.name(name)
	}
	return nil
}

// noLocation is what DuckDB writes where a node has no place in the text.
const noLocation = json.Number("18446744073709551615")

func (w *walk) tableFunction(t tree) error {
	f := object(t["function"])
	if str(f, "class") != "FUNCTION" {
		return unsupported("this table function")
	}
	return w.call(f, "table")
}

func (w *walk) name(n string) { w.names[duckdb.FoldName(n)] = true }
