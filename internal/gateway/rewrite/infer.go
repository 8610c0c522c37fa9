package rewrite

import (
	"encoding/json"
	"reflect"
	"strconv"

	"stead/dialect/duckdb"
)

// names says what every name of a statement may mean. It does not follow scopes:
// a name has a type only when everything in the statement that bears it has the
// same one, so that no rule of DuckDB's name resolution matters.
type names struct {
	columns map[string][]meaning      // by name
	tables  map[string]map[string]typ // columns of leaves by alias; nil where an alias is not one leaf
	bearers map[string]int            // how many tables bear an alias
	params  map[string]typ            // by identifier
	f       func(name, class string) (function, bool)
	busy    map[string]bool
	known   map[string]typ // names found so far
	judged  map[uintptr]judgement
	grown   int // arguments of growing functions met so far
}

// judgement is what infer found for a tree, kept because shared names would make it
// look at the same trees again and again.
type judgement struct {
	typ   typ
	total bool
}

// meaning is one thing that bears a name: an expression, or a known type.
type meaning struct {
	expression tree
	typ        typ
}

func newNames(f func(name, class string) (function, bool)) *names {
	return &names{columns: map[string][]meaning{}, tables: map[string]map[string]typ{}, bearers: map[string]int{}, params: map[string]typ{}, f: f, busy: map[string]bool{},
		known: map[string]typ{}, judged: map[uintptr]judgement{}}
}

func (n *names) add(name string, m meaning) {
	name = duckdb.FoldName(name)
	n.columns[name] = append(n.columns[name], m)
}

// leaf adds a governed leaf that is visible as alias.
func (n *names) leaf(alias string, columns map[string]typ) {
	alias = duckdb.FoldName(alias)
	n.add(alias, meaning{}) // the alias alone means the whole row
	n.bearers[alias]++
	if _, twice := n.tables[alias]; twice {
		n.tables[alias] = nil
	} else {
		n.tables[alias] = columns
	}
	for c, t := range columns {
		n.add(c, meaning{typ: t})
	}
}

// relation adds a sub-select, CTE or function that is visible as alias.
func (n *names) relation(alias string) {
	if alias != "" {
		n.tables[duckdb.FoldName(alias)] = nil
		n.bearers[duckdb.FoldName(alias)]++
		n.add(alias, meaning{})
	}
}

// collect adds every name that a tree gives: aliases of expressions and of tables.
func (n *names) collect(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n.collect(e)
		}
	case tree:
		n.collectOne(v)
		for _, e := range v {
			n.collect(e)
		}
	}
}

func (n *names) collectOne(t tree) {
	if class, alias := str(t, "class"), str(t, "alias"); class != "" {
		if alias != "" {
			n.add(alias, meaning{expression: t})
		}
		if class == "LAMBDA" {
			for _, p := range texts(object(t["lhs"])["column_names"]) {
				n.add(p, meaning{})
			}
		}
		for _, e := range append(list(t["replace_list"]), list(t["rename_list"])...) {
			n.add(str(object(e), "key"), meaning{})
			n.add(str(object(e), "value"), meaning{})
		}
		return
	}
	kind := str(t, "type")
	if _, isTable := shapes["table "+kind]; isTable && kind != "BASE_TABLE" {
		n.relation(str(t, "alias"))
	}
	for _, a := range append(texts(t["column_name_alias"]), texts(t["aliases"])...) {
		n.add(a, meaning{})
	}
	if kind == "EXPRESSION_LIST" {
		if rows := list(t["values"]); len(rows) > 0 {
			for i := range list(rows[0]) {
				n.add("col"+strconv.Itoa(i), meaning{})
			}
		}
	}
	if kind == "TABLE_FUNCTION" {
		n.relation(str(object(t["function"]), "function_name"))
		n.add("ordinality", meaning{})
	}
	if name := str(t, "key"); name != "" && t["value"] != nil { // a CTE
		n.relation(name)
	}
}

