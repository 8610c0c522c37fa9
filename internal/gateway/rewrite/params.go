package rewrite

import (
	"slices"
	"strconv"
	"strings"
)

// oidTypes are the types a client may give a parameter, as DuckDB calls them. Numbers
// take the widest type of their family, so that the cast of a bound value cannot fail:
// a cast that fails only when a row reaches it shows that there is such a row.
var oidTypes = map[uint32]string{16: "BOOLEAN", 17: "BLOB", 18: "VARCHAR", 19: "VARCHAR", 20: "BIGINT", 21: "BIGINT", 23: "BIGINT",
	25: "VARCHAR", 26: "BIGINT", 114: "JSON", 700: "DOUBLE", 701: "DOUBLE", 1042: "VARCHAR", 1043: "VARCHAR", 1082: "DATE", 1083: "TIME",
	1114: "TIMESTAMP", 1184: "TIMESTAMP WITH TIME ZONE", 1186: "INTERVAL", 1700: "DECIMAL(38,10)", 2950: "UUID", 3802: "JSON",
	1000: "BOOLEAN[]", 1005: "BIGINT[]", 1007: "BIGINT[]", 1009: "VARCHAR[]", 1014: "VARCHAR[]", 1015: "VARCHAR[]", 1016: "BIGINT[]",
	1021: "DOUBLE[]", 1022: "DOUBLE[]", 1115: "TIMESTAMP[]", 1182: "DATE[]", 1185: "TIMESTAMP WITH TIME ZONE[]", 1231: "DECIMAL(38,10)[]", 2951: "UUID[]"}

// kindTypes are the types given to parameters that stand beside something of the kind.
var kindTypes = map[kind]string{boolKind: "BOOLEAN", intKind: "BIGINT", hugeKind: "DECIMAL(38,10)", decimalKind: "DECIMAL(38,10)", floatKind: "DOUBLE",
	textKind: "VARCHAR", dateKind: "DATE", timeKind: "TIME", timestampKind: "TIMESTAMP", instantKind: "TIMESTAMP WITH TIME ZONE", uuidKind: "UUID", blobKind: "BLOB"}

// wrapParameters gives every $n a type, from the client or from what it is compared
// with, writes the cast that tells DuckDB, and numbers them from 1 without gaps.
func (s *statement) wrapParameters(plan *Plan) {
	used := make([]int, 0, len(s.walk.params))
	for n := range s.walk.params {
		used = append(used, n)
	}
	slices.Sort(used)
	if len(used) == 0 {
		return
	}
	plan.Parameters = make([]Parameter, used[len(used)-1])
	number := map[int]int{}
	for i, n := range used {
		number[n] = i + 1
		plan.Bind = append(plan.Bind, n-1)
		plan.Parameters[n-1].Used = true
	}
	s.guess(plan)
	for i := range plan.Parameters {
		if i < len(s.oids) && s.oids[i] != 0 && s.oids[i] != 705 {
			plan.Parameters[i].Type = oidTypes[s.oids[i]]
		}
		if plan.Parameters[i].Type == "" {
			plan.Parameters[i].Type = "VARCHAR"
		}
	}
	s.wrap(s.root, plan, number)
}

// guess finds types for parameters by what stands beside them.
func (s *statement) guess(plan *Plan) {
	n := newNames(s.r.function)
	for _, l := range s.refs {
		n.leaf(l.alias, l.types())
	}
	n.collect(s.root)
	g := &guesser{names: n, found: map[string]string{}}
	for id := range s.walk.counts {
		g.found[id] = kindTypes[intKind]
	}
	g.visit(s.root)
	for id, t := range g.found {
		if i, err := strconv.Atoi(id); err == nil {
			plan.Parameters[i-1].Type = t
		}
	}
}

type guesser struct {
	names *names
	found map[string]string
}

func (g *guesser) visit(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			g.visit(e)
		}
	case tree:
		g.look(v)
		for _, e := range v {
			g.visit(e)
		}
	}
}

