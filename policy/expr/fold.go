package expr

import (
	"reflect"
	"slices"
)

// Facts is what is known about the subject when it asks.
type Facts struct {
	UserName, IAM string
	Groups        []string            // Group.Fact names
	Attributes    map[string][]string // effective values by key
	Purposes      []string            // acted under, dotted
	NowMicros     int64               // the time of asking, microseconds since 1970-01-01 UTC
}

// Fold evaluates what does not depend on the row. With facts no Subject node is left;
// with nil facts only constants are folded. It never changes the value the expression
// has for any row, NULL included, nor the kind of its type.
func Fold(n Node, f *Facts) Node {
	folded, _ := fold(n, f)
	return folded
}

// fold also says whether anything changed: most of a tree does not, and is shared.
func fold(n Node, f *Facts) (Node, bool) {
	switch n := n.(type) {
	case Subject:
		return foldSubject(n, f), true
	case Call:
		return foldCall(n, f)
	default:
		return n, false
	}
}

func foldCall(c Call, f *Facts) (Node, bool) {
	var args []Node
	for i, a := range c.Args {
		folded, changed := fold(a, f)
		if changed && args == nil {
			args = slices.Clone(c.Args)
		}
		if changed {
			args[i] = folded
		}
	}
	if args == nil {
		out := simplify(c)
		if same, ok := out.(Call); ok && len(c.Args) > 0 && len(same.Args) > 0 && &same.Args[0] == &c.Args[0] {
			return c, false
		}
		return keepType(out, c.typ), true
	}
	folded, err := NewCall(c.Func, args...)
	if err != nil {
		// A folded argument keeps its kind, so this is a node not made by NewCall: left
		// as it is, for printers and interpreters to refuse.
		return c, false
	}
	return keepType(simplify(folded), c.typ), true
}

// keepType restores the precision and scale a choice between decimals had: they are
// part of the canonical text. Widening loses nothing.
func keepType(n Node, t Type) Node {
	got := n.Type()
	if t.Kind != Decimal || got.Precision == t.Precision && got.Scale == t.Scale {
		return n
	}
	if l, ok := n.(Literal); ok {
		if !l.Value.Valid {
			return NullOf(t)
		}
		if d, ok := Rescale(l.Value.Dec, l.Value.Scale, t.Scale); ok {
			return Literal{Value: DecimalValue(d, t.Scale), Typ: t}
		}
	}
	c, err := NewCall(Cast, n, NullOf(t))
	if err != nil {
		return n
	}
	return c
}

func simplify(c Call) Node {
	switch c.Func {
	case And:
		return foldJunction(c, false)
	case Or:
		return foldJunction(c, true)
	case Not:
		return foldNot(c)
	case IsTrue:
		if l, ok := c.Args[0].(Literal); ok {
			return BoolLit(isTrue(l))
		}
	case IsNull:
		if l, ok := c.Args[0].(Literal); ok {
			return BoolLit(!l.Value.Valid)
		}
	case If:
		if l, ok := c.Args[0].(Literal); ok {
			return c.Args[2-boolInt(isTrue(l))]
		}
	case Coalesce:
		return foldCoalesce(c)
	case NullIf:
		return foldNullIf(c)
	case Between:
		return foldBetween(c)
	case Same:
		return foldSame(c)
	case Cast:
		if isNull(c.Args[0]) {
			return NullOf(c.typ)
		}
		// Engines do not all enforce the declared length of a text, so its cast stays.
		if c.typ.Kind != Text && reflect.DeepEqual(c.Args[0].Type(), c.typ) {
			return c.Args[0]
		}
	default:
		return foldStrict(c)
	}
	return c
}

func isNull(n Node) bool {
	l, ok := n.(Literal)
	return ok && !l.Value.Valid
}

func isTrue(l Literal) bool { return l.Value.Valid && l.Value.Bool }

// foldJunction folds AND (deciding FALSE) and OR (deciding TRUE).
func foldJunction(c Call, decides bool) Node {
	if !slices.ContainsFunc(c.Args, func(a Node) bool { return joins(c.Func, a) }) {
		return c
	}
	args := make([]Node, 0, len(c.Args))
	null := false
	for _, a := range c.Args {
		switch a := a.(type) {
		case Literal:
			if !a.Value.Valid {
				null = true
			} else if a.Value.Bool == decides {
				return BoolLit(decides)
			}
			continue
		case Call:
			if a.Func == c.Func { // already folded: holds no deciding constant
				args = append(args, a.Args...)
				continue
			}
		case Column, Key, Subject:
		}
		args = append(args, a)
	}
	if null {
		args = append(args, NullOf(BoolType))
	}
	switch len(args) {
	case 0:
		return BoolLit(!decides)
	case 1:
		return args[0]
	}
	return Call{Func: c.Func, Args: args, typ: BoolType}
}