// column finds the type of a column reference. A reference that is not to a column
// of a table (a field of a structure, say) is not total, because its result bears
// a name whose type is not known here.
func (n *names) column(t tree) (typ, bool) {
	parts := texts(t["column_names"])
	if len(parts) == 1 {
		return n.named(duckdb.FoldName(parts[0])), true
	}
	if len(parts) != 2 {
		return typ{}, false
	}
	table, column := duckdb.FoldName(parts[0]), duckdb.FoldName(parts[1])
	columns, ok := n.tables[table]
	if !ok {
		return typ{}, false
	}
	if columns != nil && len(n.columns[table]) == 1 {
		return columns[column], true
	}
	return n.named(column), len(n.columns[table]) == n.bearers[table]
}

func (n *names) named(name string) typ {
	if t, ok := n.known[name]; ok || n.busy[name] {
		return t
	}
	n.busy[name] = true
	t := n.agreed(name)
	delete(n.busy, name)
	n.known[name] = t
	return t
}

// agreed is the type that everything of the name has, unknown where they differ.
func (n *names) agreed(name string) typ {
	all := n.columns[name]
	var first typ
	for i, m := range all {
		t := m.typ
		if m.expression != nil {
			if selfNamed(m.expression, name) && len(all) > 1 {
				continue
			}
			t, _ = n.infer(m.expression)
		}
		t.constant, t.literal, t.text = false, false, ""
		if i > 0 && first.kind != unknownKind && t != first || t.kind == unknownKind || t.kind == nullKind {
			return typ{}
		}
		first = t
	}
	return first
}

// selfNamed reports whether an expression is a column of the very name it is given.
func selfNamed(t tree, name string) bool {
	parts := texts(t["column_names"])
	return str(t, "class") == "COLUMN_REF" && len(parts) == 1 && duckdb.FoldName(parts[0]) == duckdb.FoldName(name)
}

// infer gives the type of an expression and whether it is total: whether it can
// neither fail nor cost without bound, whatever the rows hold.
func (n *names) infer(v any) (typ, bool) {
	t := object(v)
	id := reflect.ValueOf(t).Pointer()
	if j, ok := n.judged[id]; ok {
		return j.typ, j.total
	}
	found, total := n.judge(t)
	n.judged[id] = judgement{found, total}
	return found, total
}

func (n *names) judge(t tree) (typ, bool) {
	switch str(t, "class") {
	case "COLUMN_REF":
		return n.column(t)
	case "CONSTANT":
		c := constantType(object(t["value"]))
		return c, len(c.text) <= maxLiteral
	case "PARAMETER":
		return n.params[str(t, "identifier")], true
	case "CAST":
		return n.cast(t)
	case "COMPARISON":
		return typ{kind: boolKind}, n.compared(t["left"], t["right"])
	case "BETWEEN":
		return typ{kind: boolKind}, n.compared(t["input"], t["lower"], t["upper"])
	case "CONJUNCTION":
		return typ{kind: boolKind}, n.conditions(list(t["children"]))
	case "OPERATOR":
		return n.operator(t)
	case "CASE":
		return n.caseOf(t)
	case "FUNCTION":
		return n.function(t)
	case "WINDOW":
		return n.window(t)
	case "SUBQUERY":
		return n.subquery(t)
	case "STAR":
		return typ{}, empty(t["columns"]) && t["expr"] == nil && empty(t["replace_list"]) && empty(t["rename_list"])
	}
	return typ{}, false
}

func constantType(v tree) typ {
	if null, _ := v["is_null"].(bool); null {
		return typ{kind: nullKind, constant: true}
	}
	ty := object(v["type"])
	t := castType(ty)
	t.constant = true
	if t.kind == textKind {
		t.text, t.literal = v["value"].(string)
	}
	return t
}

func castType(t tree) typ {
	info := object(t["type_info"])
	return native(str(t, "id"), integer(info["width"]), integer(info["scale"]))
}

func integer(v any) int {
	n, _ := v.(json.Number)
	i, _ := strconv.Atoi(n.String())
	return i
}

