package rewrite

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"stead"
	"stead/dialect/duckdb"
)

// conjunct is a condition of the asker that cannot fail and compares one clear
// column with constants, so that a copy may be narrowed by it.
type conjunct struct {
	leaf   *leafRef
	column string
	pieces []any // text, a column's place, or a parameter
}

type place struct{}
type paramPiece struct {
	number int
	typ    string
}

// sql prints the condition; parameters get numbers of the copy's own.
func (c conjunct) sql(column func(string) string, bind *[]int) string {
	var b strings.Builder
	for _, p := range c.pieces {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case place:
			b.WriteString(column(c.column))
		case paramPiece:
			*bind = append(*bind, p.number-1)
			fmt.Fprintf(&b, "CAST($%d AS %s)", len(*bind), p.typ)
		}
	}
	return "(" + b.String() + ")"
}

// narrower finds such conditions in every SELECT of a statement.
type narrower struct {
	names *names
	refs  map[string]*leafRef // by placeholder
}

func (n *narrower) visit(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n.visit(e)
		}
	case tree:
		if str(v, "type") == "SELECT_NODE" {
			n.selectNode(v)
		}
		for _, e := range v {
			n.visit(e)
		}
	}
}

// from is what a FROM clause offers: leaves whose rows a condition may drop before
// the joins, all leaves, and whether anything else is there.
type from struct {
	kept       []*leafRef
	all        []*leafRef
	other      bool
	conditions []any
}

func (n *narrower) selectNode(t tree) {
	f := &from{}
	if !n.source(object(t["from_table"]), true, f) {
		return
	}
	f.conditions = append(f.conditions, t["where_clause"])
	var found []conjunct
	var equal [][2]tree
	for _, e := range conjuncts(f.conditions) {
		if c, ok := n.conjunct(e, f); ok {
			found = append(found, c)
		}
		if a, b, ok := equality(e); ok {
			equal = append(equal, [2]tree{a, b})
		}
	}
	equal = equal[:min(len(equal), carried)]
	for i, c := range found {
		n.add(c, f)
		if i >= carried {
			continue
		}
		for _, pair := range equal {
			n.carry(c, pair[0], pair[1], f)
			n.carry(c, pair[1], pair[0], f)
		}
	}
}

// carried is how many conditions and equalities are combined.
const carried = 50

func (n *narrower) add(c conjunct, f *from) {
	for _, l := range f.kept {
		if l == c.leaf && !l.sampled {
			l.narrowing = append(l.narrowing, c)
		}
	}
}

// carry gives a condition on one side of an equality to the other side.
func (n *narrower) carry(c conjunct, one, other tree, f *from) {
	l, column, ok := n.resolve(one, f)
	if !ok || l != c.leaf || column.Name != c.column {
		return
	}
	l2, column2, ok := n.resolve(other, f)
	if ok && l2 != l && declared(column2.Type) == declared(column.Type) {
		n.add(conjunct{l2, column2.Name, c.pieces}, f)
	}
}

// source collects leaves; kept is false on the side that an outer join fills with
// NULL. It gives up where dropping a row early changes what the join gives.
func (n *narrower) source(t tree, kept bool, f *from) bool {
	switch str(t, "type") {
	case "BASE_TABLE":
		l, ok := n.refs[str(t, "table_name")]
		if !ok || l.renamed {
			f.other = true
			return true
		}
		f.all = append(f.all, l)
		if kept {
			f.kept = append(f.kept, l)
		}
		return true
	case "JOIN":
		left, right := kept, kept
		switch str(t, "join_type") {
		case "INNER":
			if kept {
				f.conditions = append(f.conditions, t["condition"])
			}
		case "LEFT", "SEMI", "ANTI":
			right = false
		case "RIGHT":
			left = false
		default:
			left, right = false, false
		}
		// Merged columns of USING belong to no one table.
		f.other = f.other || len(list(t["using_columns"])) > 0
		return str(t, "ref_type") == "REGULAR" &&
			n.source(object(t["left"]), left, f) && n.source(object(t["right"]), right, f)
	case "EMPTY":
		return true
	}
	f.other = true
	return true
}

func conjuncts(conditions []any) []tree {
	var out []tree
	for _, c := range conditions {
		t := object(c)
		switch {
		case t == nil:
		case str(t, "type") == "CONJUNCTION_AND":
			out = append(out, conjuncts(list(t["children"]))...)
		default:
			out = append(out, t)
		}
	}
	return out
}

func equality(t tree) (tree, tree, bool) {
	l, r := object(t["left"]), object(t["right"])
	return l, r, str(t, "type") == "COMPARE_EQUAL" && str(l, "class") == "COLUMN_REF" && str(r, "class") == "COLUMN_REF"
}