func (g *guesser) look(t tree) {
	switch str(t, "class") {
	case "CAST":
		if c := object(t["child"]); str(c, "class") == "PARAMETER" {
			if name := parameterType(object(t["cast_type"])); name != "" {
				g.found[str(c, "identifier")] = name
			}
		}
	case "COMPARISON":
		g.beside(t["left"], t["right"])
	case "BETWEEN":
		g.beside(t["input"], t["lower"], t["upper"])
	case "OPERATOR":
		if strings.HasSuffix(str(t, "type"), "_IN") {
			g.beside(list(t["children"])...)
		}
	case "SUBQUERY":
		g.member(t)
	}
}

// member gives $1 in x = any($1), which the parser writes as a sub-query, a list of the type of x.
func (g *guesser) member(t tree) {
	selected := list(object(object(t["subquery"])["node"])["select_list"])
	if str(t, "subquery_type") != "ANY" || len(selected) != 1 || str(object(selected[0]), "function_name") != "unnest" {
		return
	}
	args := list(object(selected[0])["children"])
	if len(args) != 1 || str(object(args[0]), "class") != "PARAMETER" {
		return
	}
	of, _ := g.names.infer(t["child"])
	if id := str(object(args[0]), "identifier"); kindTypes[of.kind] != "" && g.found[id] == "" {
		g.found[id] = kindTypes[of.kind] + "[]"
	}
}

// parameterType is the type of a parameter that is cast to the type; "" where there is none for it.
func parameterType(cast tree) string {
	if str(cast, "id") != "LIST" {
		return kindTypes[castType(cast).kind]
	}
	if of := parameterType(object(object(cast["type_info"])["child_type"])); of != "" && !strings.HasSuffix(of, "[]") {
		return of + "[]"
	}
	return ""
}

// beside gives parameters among the expressions the type of the first that has one.
func (g *guesser) beside(all ...any) {
	name := ""
	for _, e := range all {
		if t, _ := g.names.infer(e); name == "" && str(object(e), "class") != "PARAMETER" {
			name = kindTypes[t.kind]
		}
	}
	for _, e := range all {
		id := str(object(e), "identifier")
		if str(object(e), "class") == "PARAMETER" && name != "" && g.found[id] == "" {
			g.found[id] = name
		}
	}
}

// wrap casts each parameter to its type, once.
func (s *statement) wrap(v any, plan *Plan, number map[int]int) {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			v[i] = s.wrapped(e, plan, number)
			s.wrap(e, plan, number)
		}
	case tree:
		for name, e := range v {
			v[name] = s.wrapped(e, plan, number)
			s.wrap(e, plan, number)
		}
	}
}

func (s *statement) wrapped(v any, plan *Plan, number map[int]int) any {
	t := object(v)
	if str(t, "class") != "PARAMETER" {
		return v
	}
	old, err := strconv.Atoi(str(t, "identifier"))
	if err != nil {
		return v
	}
	alias := str(t, "alias")
	t["identifier"], t["alias"] = strconv.Itoa(number[old]), ""
	return tree{"class": "CAST", "type": "OPERATOR_CAST", "alias": alias, "query_location": noLocation,
		"child": t, "cast_type": typeTree(plan.Parameters[old-1].Type), "try_cast": false}
}

// typeTree is a type as DuckDB's tree spells it.
func typeTree(name string) tree {
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		return tree{"id": "LIST", "type_info": tree{"type": "LIST_TYPE_INFO", "alias": "", "extension_info": nil, "child_type": typeTree(elem)}}
	}
	switch name {
	case "DECIMAL(38,10)":
		return tree{"id": "DECIMAL", "type_info": tree{"type": "DECIMAL_TYPE_INFO", "alias": "", "extension_info": nil, "width": 38, "scale": 10}}
	case "JSON":
		return tree{"id": "UNBOUND", "type_info": tree{"type": "UNBOUND_TYPE_INFO", "alias": "", "extension_info": nil, "name": "json",
			"catalog": "", "schema": "", "user_type_modifiers": []any{}}}
	}
	return tree{"id": name, "type_info": nil}
}

// parameters tells the types of bound parameters, which are as good as constants
// where the executor binds a value of exactly the type. Decimals are not: a value
// may not fit the column's scale.
func (n *names) parameters(all []Parameter) {
	number := 0
	for _, p := range all {
		if !p.Used {
			continue
		}
		number++
		t := native(p.Type, 0, 0)
		t.constant = true
		if t.kind != decimalKind {
			n.params[strconv.Itoa(number)] = t
		}
	}
}