// cast is total where every value of the child's type converts, or where the child
// is literal text that was checked.
func (n *names) cast(t tree) (typ, bool) {
	to := castType(object(t["cast_type"]))
	from, ok := n.infer(t["child"])
	if !ok || to.kind == unknownKind || str(object(t["cast_type"]), "id") == "FLOAT" {
		return typ{}, false
	}
	if str(object(t["child"]), "class") == "PARAMETER" { // the executor binds a value of this type
		to.constant = to.kind != dateKind // a date may be later than any timestamp
		return to, from.kind == to.kind
	}
	to.constant = from.constant
	switch {
	case from.kind == nullKind:
		return to, true
	case from.literal && to.kind != textKind:
		return to, converts(from.text, to)
	case from.kind == to.kind:
		return to, from.precision-from.scale <= to.precision-to.scale && from.scale <= to.scale
	case from.kind == intKind && (to.kind == floatKind || to.kind == hugeKind || to.kind == textKind):
		return to, true
	case from.kind == decimalKind && to.kind == floatKind, from.kind == hugeKind && to.kind == floatKind:
		return to, true
	case to.kind == textKind:
		return to, from.kind == boolKind || from.kind == dateKind || from.kind == uuidKind
	}
	return to, false
}

// compared reports whether comparing the first with each of the others is total.
func (n *names) compared(first any, others ...any) bool {
	a, ok := n.infer(first)
	if !ok {
		return false
	}
	for _, o := range others {
		b, ok := n.infer(o)
		if !ok || !comparable(a, b) {
			return false
		}
	}
	return true
}

// conditions reports whether all are total truth values: anything else is cast by the engine.
func (n *names) conditions(all []any) bool {
	for _, c := range all {
		if c == nil {
			continue
		}
		if t, ok := n.infer(c); !ok || t.kind != boolKind && t.kind != nullKind {
			return false
		}
	}
	return true
}

func (n *names) all(exprs []any) bool {
	for _, e := range exprs {
		if e == nil {
			continue
		}
		if _, ok := n.infer(e); !ok {
			return false
		}
	}
	return true
}

func (n *names) operator(t tree) (typ, bool) {
	children := list(t["children"])
	yes := typ{kind: boolKind}
	switch str(t, "type") {
	case "OPERATOR_NOT":
		return yes, n.conditions(children)
	case "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL":
		return yes, n.all(children)
	case "COMPARE_IN", "COMPARE_NOT_IN":
		return yes, n.in(children)
	case "OPERATOR_COALESCE":
		return n.same(children)
	case "GROUPING_FUNCTION":
		return typ{kind: intKind, precision: 19}, n.all(children)
	}
	return typ{}, false
}

// in is stricter than comparing: DuckDB converts all members to one type.
func (n *names) in(children []any) bool {
	first, ok := n.infer(children[0])
	if !ok || first.kind == unknownKind || first.kind == nullKind {
		return false
	}
	literals, whole, scale := 0, first.precision-first.scale, first.scale
	for _, c := range children[1:] {
		t, ok := n.infer(c)
		if !ok || !comparable(first, t) || t.kind != first.kind && !t.literal && t.kind != nullKind {
			return false
		}
		whole, scale = max(whole, t.precision-t.scale), max(scale, t.scale)
		if t.literal {
			literals++
		}
	}
	return whole+scale <= 38 && (literals == 0 || literals == len(children)-1)
}

// same gives the type of expressions that must all have one.
func (n *names) same(exprs []any) (typ, bool) {
	result := typ{kind: nullKind}
	for _, e := range exprs {
		t, ok := n.infer(e)
		if !ok || t.kind == unknownKind {
			return typ{}, false
		}
		t.constant, t.literal, t.text = false, false, ""
		switch {
		case t.kind == nullKind:
		case result.kind == nullKind, result.kind == intKind && t.kind == intKind && t.precision > result.precision:
			result = t
		case result.kind == intKind && t.kind == intKind:
		case t != result:
			return typ{}, false
		}
	}
	return result, true
}

func (n *names) caseOf(t tree) (typ, bool) {
	var when, then []any
	for _, c := range list(t["case_checks"]) {
		when = append(when, object(c)["when_expr"])
		then = append(then, object(c)["then_expr"])
	}
	if t["else_expr"] != nil {
		then = append(then, t["else_expr"])
	}
	result, ok := n.same(then)
	return result, ok && n.conditions(when)
}
