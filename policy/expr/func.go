package expr

import (
	"fmt"
	"maps"
	"slices"
)

// Func names a function or operator of the language. Its semantics are one line
// each in docs/semantics.md; policy/eval is the reference.
type Func string

// The catalogue. A Func that is not here is unknown and refused.
const (
	// comparison: same class of type on both sides, NULL if either is NULL
	Eq Func = "eq"
	Ne Func = "ne"
	Lt Func = "lt"
	Le Func = "le"
	Gt Func = "gt"
	Ge Func = "ge"
	// Same is null-safe equality, two-valued.
	Same Func = "same"
	// In is x and then one or more literals without NULL; the empty list folds to FALSE before it is made.
	In Func = "in"
	// Between is x, lo, hi.
	Between Func = "between"

	And    Func = "and" // two or more
	Or     Func = "or"  // two or more
	Not    Func = "not"
	IsTrue Func = "is_true" // TRUE only for TRUE
	IsNull Func = "is_null" // any type, two-valued

	Coalesce Func = "coalesce"
	If       Func = "if" // condition, then, else; a NULL condition takes else
	NullIf   Func = "nullif"
	Greatest Func = "greatest" // two numbers or dates, NULL wins
	Least    Func = "least"

	Lower       Func = "lower" // A-Z only
	Upper       Func = "upper" // a-z only
	Trim        Func = "trim"  // U+0020 only
	LTrim       Func = "ltrim"
	RTrim       Func = "rtrim"
	Length      Func = "length" // code points
	Octets      Func = "octets" // UTF-8 bytes
	Substr      Func = "substr" // literal start >= 1, literal length >= 0
	Left        Func = "left"   // literal n >= 0
	Right       Func = "right"  // literal n >= 1
	Concat      Func = "concat" // two or more, NULL wins
	Replace     Func = "replace"
	Position    Func = "position" // 1-based, 0 if none
	Contains    Func = "contains"
	StartsWith  Func = "starts_with"
	EndsWith    Func = "ends_with"
	Like        Func = "like"       // literal pattern, % _ and escape !
	SplitPart   Func = "split_part" // literal separator, literal n >= 1
	LPad        Func = "lpad"       // literal n >= 0, literal pad of one code point
	RPad        Func = "rpad"
	KeepFirst   Func = "keep_first" // literal n >= 0, literal pad of one code point (default '*')
	KeepLast    Func = "keep_last"
	Matches     Func = "matches"       // literal portable pattern
	RegexRepl   Func = "regex_replace" // literal portable pattern, literal replacement
	Add         Func = "add"           // int64, NULL on overflow
	Sub         Func = "sub"
	Mul         Func = "mul"
	Div         Func = "div" // literal divisor > 0, towards zero
	Mod         Func = "mod" // literal divisor > 0, sign of the dividend
	Abs         Func = "abs"
	Bucket      Func = "bucket" // largest multiple of the literal width not above x; int, decimal (NULL beyond 38 digits), and float by IEEE floor(x/w)*w
	Floor       Func = "floor"  // decimal to decimal(38,0)
	Ceil        Func = "ceil"
	Round       Func = "round" // decimal, literal places, half away from zero
	Year        Func = "year"  // of a date, timestamp or timestamptz (UTC)
	Month       Func = "month"
	Day         Func = "day"
	Quarter     Func = "quarter"
	DayOfYear   Func = "doy"
	ISODow      Func = "isodow"
	ISOWeek     Func = "isoweek"
	DateTrunc   Func = "date_trunc" // literal unit, then date, timestamp or timestamptz (cut in UTC)
	AddDays     Func = "add_days"   // date, literal n; NULL outside years 1-9999
	AddMonths   Func = "add_months"
	DaysBetween Func = "days_between" // b - a in days
	AddSeconds  Func = "add_seconds"  // timestamp or timestamptz, literal n; NULL outside years 1-9999
	ToText      Func = "to_text"      // canonical text
	ToInt       Func = "to_int"       // -?[0-9]{1,18} or NULL
	ToDate      Func = "to_date"      // YYYY-MM-DD that exists or NULL
	ToDay       Func = "to_day"       // the day of a timestamp (wall clock) or timestamptz (UTC)
	ToUTC       Func = "to_utc"       // the wall clock in UTC of a timestamptz
	Hash        Func = "hash"         // key, x with a canonical text, literal n 1..64
	Sample      Func = "sample"       // key, x with a canonical text, literal share 0..10000 (hundredths of a percent)
	ListHas     Func = "list_has"     // array of text, text: FALSE when missing; NULL array gives NULL
	// Cast changes the declared shape within one kind without changing what is kept: text to text(n)
	// cuts, int to a narrower int gives NULL outside its range, decimal to decimal rounds half away from
	// zero and gives NULL where it does not fit. The second argument is a NULL literal of the wanted type.
	Cast Func = "cast"
)