// joins reports whether a junction can take the argument apart.
func joins(f Func, a Node) bool {
	switch a := a.(type) {
	case Literal:
		return true
	case Call:
		return a.Func == f
	default:
		return false
	}
}

func foldNot(c Call) Node {
	switch a := c.Args[0].(type) {
	case Literal:
		if !a.Value.Valid {
			return a
		}
		return BoolLit(!a.Value.Bool)
	case Call:
		if a.Func == Not {
			return a.Args[0]
		}
	case Column, Key, Subject:
	}
	return c
}

func foldCoalesce(c Call) Node {
	var args []Node
	for _, a := range c.Args {
		if isNull(a) {
			continue
		}
		args = append(args, a)
		if _, ok := a.(Literal); ok {
			break
		}
	}
	switch len(args) {
	case 0:
		return NullOf(c.typ)
	case 1:
		return args[0]
	case len(c.Args):
		return c
	}
	return rebuilt(c, args...)
}

// rebuilt is a call of c's function over some of its arguments.
func rebuilt(c Call, args ...Node) Node {
	out, err := NewCall(c.Func, args...)
	if err != nil {
		return c
	}
	return out
}

func foldNullIf(c Call) Node {
	a, b := c.Args[0], c.Args[1]
	switch {
	case isNull(a):
		return NullOf(c.typ)
	case isNull(b):
		return a
	}
	if cmp, ok := compareLiterals(a, b); ok {
		if cmp == 0 {
			return NullOf(c.typ)
		}
		return a
	}
	return c
}

// foldBetween splits where a bound is NULL, because the other one can still decide.
func foldBetween(c Call) Node {
	x, lo, hi := c.Args[0], c.Args[1], c.Args[2]
	if isNull(x) || isNull(lo) && isNull(hi) {
		return NullOf(BoolType)
	}
	_, okLo := compareLiterals(x, lo)
	_, okHi := compareLiterals(x, hi)
	if !isNull(lo) && !isNull(hi) && !okLo && !okHi {
		return c
	}
	ge, errGe := NewCall(Ge, x, lo)
	le, errLe := NewCall(Le, x, hi)
	if errGe != nil || errLe != nil {
		return c
	}
	both, err := NewCall(And, foldStrict(ge), foldStrict(le))
	if err != nil {
		return c
	}
	return foldJunction(both, false)
}

// foldSame never leaves a literal NULL beside an equality.
func foldSame(c Call) Node {
	a, b := c.Args[0], c.Args[1]
	switch {
	case isNull(a) && isNull(b):
		return True
	case isNull(a):
		a, b = b, a
		fallthrough
	case isNull(b):
		if _, ok := a.(Literal); ok {
			return False
		}
		return rebuilt(Call{Func: IsNull, Args: []Node{a}, typ: BoolType}, a)
	}
	if cmp, ok := compareLiterals(a, b); ok {
		return BoolLit(cmp == 0)
	}
	return c
}

// foldStrict folds a function that gives NULL for NULL, and comparisons of constants.
func foldStrict(c Call) Node {
	for _, a := range c.Args {
		if isNull(a) {
			return NullOf(c.typ)
		}
	}
	if c.Func == In {
		return foldIn(c)
	}
	if len(c.Args) != 2 {
		return c
	}
	cmp, ok := compareLiterals(c.Args[0], c.Args[1])
	if !ok {
		return c
	}
	switch c.Func {
	case Eq:
		return BoolLit(cmp == 0)
	case Ne:
		return BoolLit(cmp != 0)
	case Lt:
		return BoolLit(cmp < 0)
	case Le:
		return BoolLit(cmp <= 0)
	case Gt:
		return BoolLit(cmp > 0)
	case Ge:
		return BoolLit(cmp >= 0)
	default:
		return c
	}
}

func foldIn(c Call) Node {
	if _, ok := c.Args[0].(Literal); !ok {
		return c
	}
	for _, l := range c.Args[1:] {
		cmp, ok := compareLiterals(c.Args[0], l)
		if !ok {
			return c
		}
		if cmp == 0 {
			return True
		}
	}
	return False
}

// compareLiterals orders two constants that are not NULL and of one class.
func compareLiterals(a, b Node) (int, bool) {
	x, ok1 := a.(Literal)
	y, ok2 := b.(Literal)
	if !ok1 || !ok2 || !x.Value.Valid || !y.Value.Valid {
		return 0, false
	}
	if x.Typ.Kind == Float && y.Typ.Kind == Float {
		return compareFloats(x.Value.Float, y.Value.Float), true
	}
	if classOf(x.Typ) == noClass || classOf(x.Typ) != classOf(y.Typ) {
		return 0, false
	}
	return compareValues(x.Value, y.Value), true
}
