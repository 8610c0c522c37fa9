package rewrite

import (
	"encoding/json"
	"strings"
)

// tree is an object of DuckDB's serialised statement.
type tree = map[string]any

// What may stand in a statement: every node kind with every field it has. A kind
// or a field that is not here is refused, so that what an upgrade adds is refused
// until it was looked at.
//
// Codes: e expression or null, E expressions, q query, n node, r table reference,
// m modifiers, c CTEs, t type, v value, C case checks, o order modifier, O orders, R named expressions,
// g table sample, V rows of expressions, s scalar, S list of scalars, 0 must be empty.
var shapes = parseShapes(`
expression COLUMN_REF column_names:S
expression CONSTANT value:v
expression PARAMETER identifier:s
expression COMPARISON left:e right:e
expression BETWEEN input:e lower:e upper:e
expression CONJUNCTION children:E
expression OPERATOR children:E
expression CASE case_checks:C else_expr:e
expression CAST child:e cast_type:t try_cast:s
expression COLLATE child:e collation:s
expression FUNCTION function_name:s schema:s catalog:s children:E filter:e order_bys:o distinct:s is_operator:s export_state:0
expression WINDOW function_name:s schema:s catalog:s children:E partitions:E orders:O start:s end:s start_expr:e end_expr:e offset_expr:e default_expr:e ignore_nulls:s filter_expr:e exclude_clause:s distinct:s arg_orders:O
expression SUBQUERY subquery_type:s subquery:q child:e comparison_type:s
expression STAR relation_name:s exclude_list:S replace_list:R columns:s expr:e qualified_exclude_list:0 rename_list:S
expression LAMBDA lhs:e expr:e
node SELECT_NODE cte_map:c from_table:r select_list:E where_clause:e group_expressions:E group_sets:S aggregate_handling:s having:e sample:0 qualify:e modifiers:m
node SET_OPERATION_NODE cte_map:c setop_type:s setop_all:s left:n right:n modifiers:m
node RECURSIVE_CTE_NODE cte_map:c cte_name:s union_all:s left:n right:n aliases:S key_targets:0 modifiers:m
table BASE_TABLE schema_name:s table_name:s catalog_name:s column_name_alias:S at_clause:0
table SUBQUERY subquery:q column_name_alias:S
table JOIN left:r right:r condition:e join_type:s ref_type:s using_columns:S delim_flipped:0 duplicate_eliminated_columns:0
table TABLE_FUNCTION function:e column_name_alias:S with_ordinality:s
table EXPRESSION_LIST expected_names:0 expected_types:0 values:V
table EMPTY
modifier ORDER_MODIFIER orders:O
modifier LIMIT_MODIFIER limit:e offset:e
modifier DISTINCT_MODIFIER distinct_on_targets:E
`)

// common are the fields that every node of a family has besides its own.
var common = map[string][]string{
	"expression": {"class", "type", "alias", "query_location"},
	"node":       {"type"},
	"table":      {"type", "alias", "sample", "query_location"},
	"modifier":   {"type"},
}

type field struct {
	name string
	code byte
}

type shape struct {
	fields []field // in the order in which they are walked
	known  map[string]bool
}

func parseShapes(src string) map[string]shape {
	out := map[string]shape{}
	for line := range strings.Lines(strings.TrimSpace(src)) {
		parts := strings.Fields(line)
		s := shape{known: map[string]bool{}}
		for _, p := range parts[2:] {
			name, code, _ := strings.Cut(p, ":")
			s.fields = append(s.fields, field{name, code[0]})
			s.known[name] = true
		}
		for _, name := range common[parts[0]] {
			s.known[name] = true
		}
		out[parts[0]+" "+parts[1]] = s
	}
	return out
}

// str is a text field, "" where it is missing or something else.
func str(t tree, name string) string { s, _ := t[name].(string); return s }

func object(v any) tree { t, _ := v.(tree); return t }

func list(v any) []any { l, _ := v.([]any); return l }

func texts(v any) []string {
	var out []string
	for _, e := range list(v) {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}

// empty reports whether a field that must say nothing says nothing.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case tree:
		return len(v) == 0
	}
	return false
}

// scalar reports whether a value is text, a number, a truth value or a list of them.
func scalar(v any) bool {
	switch v := v.(type) {
	case nil, bool, string, json.Number:
		return true
	case []any:
		for _, e := range v {
			if !scalar(e) {
				return false
			}
		}
		return true
	}
	return false
}
