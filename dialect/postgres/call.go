package postgres

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"stead/policy/expr"
)

// call prints a function. The tables below hold one line per function; what is in none of
// them is refused.
func (p Printer) call(c expr.Call) (string, error) {
	switch c.Func {
	case expr.And, expr.Or:
		return p.junction(c, p.Expr)
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge, expr.Same:
		return p.compare(c.Func, c.Args[0], c.Args[1])
	case expr.In:
		return p.in(c.Args[0], c.Args[1:], p.Expr)
	case expr.Between:
		return p.between(c.Args, p.compare)
	case expr.Greatest, expr.Least, expr.NullIf, expr.If, expr.Coalesce:
		return p.choices().Call(c)
	case expr.Hash, expr.Sample:
		return p.hash(c)
	case expr.ToText:
		return p.text(c.Args[0])
	case expr.Cast:
		return p.cast(c)
	}
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		var err error
		if args[i], err = p.Expr(a); err != nil {
			return "", err
		}
	}
	switch c.Func {
	case expr.Not:
		return "(NOT " + args[0] + ")", nil
	case expr.IsTrue:
		return "coalesce(" + args[0] + ", FALSE)", nil
	case expr.IsNull: // a composite of NULLs IS NULL, but is not what is asked for
		return "(" + args[0] + " IS NOT DISTINCT FROM NULL)", nil
	}
	for _, print := range []func(expr.Call, []string) (string, bool){textCall, patternCall, numberCall, dateCall} {
		if s, ok := print(c, args); ok {
			return s, nil
		}
	}
	return "", unsupported("the function %q is not available on PostgreSQL", string(c.Func))
}

func (p Printer) junction(c expr.Call, print func(expr.Node) (string, error)) (string, error) {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		var err error
		if parts[i], err = print(a); err != nil {
			return "", err
		}
	}
	return "(" + strings.Join(parts, " "+strings.ToUpper(string(c.Func))+" ") + ")", nil
}

// integer and constant are literal arguments; NewCall has made sure that they are.
func integer(c expr.Call, i int) int64   { return c.Args[i].(expr.Literal).Value.Int }
func constant(c expr.Call, i int) string { return c.Args[i].(expr.Literal).Value.Text }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func textCall(c expr.Call, a []string) (string, bool) {
	x := a[0]
	switch c.Func {
	case expr.Lower, expr.Upper: // ASCII only, by the collation
		return fn(string(c.Func), x), true
	case expr.Trim:
		return fn("btrim", x, "' '"), true
	case expr.LTrim, expr.RTrim:
		return fn(string(c.Func), x, "' '"), true
	case expr.Length:
		return fn("char_length", x), true
	case expr.Octets:
		return fn("octet_length", x), true
	case expr.Substr:
		return fn("substr", x, decimal(integer(c, 1)), decimal(integer(c, 2))), true
	case expr.Left, expr.Right:
		return fn(string(c.Func), x, decimal(integer(c, 1))), true
	case expr.Concat:
		out := x
		for _, next := range a[1:] {
			out = op(out, "||", next)
		}
		return out, true
	case expr.Replace:
		return fn("replace", a...), true
	case expr.Position:
		return fn("strpos", a...), true
	case expr.Contains:
		return op(fn("strpos", a...), ">", "0"), true
	case expr.StartsWith:
		return fn("starts_with", a...), true
	case expr.EndsWith:
		return op(fn("right", x, decimal(int64(utf8.RuneCountInString(constant(c, 1))))), "=", a[1]), true
	case expr.SplitPart, expr.LPad, expr.RPad:
		if c.Func == expr.SplitPart {
			return fn("split_part", x, a[1], decimal(integer(c, 2))), true
		}
		return fn(string(c.Func), x, decimal(integer(c, 1)), a[2]), true
	case expr.KeepFirst:
		return keep(x, a[2], integer(c, 1), fn("rpad", fn("left", x, decimal(integer(c, 1))), fn("char_length", x), a[2])), true
	case expr.KeepLast:
		return keep(x, a[2], integer(c, 1), fn("lpad", fn("right", x, decimal(integer(c, 1))), fn("char_length", x), a[2])), true
	case expr.ListHas: // NULL where the list or the text is
		list := cast(x, "pg_catalog.text[]") // char(n) loses its blanks
		return when("("+x+" IS NOT NULL) AND ("+a[1]+" IS NOT NULL)", "coalesce("+a[1]+" "+operator("=")+" ANY ("+list+"), FALSE)"), true
	}
	return "", false
}

func keep(x, pad string, n int64, rest string) string {
	return "CASE WHEN " + op(fn("char_length", x), "<=", decimal(n)) + " THEN " + bytewise(fn("repeat", pad, fn("char_length", x))) + " ELSE " + rest + " END"
}

// strictDate is a day of the years 1 to 9999 that exists, leap years and all: a cast of any other text would fail.
const strictDate = `^(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|` +
	`(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)$`

func patternCall(c expr.Call, a []string) (string, bool) {
	switch c.Func {
	case expr.Like:
		return quoted(likePattern(constant(c, 1)), func(q string) string { return op(a[0], "~~", q) })
	case expr.Matches:
		return quoted(pattern(constant(c, 1)), func(q string) string { return op(a[0], "~", q) })
	case expr.RegexRepl:
		return quoted(pattern(constant(c, 1)), func(q string) string {
			to, _ := quoteText(strings.ReplaceAll(constant(c, 2), `\`, `\\`))
			return fn("regexp_replace", a[0], q, to, "'g'")
		})
	case expr.ToInt:
		return when(op(a[0], "~", "'^-?[0-9]{1,18}$'"), cast(a[0], "pg_catalog.int8")), true
	case expr.ToDate:
		return when(op(a[0], "~", "'"+strictDate+"'"), cast(a[0], "pg_catalog.date")), true
	}
	return "", false
}

func quoted(s string, print func(q string) string) (string, bool) {
	q, err := quoteText(s)
	return print(q), err == nil
}

// likePattern is a pattern with the escape ! as one with PostgreSQL's own: LIKE .. ESCAPE would look for its operator on the
// search path.
func likePattern(s string) string {
	var b strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case !escaped && r == '!':
			escaped = true
			continue
		case r == '\\', escaped && r != '!':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		escaped = false
	}
	return b.String()
}

// pattern is a portable pattern as PostgreSQL reads it: . matches new lines, ^ and $ are the ends of the text.
func pattern(src string) string {
	parsed, err := expr.ParsePattern(src)
	if err != nil { // NewCall has read it before
		return "\x00" // which is refused
	}
	out := "(?:" + parsed.Body + ")"
	if parsed.Start {
		out = "^" + out
	}
	if parsed.End {
		out += "$"
	}
	return out
}
