package expr

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
)

// comparable classes: a comparison stays within one.
type class uint8

const (
	noClass class = iota
	boolClass
	numberClass
	textClass
	binaryClass
	dateClass
	timeClass
	timestampClass
	instantClass
	uuidClass
)

func classOf(t Type) class {
	switch t.Kind {
	case Bool:
		return boolClass
	case Int, Decimal:
		return numberClass
	case Text:
		return textClass
	case Binary:
		return binaryClass
	case Date:
		return dateClass
	case Time:
		return timeClass
	case Timestamp:
		return timestampClass
	case Instant:
		return instantClass
	case UUID:
		return uuidClass
	default:
		return noClass
	}
}

func equatable(a, b Node) error {
	ca, cb := classOf(a.Type()), classOf(b.Type())
	switch {
	case a.Type().Kind == Float || b.Type().Kind == Float:
		return errors.New("floats have no equality; use < <= > >= with a number")
	case ca == noClass:
		return fmt.Errorf("%s cannot be compared", a.Type())
	case cb == noClass:
		return fmt.Errorf("%s cannot be compared", b.Type())
	case ca != cb:
		return fmt.Errorf("%s cannot be compared with %s; types are never mixed%s", a.Type(), b.Type(), compareHint(ca, cb))
	}
	return nil
}

func compareHint(a, b class) string {
	if a == textClass {
		a, b = b, a
	}
	if b != textClass {
		return ""
	}
	switch a {
	case dateClass:
		return "; write DATE 'YYYY-MM-DD' or to_date(...)"
	case timestampClass:
		return "; write TIMESTAMP 'YYYY-MM-DD HH:MM:SS'"
	case instantClass:
		return "; write TIMESTAMPTZ 'YYYY-MM-DD HH:MM:SSZ'"
	case numberClass:
		return "; write the number without quotes, or to_int(...)"
	default:
		return "; use to_text(...)"
	}
}

// ordered allows what every engine orders alike. A float is only ordered beside a literal.
func ordered(a, b Node) error {
	if a.Type().Kind == Float || b.Type().Kind == Float {
		if floatBound(a, b) || floatBound(b, a) {
			return nil
		}
		return errors.New("a float can only be ordered against a float literal")
	}
	if err := equatable(a, b); err != nil {
		return err
	}
	switch c := classOf(a.Type()); c {
	case boolClass, uuidClass, binaryClass:
		return fmt.Errorf("%s has no order", a.Type())
	}
	return nil
}

func floatBound(x, bound Node) bool {
	_, err := constant(bound, Float)
	return x.Type().Kind == Float && err == nil
}

func compared(ok func(a, b Node) error) rule {
	return func(a []Node) (Type, error) { return BoolType, ok(a[0], a[1]) }
}

func checkIn(a []Node) (Type, error) {
	for i, l := range a[1:] {
		lit, ok := l.(Literal)
		if !ok || !lit.Value.Valid {
			return Type{}, fmt.Errorf("value %d of the list must be a literal that is not NULL", i+1)
		}
		if err := equatable(a[0], lit); err != nil {
			return Type{}, err
		}
	}
	return BoolType, nil
}

func checkBetween(a []Node) (Type, error) {
	if err := ordered(a[0], a[1]); err != nil {
		return Type{}, err
	}
	return BoolType, ordered(a[0], a[2])
}

func checkIf(a []Node) (Type, error) {
	if err := boolean(a[0]); err != nil {
		return Type{}, fmt.Errorf("condition: %w", err)
	}
	return unifyAll(a[1:])
}

func checkNullIf(a []Node) (Type, error) {
	if err := equatable(a[0], a[1]); err != nil {
		return Type{}, err
	}
	return computed(a[0].Type()), nil
}

func checkGreatest(a []Node) (Type, error) {
	if err := kind(Int, Decimal, Date)(a[0]); err != nil {
		return Type{}, err
	}
	return unifyAll(a)
}

// unifyAll is the type of a choice between values: one kind, and wide enough for all.
func unifyAll(a []Node) (Type, error) {
	t := a[0].Type()
	for _, n := range a {
		if err := anything(n); err != nil {
			return Type{}, err
		}
		var ok bool
		if t, ok = unify(t, n.Type()); !ok {
			return Type{}, fmt.Errorf("%s and %s cannot be alternatives; types are never mixed", a[0].Type(), n.Type())
		}
	}
	return t, nil
}

