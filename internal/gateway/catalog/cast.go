package catalog

import (
	"encoding/json"
	"strings"

	"stead/internal/gateway/pgtype"
)

// cast maps types; to regclass and its like it is a look-up.
func (w *walker) cast(t tree, byName bool) (any, error) {
	typ, _ := t["cast_type"].(tree)
	name := castName(t)
	toText := str(typ, "id") == "VARCHAR" || plainTypes[name] == "VARCHAR"
	child, _ := t["child"].(tree)
	inner, err := w.expr(child, toText)
	if err != nil {
		return nil, err
	}
	if to, ok := regTypes[name]; ok {
		suffix := "_oid"
		if byName {
			suffix = "_name"
			inner = w.call(tree{"query_location": t["query_location"]}, target{to.schema, to.name + "_oid"}, inner)
		}
		return w.call(t, target{to.schema, to.name + suffix}, inner), nil
	}
	mapped, err := castType(typ)
	if err != nil {
		return nil, err
	}
	if raw, ok := untyped(inner); ok {
		inner = raw // the cast is all that is known of the parameter, and so its type
	}
	if text, ok := constantText(inner); ok && str(mapped, "id") == "LIST" && strings.HasPrefix(text, "{") {
		inner = w.call(tree{"query_location": t["query_location"]}, target{fixed, "x_text_array"}, inner)
	}
	t["child"], t["cast_type"] = inner, mapped
	return t, nil
}

// castName is the name of a type that the parser left unresolved, else its id.
func castName(t tree) string {
	typ, _ := t["cast_type"].(tree)
	if info, _ := typ["type_info"].(tree); str(typ, "id") == "UNBOUND" {
		return strings.ToLower(str(info, "name"))
	}
	return str(typ, "id")
}

func castType(typ tree) (tree, error) {
	info, _ := typ["type_info"].(tree)
	switch id := str(typ, "id"); {
	case id == "UNBOUND":
		name := strings.ToLower(str(info, "name"))
		if to, ok := plainTypes[name]; ok {
			return simpleType(to), nil
		}
		if _, ok := regTypes[name]; ok {
			return simpleType("BIGINT"), nil
		}
		return nil, unknown("type", name)
	case id == "LIST":
		elem, _ := info["child_type"].(tree)
		mapped, err := castType(elem)
		if err != nil {
			return nil, err
		}
		return listType(mapped), nil
	case isEngineType(id):
		return typ, nil
	default:
		return nil, unknown("type", id)
	}
}

func castTo(t tree, child any, typ tree) tree {
	return tree{"class": "CAST", "type": "OPERATOR_CAST", "alias": str(t, "alias"), "query_location": t["query_location"],
		"child": child, "cast_type": typ, "try_cast": false}
}

func simpleType(id string) tree { return tree{"id": id, "type_info": nil} }

func listType(elem tree) tree {
	return tree{"id": "LIST", "type_info": tree{"type": "LIST_TYPE_INFO", "alias": "", "extension_info": nil, "child_type": elem}}
}

// parameter gives $n the type its client declared; text converts to anything it is compared with.
func (w *walker) parameter(t tree) any {
	var oid uint32
	var n int
	if json.Unmarshal([]byte(str(t, "identifier")), &n) == nil && n >= 1 && n <= len(w.params) {
		oid = w.params[n-1]
	}
	if elem, ok := pgtype.Known(oid); ok && elem != 0 {
		if name, ok := pgtype.DuckDB(elem); ok {
			return castTo(t, copyOf(t), listType(simpleType(name)))
		}
	}
	name, ok := pgtype.DuckDB(oid)
	if !ok {
		name = "VARCHAR"
	}
	c := castTo(t, copyOf(t), simpleType(name))
	if oid == 0 {
		c["open"] = true
		w.marked = append(w.marked, c)
	}
	return c
}

// untyped is the bare parameter in what parameter() makes of one whose type the client left open.
func untyped(v any) (tree, bool) {
	t, _ := v.(tree)
	open, _ := t["open"].(bool)
	child, ok := t["child"].(tree)
	return child, open && ok
}
