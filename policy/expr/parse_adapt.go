package expr

import "fmt"

// adapt gives bare NULLs and exact numbers the type of what they stand beside.
func adapt(f Func, args []Node) ([]Node, error) {
	var choice []Node
	switch f {
	case If:
		choice = args[min(1, len(args)):]
	case Coalesce, NullIf, Greatest, Least:
		choice = args
	case Lt, Le, Gt, Ge, Between, Bucket:
		for i, a := range args {
			if l, ok := a.(Literal); ok && l.Typ.IsNumber() && hasFloat(args) {
				args[i] = floatOf(l)
			}
		}
	}
	for _, n := range choice {
		if isBareNull(n) {
			continue
		}
		for i, other := range choice {
			choice[i] = adaptTo(other, n.Type())
		}
	}
	for _, a := range args {
		if isBareNull(a) {
			return nil, fmt.Errorf("%s: %s", f, bareNullMsg)
		}
	}
	return args, nil
}

// bareNull is a NULL whose type is not known yet; it never leaves the parser.
var bareNull = NullOf(Type{Native: "null"})

const bareNullMsg = "NULL has no type here; write for example text NULL"

func isBareNull(n Node) bool {
	l, ok := n.(Literal)
	return ok && !l.Value.Valid && l.Typ.Kind == Opaque && l.Typ.Native == "null"
}

func hasFloat(args []Node) bool {
	for _, a := range args {
		if a.Type().Kind == Float {
			return true
		}
	}
	return false
}

func adaptTo(n Node, t Type) Node {
	l, ok := n.(Literal)
	switch {
	case !ok:
		return n
	case isBareNull(l):
		return NullOf(t)
	case l.Typ.Kind == Int && t.Kind == Decimal && l.Value.Valid:
		if d := toDecimal(l.Value, t); d.Valid {
			return Literal{Value: d, Typ: computed(t)}
		}
	case l.Typ.IsNumber() && t.Kind == Float && l.Value.Valid:
		return floatOf(l)
	}
	return n
}
