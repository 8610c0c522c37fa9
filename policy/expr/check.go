package expr

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Limits of literal arguments. They keep every call's cost and result bounded.
const (
	maxChars  = 1_000_000_000 // positions and lengths within a text
	maxPad    = 65_535        // lpad and rpad can make a text longer
	maxDays   = 4_000_000     // more than years 1-9999 hold
	maxMonths = 120_000
	maxSecs   = 400_000_000_000
)

// A rule says what one function takes and what type it gives.
type rule func(args []Node) (Type, error)

// A param says what one argument must be.
type param func(n Node) error

var rules = map[Func]rule{
	Eq: compared(equatable), Ne: compared(equatable), Same: compared(equatable),
	Lt: compared(ordered), Le: compared(ordered), Gt: compared(ordered), Ge: compared(ordered),
	In: checkIn, Between: checkBetween,
	And: sig(BoolType, boolean), Or: sig(BoolType, boolean), Not: sig(BoolType, boolean), IsTrue: sig(BoolType, boolean),
	IsNull:   sig(BoolType, anything),
	Coalesce: func(a []Node) (Type, error) { return unifyAll(a) },
	If:       checkIf, NullIf: checkNullIf, Greatest: checkGreatest, Least: checkGreatest,

	Lower: sig(TextType, text), Upper: sig(TextType, text),
	Trim: sig(TextType, text), LTrim: sig(TextType, text), RTrim: sig(TextType, text),
	Length: sig(IntType, text), Octets: sig(IntType, text),
	Substr:  sig(TextType, text, intIn(1, maxChars), intIn(0, maxChars)),
	Left:    sig(TextType, text, intIn(0, maxChars)),
	Right:   sig(TextType, text, intIn(1, maxChars)),
	Concat:  sig(TextType, text),
	Replace: sig(TextType, text, needle, literalText), Position: sig(IntType, text, needle),
	Contains: sig(BoolType, text, needle), StartsWith: sig(BoolType, text, needle), EndsWith: sig(BoolType, text, needle),
	Like: sig(BoolType, text, likePattern), SplitPart: sig(TextType, text, needle, intIn(1, maxChars)),
	LPad: sig(TextType, text, intIn(0, maxPad), pad), RPad: sig(TextType, text, intIn(0, maxPad), pad),
	KeepFirst: sig(TextType, text, intIn(0, maxChars), pad), KeepLast: sig(TextType, text, intIn(0, maxChars), pad),
	Matches: sig(BoolType, text, pattern), RegexRepl: sig(TextType, text, replacePattern, literalText),

	Add: sig(IntType, integer), Sub: sig(IntType, integer), Mul: sig(IntType, integer), Abs: sig(IntType, integer),
	Div: sig(IntType, integer, intIn(1, math.MaxInt64)), Mod: sig(IntType, integer, intIn(1, math.MaxInt64)),
	Bucket: checkBucket, Round: checkRound,
	Floor: sig(DecimalType(38, 0), decimal), Ceil: sig(DecimalType(38, 0), decimal),

	Year: sig(IntType, dated), Month: sig(IntType, dated), Day: sig(IntType, dated), Quarter: sig(IntType, dated),
	DayOfYear: sig(IntType, dated), ISODow: sig(IntType, dated), ISOWeek: sig(IntType, dated),
	DateTrunc:   checkDateTrunc,
	AddDays:     sig(DateType, kind(Date), intIn(-maxDays, maxDays)),
	AddMonths:   sig(DateType, kind(Date), intIn(-maxMonths, maxMonths)),
	DaysBetween: sig(IntType, kind(Date)),
	AddSeconds:  checkAddSeconds,
	ToText:      sig(TextType, hasText), ToInt: sig(IntType, text), ToDate: sig(DateType, text),
	ToDay: sig(DateType, kind(Timestamp, Instant)), ToUTC: sig(TimestampType, kind(Instant)),

	Hash: checkHash, Sample: sig(BoolType, key, hasText, intIn(0, 10_000)),
	ListHas: sig(BoolType, textArray, text),
	Cast:    checkCast,
}