// Arity of every function: {least, most}; most < 0 is unbounded.
var arity = map[Func][2]int{
	Eq: {2, 2}, Ne: {2, 2}, Lt: {2, 2}, Le: {2, 2}, Gt: {2, 2}, Ge: {2, 2}, Same: {2, 2},
	In: {2, -1}, Between: {3, 3}, And: {2, -1}, Or: {2, -1}, Not: {1, 1}, IsTrue: {1, 1}, IsNull: {1, 1},
	Coalesce: {2, -1}, If: {3, 3}, NullIf: {2, 2}, Greatest: {2, 2}, Least: {2, 2},
	Lower: {1, 1}, Upper: {1, 1}, Trim: {1, 1}, LTrim: {1, 1}, RTrim: {1, 1}, Length: {1, 1}, Octets: {1, 1},
	Substr: {3, 3}, Left: {2, 2}, Right: {2, 2}, Concat: {2, -1}, Replace: {3, 3}, Position: {2, 2},
	Contains: {2, 2}, StartsWith: {2, 2}, EndsWith: {2, 2}, Like: {2, 2}, SplitPart: {3, 3},
	LPad: {3, 3}, RPad: {3, 3}, KeepFirst: {3, 3}, KeepLast: {3, 3}, Matches: {2, 2}, RegexRepl: {3, 3},
	Add: {2, 2}, Sub: {2, 2}, Mul: {2, 2}, Div: {2, 2}, Mod: {2, 2}, Abs: {1, 1}, Bucket: {2, 2},
	Floor: {1, 1}, Ceil: {1, 1}, Round: {2, 2},
	Year: {1, 1}, Month: {1, 1}, Day: {1, 1}, Quarter: {1, 1}, DayOfYear: {1, 1}, ISODow: {1, 1}, ISOWeek: {1, 1},
	DateTrunc: {2, 2}, AddDays: {2, 2}, AddMonths: {2, 2}, DaysBetween: {2, 2}, AddSeconds: {2, 2},
	ToText: {1, 1}, ToInt: {1, 1}, ToDate: {1, 1}, ToDay: {1, 1}, ToUTC: {1, 1},
	Hash: {3, 3}, Sample: {3, 3}, ListHas: {2, 2}, Cast: {2, 2},
}

// NewCall applies f to args. It reports what is wrong with the number, the types
// or the literal arguments; a call it returns keeps every rule of the catalogue,
// so printers and the interpreter need not check again.
func NewCall(f Func, args ...Node) (Call, error) {
	n, ok := arity[f]
	if !ok {
		return Call{}, fmt.Errorf("unknown function %q", string(f))
	}
	if len(args) < n[0] || (n[1] >= 0 && len(args) > n[1]) {
		return Call{}, fmt.Errorf("%s takes %s, not %d", f, plural(n), len(args))
	}
	for i, a := range args {
		if a == nil {
			return Call{}, fmt.Errorf("argument %d of %s is missing", i+1, f)
		}
	}
	t, err := check(f, args)
	if err != nil {
		return Call{}, fmt.Errorf("%s: %w", f, err)
	}
	return Call{Func: f, Args: args, typ: t}, nil
}

func plural(n [2]int) string {
	switch {
	case n[1] < 0:
		return fmt.Sprintf("%d or more arguments", n[0])
	case n[0] == 1 && n[1] == 1:
		return "one argument"
	case n[0] == n[1]:
		return fmt.Sprintf("%d arguments", n[0])
	default:
		return fmt.Sprintf("%d to %d arguments", n[0], n[1])
	}
}

// SampleBelow is the text below which the first four hexadecimal digits of the hash lie
// for a share of hundredths of a percent; for 10000 it is above all of them.
func SampleBelow(share int64) string {
	if share >= 10_000 {
		return "g"
	}
	return fmt.Sprintf("%04x", share*65_536/10_000)
}

// Functions is the catalogue in alphabetical order.
func Functions() []Func { return slices.Sorted(maps.Keys(arity)) }