// resolve finds the one leaf a column reference must mean.
func (n *narrower) resolve(t tree, f *from) (*leafRef, stead.ColumnDecision, bool) {
	parts := texts(t["column_names"])
	var found *leafRef
	var column stead.ColumnDecision
	if len(parts) == 0 || len(parts) > 2 || len(parts) == 1 && f.other {
		return nil, column, false
	}
	for _, l := range f.all {
		if len(parts) == 2 && l.alias != duckdb.FoldName(parts[0]) {
			continue
		}
		for _, c := range l.source.Decision.Columns {
			if duckdb.FoldName(c.Name) != duckdb.FoldName(parts[len(parts)-1]) {
				continue
			}
			if found != nil {
				return nil, column, false
			}
			found, column = l, c
		}
	}
	return found, column, found != nil && column.Access == stead.ColumnClear
}

var comparisons = map[string]string{"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<",
	"COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHAN": ">", "COMPARE_GREATERTHANOREQUALTO": ">="}

func (n *narrower) conjunct(t tree, f *from) (conjunct, bool) {
	if result, ok := n.names.infer(t); !ok || result.kind != boolKind {
		return conjunct{}, false
	}
	switch str(t, "class") {
	case "COMPARISON":
		op, ok := comparisons[str(t, "type")]
		if !ok {
			return conjunct{}, false
		}
		if c, ok := n.build(f, t["left"], place{}, " "+op+" ", t["right"]); ok {
			return c, true
		}
		return n.build(f, t["right"], t["left"], " "+op+" ", place{})
	case "BETWEEN":
		return n.build(f, t["input"], place{}, " BETWEEN ", t["lower"], " AND ", t["upper"])
	case "OPERATOR":
		return n.test(t, f)
	}
	return conjunct{}, false
}

func (n *narrower) test(t tree, f *from) (conjunct, bool) {
	children := list(t["children"])
	switch str(t, "type") {
	case "OPERATOR_IS_NULL":
		return n.build(f, children[0], place{}, " IS NULL")
	case "OPERATOR_IS_NOT_NULL":
		return n.build(f, children[0], place{}, " IS NOT NULL")
	case "COMPARE_IN":
		parts := []any{place{}, " IN ("}
		for i, c := range children[1:] {
			if i > 0 {
				parts = append(parts, ", ")
			}
			parts = append(parts, c)
		}
		return n.build(f, children[0], append(parts, ")")...)
	}
	return conjunct{}, false
}

// build prints the parts, of which every tree must be a constant.
func (n *narrower) build(f *from, column any, parts ...any) (conjunct, bool) {
	ref := object(column)
	if str(ref, "class") != "COLUMN_REF" {
		return conjunct{}, false
	}
	l, c, ok := n.resolve(ref, f)
	if !ok {
		return conjunct{}, false
	}
	out := conjunct{leaf: l, column: c.Name}
	for _, p := range parts {
		if t, isTree := p.(tree); isTree {
			if p, ok = constant(t); !ok {
				return conjunct{}, false
			}
		}
		out.pieces = append(out.pieces, p)
	}
	return out, true
}

// constant prints a literal, a cast of one, or a cast parameter.
func constant(t tree) (any, bool) {
	switch str(t, "class") {
	case "CONSTANT":
		return literal(object(t["value"]))
	case "CAST":
		typ := object(t["cast_type"])
		id := str(typ, "id")
		if native(id, 0, 0).kind == unknownKind || !empty(t["try_cast"]) {
			return nil, false
		}
		if id == "DECIMAL" {
			info := object(typ["type_info"])
			id = fmt.Sprintf("DECIMAL(%d,%d)", integer(info["width"]), integer(info["scale"]))
		}
		child := object(t["child"])
		if str(child, "class") == "PARAMETER" {
			number, err := strconv.Atoi(str(child, "identifier"))
			return paramPiece{number, id}, err == nil
		}
		inner, ok := constant(child)
		s, isText := inner.(string)
		return "CAST(" + s + " AS " + id + ")", ok && isText
	}
	return nil, false
}

func literal(v tree) (any, bool) {
	if null, _ := v["is_null"].(bool); null {
		return "NULL", true
	}
	switch x := v["value"].(type) {
	case string:
		return quoteText(x), str(object(v["type"]), "id") == "VARCHAR"
	case bool:
		return strings.ToUpper(strconv.FormatBool(x)), true
	case json.Number:
		return numberLiteral(object(v["type"]), x)
	}
	return nil, false
}

func numberLiteral(t tree, x json.Number) (any, bool) {
	switch str(t, "id") {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT":
		return fmt.Sprintf("CAST(%s AS %s)", x, str(t, "id")), true
	case "DECIMAL":
		info := object(t["type_info"])
		unscaled, ok := new(big.Int).SetString(x.String(), 10)
		if !ok {
			return nil, false
		}
		scale := integer(info["scale"])
		s := new(big.Rat).SetFrac(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
		return fmt.Sprintf("CAST('%s' AS DECIMAL(%d,%d))", s, integer(info["width"]), scale), true
	}
	return nil, false
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