// check types a call of the right arity, or says what is wrong with it.
func check(f Func, args []Node) (Type, error) {
	r, ok := rules[f]
	if !ok {
		return Type{}, fmt.Errorf("no rule for function %q", string(f))
	}
	for i, a := range args {
		if err := valid(a); err != nil {
			return Type{}, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return r(args)
}

// valid checks what a node's constructor-free parts hold; calls were checked when made.
func valid(n Node) error {
	switch n := n.(type) {
	case Literal:
		return validLiteral(n)
	case Column:
		if n.Name == "" {
			return errors.New("a column has no name")
		}
	case Key:
		if n.ID == "" {
			return errors.New("a key has no id")
		}
	case Subject:
		return validSubject(n)
	case Call:
		if _, ok := rules[n.Func]; !ok || len(n.Args) == 0 {
			return fmt.Errorf("function %q was not made by NewCall", string(n.Func))
		}
	default:
		return fmt.Errorf("unknown node %T", n)
	}
	return nil
}

func validLiteral(l Literal) error {
	if !l.Value.Valid {
		return nil
	}
	if l.Value.Kind != l.Typ.Kind {
		return fmt.Errorf("a literal of type %s holds a value of kind %s", l.Typ, l.Value.Kind)
	}
	switch l.Typ.Kind {
	case Text:
		if !utf8.ValidString(l.Value.Text) {
			return errors.New("a text literal is not valid UTF-8")
		}
		if l.Typ.Length == 0 && !l.Typ.Fixed {
			return nil
		}
	case Float:
		if math.IsNaN(l.Value.Float) || math.IsInf(l.Value.Float, 0) {
			return errors.New("a float literal must be finite")
		}
	}
	if l.Typ.Kind == Float {
		return nil
	}
	if _, ok := CanonicalText(l.Value, l.Typ); !ok || !Fits(l.Value, l.Typ) {
		return fmt.Errorf("a literal is not a value of its type %s", l.Typ)
	}
	return nil
}

func validSubject(s Subject) error {
	if !utf8.ValidString(s.Key) || !utf8.ValidString(s.Text) || s.Placeholder != nil && !utf8.ValidString(*s.Placeholder) {
		return errors.New("a text about the subject is not valid UTF-8")
	}
	switch s.Fact {
	case HasAttribute, AttributeContains:
		if s.Key == "" {
			return errors.New("an attribute has no key")
		}
	case InGroup, UsingPurpose:
		if s.Text == "" {
			return errors.New("the name of the group or purpose is empty")
		}
	case SlotHolds, SlotContains:
		if s.Key == "" {
			return errors.New("a slot has no number")
		}
	case GroupsContain, PurposesContain, UserName, UserIAM, Now, Today:
	default:
		return errors.New("unknown fact about the subject")
	}
	switch s.Fact {
	case AttributeContains, GroupsContain, PurposesContain, SlotContains:
		if s.Arg == nil {
			return errors.New("the row's value to look for is missing")
		}
		if s.Placeholder != nil && (s.Fact == PurposesContain || s.Fact == SlotContains) {
			return errors.New("purposes take no placeholder")
		}
		if err := valid(s.Arg); err != nil {
			return err
		}
		return hasText(s.Arg)
	}
	if s.Arg != nil || s.Placeholder != nil {
		return errors.New("this fact takes no value of the row")
	}
	return nil
}

// sig is the rule of a function whose result type is fixed; the last parameter
// stands for all arguments after it.
func sig(result Type, params ...param) rule {
	return func(args []Node) (Type, error) {
		for i, a := range args {
			if err := params[min(i, len(params)-1)](a); err != nil {
				return Type{}, fmt.Errorf("argument %d: %w", i+1, err)
			}
		}
		return result, nil
	}
}

func kind(kinds ...Kind) param {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.String()
	}
	want := strings.Join(names, " or ")
	return func(n Node) error {
		for _, k := range kinds {
			if n.Type().Kind == k {
				return nil
			}
		}
		return fmt.Errorf("must be %s, not %s", want, n.Type())
	}
}

var (
	boolean = kind(Bool)
	text    = kind(Text)
	integer = kind(Int)
	decimal = kind(Decimal)
	dated   = kind(Date, Timestamp, Instant)
)

func anything(n Node) error {
	if _, ok := n.(Key); ok {
		return errors.New("a key is not a value")
	}
	return nil
}

func key(n Node) error {
	if _, ok := n.(Key); !ok {
		return errors.New("must be a hash key")
	}
	return nil
}

func hasText(n Node) error {
	if !n.Type().HasText() {
		return fmt.Errorf("%s has no canonical text", n.Type())
	}
	return nil
}

func textArray(n Node) error {
	if t := n.Type(); t.Kind != Array || t.Elem == nil || t.Elem.Kind != Text {
		return fmt.Errorf("must be array(text), not %s", t)
	}
	return nil
}

// constant returns the value of a literal that is not NULL.
func constant(n Node, k Kind) (Value, error) {
	l, ok := n.(Literal)
	if !ok || !l.Value.Valid || l.Value.Kind != k {
		return Null, fmt.Errorf("must be a %s literal", k)
	}
	return l.Value, nil
}

func intIn(lo, hi int64) param {
	return func(n Node) error {
		v, err := constant(n, Int)
		if err != nil {
			return err
		}
		if v.Int < lo || v.Int > hi {
			return fmt.Errorf("must be %d to %d, not %d", lo, hi, v.Int)
		}
		return nil
	}
}

func literalText(n Node) error {
	_, err := constant(n, Text)
	return err
}

func needle(n Node) error {
	v, err := constant(n, Text)
	if err == nil && v.Text == "" {
		err = errors.New("must not be empty")
	}
	return err
}

func pad(n Node) error {
	v, err := constant(n, Text)
	if err == nil && utf8.RuneCountInString(v.Text) != 1 {
		err = errors.New("must be one character")
	}
	return err
}

func likePattern(n Node) error {
	v, err := constant(n, Text)
	if err != nil {
		return err
	}
	for i := 0; i < len(v.Text); i++ {
		if v.Text[i] != '!' {
			continue
		}
		i++
		if i == len(v.Text) || !strings.ContainsRune("%_!", rune(v.Text[i])) {
			return errors.New("in a LIKE pattern ! must be followed by %, _ or !")
		}
	}
	return nil
}

func pattern(n Node) error {
	v, err := constant(n, Text)
	if err != nil {
		return err
	}
	return CheckPattern(v.Text)
}

func replacePattern(n Node) error {
	v, err := constant(n, Text)
	if err != nil {
		return err
	}
	return CheckReplacePattern(v.Text)
}
