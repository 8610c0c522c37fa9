package catalog

import (
	"strings"

	"stead"
)

// format joins texts as a constant pattern of %s, %I, %L and %% says.
func (w *walker) format(t tree) (any, error) {
	args := children(t)
	refused := stead.Errorf(stead.Unsupported, "format() is available in catalogue queries with a constant pattern of %%s, %%I, %%L and %%%% only")
	if len(args) == 0 {
		return nil, refused
	}
	pattern, ok := constantText(args[0])
	if !ok {
		return nil, refused
	}
	at := tree{"query_location": t["query_location"]}
	pieces := strings.Split(strings.ReplaceAll(pattern, "%%", "\x00"), "%")
	plain := func(s string) any { return constant(at, "VARCHAR", strings.ReplaceAll(s, "\x00", "%")) }
	parts, args := []any{plain(pieces[0])}, args[1:]
	for _, p := range pieces[1:] {
		if p == "" || len(args) == 0 {
			return nil, refused
		}
		switch p[0] {
		case 's':
			parts = append(parts, args[0])
		case 'I':
			parts = append(parts, w.call(at, target{fixed, "quote_ident"}, args[0]))
		case 'L':
			parts = append(parts, w.call(at, target{fixed, "quote_literal"}, args[0]))
		default:
			return nil, refused
		}
		parts, args = append(parts, plain(p[1:])), args[1:]
	}
	return w.call(t, target{"", "concat"}, parts...), nil
}

// jsonObject joins texts: DuckDB's own function does not take parameters as keys.
func (w *walker) jsonObject(t tree) (any, error) {
	args := children(t)
	if len(args)%2 != 0 {
		return nil, stead.Errorf(stead.Invalid, "json_build_object needs pairs of arguments")
	}
	at := tree{"query_location": t["query_location"]}
	parts := []any{constant(at, "VARCHAR", "{")}
	for i := 0; i < len(args); i += 2 {
		if i > 0 {
			parts = append(parts, constant(at, "VARCHAR", ", "))
		}
		parts = append(parts, w.call(at, target{fixed, "x_json_pair"}, args[i], args[i+1]))
	}
	return w.call(t, target{"", "concat"}, append(parts, constant(at, "VARCHAR", "}"))...), nil
}

// setConfig answers for jit, a setting without effect that asyncpg turns off around its look-ups. For
// any other the caller would believe that something is set which is not.
func (w *walker) setConfig(t tree) (any, error) {
	args := children(t)
	if len(args) == 3 {
		if name, ok := constantText(args[0]); ok && strings.EqualFold(name, "jit") {
			return castTo(t, args[1], simpleType("VARCHAR")), nil
		}
	}
	return nil, stead.Errorf(stead.Unsupported, "set_config() is available for the setting jit only").WithHint("use SET")
}

// call makes a function call that stands where t stood.
func (w *walker) call(t tree, to target, args ...any) tree {
	if args == nil {
		args = []any{}
	}
	return tree{"class": "FUNCTION", "type": "FUNCTION", "alias": str(t, "alias"), "query_location": t["query_location"],
		"function_name": to.name, "schema": w.in(to.schema), "catalog": "", "children": args, "filter": nil,
		"order_bys": tree{"type": "ORDER_MODIFIER", "orders": []any{}}, "distinct": false, "is_operator": false, "export_state": false}
}

func (w *walker) in(schema string) string {
	if schema == own {
		return w.schema.name
	}
	return schema
}

func constant(t tree, typ string, value any) tree {
	return tree{"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": str(t, "alias"), "query_location": t["query_location"],
		"value": tree{"type": tree{"id": typ, "type_info": nil}, "is_null": false, "value": value}}
}

func constantText(v any) (string, bool) {
	t, _ := v.(tree)
	if str(t, "class") != "CONSTANT" {
		return "", false
	}
	value, _ := t["value"].(tree)
	s, ok := value["value"].(string)
	return s, ok
}

func copyOf(t tree) tree {
	c := tree{}
	for k, v := range t {
		c[k] = v
	}
	c["alias"] = ""
	return c
}