func unify(a, b Type) (Type, bool) {
	if reflect.DeepEqual(a, b) {
		return a, true
	}
	if a.Kind != b.Kind {
		return Type{}, false
	}
	switch a.Kind {
	case Bool, Binary, Date, Time, Timestamp, Instant, UUID:
		return Type{Kind: a.Kind}, true
	case Int:
		return IntType, true
	case Float:
		return Type{Kind: Float}, true
	case Decimal:
		s := max(a.Scale, b.Scale)
		p := s + max(a.Precision-a.Scale, b.Precision-b.Scale)
		return DecimalType(p, s), p <= 38
	case Text:
		if a.Length == 0 || b.Length == 0 {
			return TextType, true
		}
		return Type{Kind: Text, Length: max(a.Length, b.Length)}, true
	default:
		return Type{}, false
	}
}

// computed is the type without the engine's spelling: what a function gives.
func computed(t Type) Type {
	t.Native = ""
	return t
}

func checkBucket(a []Node) (Type, error) {
	switch a[0].Type().Kind {
	case Int:
		return IntType, intIn(1, 1<<62)(a[1])
	case Float:
		w, err := constant(a[1], Float)
		if err == nil && w.Float <= 0 {
			err = errors.New("the width must be above 0")
		}
		return Type{Kind: Float}, err
	case Decimal:
		scale := a[0].Type().Scale
		w, err := BucketWidth(a[1], scale)
		if err == nil && (w.Sign() <= 0 || w.CmpAbs(pow10(37)) >= 0) {
			err = fmt.Errorf("the width must be above 0 and have at most %d digits before the point", 37-scale)
		}
		return DecimalType(38, scale), err
	default:
		return Type{}, fmt.Errorf("must be int, decimal or float, not %s", a[0].Type())
	}
}

// BucketWidth is the width of a bucket over decimals in units of their last place.
func BucketWidth(n Node, scale int) (*big.Int, error) {
	l, ok := n.(Literal)
	if !ok || !l.Value.Valid || !l.Typ.IsNumber() {
		return nil, errors.New("the width must be an int or decimal literal")
	}
	if l.Typ.Kind == Int {
		return new(big.Int).Mul(big.NewInt(l.Value.Int), pow10(scale)), nil
	}
	if l.Value.Scale > scale {
		return nil, fmt.Errorf("the width has more than %d places", scale)
	}
	return new(big.Int).Mul(l.Value.Dec, pow10(scale-l.Value.Scale)), nil
}

func checkRound(a []Node) (Type, error) {
	if err := decimal(a[0]); err != nil {
		return Type{}, err
	}
	if err := intIn(0, int64(a[0].Type().Scale))(a[1]); err != nil {
		return Type{}, fmt.Errorf("places: %w", err)
	}
	return DecimalType(38, int(a[1].(Literal).Value.Int)), nil
}

// Units of date_trunc.
var dateUnits = map[string]bool{"year": true, "quarter": true, "month": true, "week": true, "day": true}
var timeUnits = map[string]bool{"hour": true, "minute": true, "second": true}

func checkDateTrunc(a []Node) (Type, error) {
	unit, err := constant(a[0], Text)
	if err != nil {
		return Type{}, fmt.Errorf("unit: %w", err)
	}
	if err := dated(a[1]); err != nil {
		return Type{}, err
	}
	t := Type{Kind: a[1].Type().Kind}
	if dateUnits[unit.Text] || t.Kind != Date && timeUnits[unit.Text] {
		return t, nil
	}
	return Type{}, fmt.Errorf("a %s cannot be cut to %q; units are year, quarter, month, week, day and, with a time, hour, minute, second", t, unit.Text)
}

func checkAddSeconds(a []Node) (Type, error) {
	if err := kind(Timestamp, Instant)(a[0]); err != nil {
		return Type{}, err
	}
	return Type{Kind: a[0].Type().Kind}, intIn(-maxSecs, maxSecs)(a[1])
}

func checkHash(a []Node) (Type, error) {
	if _, err := sig(TextType, key, hasText, intIn(1, 64))(a); err != nil {
		return Type{}, err
	}
	return Type{Kind: Text, Length: int(a[2].(Literal).Value.Int)}, nil
}

// checkCast keeps the kind. Text with an engine's own spelling (an enum) is a closed
// set that nothing computed can be promised to fall into.
func checkCast(a []Node) (Type, error) {
	if l, ok := a[1].(Literal); !ok || l.Value.Valid {
		return Type{}, errors.New("the wanted type must be given as a NULL literal")
	}
	from, to := a[0].Type(), a[1].Type()
	switch {
	case from.Kind != to.Kind:
		return Type{}, fmt.Errorf("cannot make %s from %s; a cast keeps the kind", to, from)
	case to.Kind == Float, to.HasText() && to.Kind != Text:
		return to, nil
	case to.Kind == Text && (to.Native == "" || to.Native == from.Native):
		return to, nil
	default:
		return Type{}, fmt.Errorf("cannot cast to %s", to)
	}
}
