package duckdb

import (
	"fmt"
	"strings"

	"stead/policy/expr"
)

// call prints a function. The tables below hold one line per function; what is in none of
// them is refused.
func (p Printer) call(c expr.Call) (string, error) {
	switch c.Func {
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge, expr.Same:
		return p.compare(c.Func, c.Args[0], c.Args[1])
	case expr.In:
		return p.in(c.Args[0], c.Args[1:])
	case expr.Between:
		return p.between(c.Args)
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
	case expr.And:
		return "(" + strings.Join(args, " AND ") + ")", nil
	case expr.Or:
		return "(" + strings.Join(args, " OR ") + ")", nil
	case expr.Not:
		return "(NOT " + args[0] + ")", nil
	case expr.IsTrue:
		return "coalesce(" + args[0] + ", FALSE)", nil
	case expr.IsNull:
		return "(" + args[0] + " IS NULL)", nil
	}
	for _, print := range []func(expr.Call, []string) (string, bool){textCall, patternCall, numberCall, dateCall} {
		if s, ok := print(c, args); ok {
			return s, nil
		}
	}
	return "", unsupported("the function %q is not available on the embedded engine", string(c.Func))
}

// integer and text are literal arguments; NewCall has made sure that they are.
func integer(c expr.Call, i int) int64 { return c.Args[i].(expr.Literal).Value.Int }
func constant(c expr.Call, i int) string {
	return c.Args[i].(expr.Literal).Value.Text
}

// when is CASE WHEN condition THEN value END.
func when(condition, value string) string {
	return "CASE WHEN " + condition + " THEN " + value + " END"
}

const (
	upperAZ = "'ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
	lowerAZ = "'abcdefghijklmnopqrstuvwxyz'"
)

func textCall(c expr.Call, a []string) (string, bool) {
	x := a[0]
	switch c.Func {
	case expr.Lower:
		return asciiCase(x, "lower", upperAZ, lowerAZ), true
	case expr.Upper:
		return asciiCase(x, "upper", lowerAZ, upperAZ), true
	case expr.Trim, expr.LTrim, expr.RTrim:
		return fn(string(c.Func), x, "' '"), true
	case expr.Length:
		return fn("length", x), true
	case expr.Octets:
		return fn("strlen", x), true
	case expr.Substr:
		return fn("substr", x, number(integer(c, 1)), number(integer(c, 2))), true
	case expr.Left:
		return fn("substr", x, "1", number(integer(c, 1))), true
	case expr.Right:
		return "CASE WHEN " + fn("length", x) + " <= " + number(integer(c, 1)) + " THEN " + x + " ELSE " + lastOf(x, integer(c, 1)) + " END", true
	case expr.Concat:
		out := x
		for _, next := range a[1:] {
			out = fn(`"||"`, out, next)
		}
		return out, true
	case expr.Replace, expr.Contains, expr.StartsWith, expr.EndsWith:
		return fn(string(c.Func), a...), true
	case expr.Position:
		return fn("instr", a...), true
	case expr.SplitPart:
		return fn("split_part", x, a[1], number(integer(c, 2))), true
	case expr.LPad, expr.RPad:
		return fn(string(c.Func), x, fmt.Sprintf("CAST('%d' AS INTEGER)", integer(c, 1)), a[2]), true
	case expr.KeepFirst:
		return keep(x, a[2], integer(c, 1), fn("rpad", fn("substr", x, "1", number(integer(c, 1))), "CAST("+fn("length", x)+" AS INTEGER)", a[2])), true
	case expr.KeepLast:
		return keep(x, a[2], integer(c, 1), fn("lpad", lastOf(x, integer(c, 1)), "CAST("+fn("length", x)+" AS INTEGER)", a[2])), true
	case expr.ListHas: // NULL where the list or the text is
		return "CASE WHEN " + x + " IS NOT NULL AND " + a[1] + " IS NOT NULL THEN coalesce(" + fn("list_contains", x, a[1]) + ", FALSE) END", true
	}
	return "", false
}

func number(n int64) string { return fmt.Sprintf("CAST('%d' AS BIGINT)", n) }

// lastOf is the last n code points of a longer text.
func lastOf(x string, n int64) string {
	return fn("substr", x, fn(`"-"`, fn("length", x), number(n-1)))
}

func keep(x, pad string, n int64, rest string) string {
	return "CASE WHEN " + fn("length", x) + " <= " + number(n) + " THEN " + fn("repeat", pad, fn("length", x)) + " ELSE " + rest + " END"
}

// asciiCase leaves every other letter as it is; texts of ASCII alone take the fast way.
func asciiCase(x, f, from, to string) string {
	return "CASE WHEN " + fn("strlen", x) + " = " + fn("length", x) + " THEN " + fn(f, x) + " ELSE " + fn("translate", x, from, to) + " END"
}

func patternCall(c expr.Call, a []string) (string, bool) {
	switch c.Func {
	case expr.Like:
		return fn("like_escape", a[0], a[1], "'!'"), true
	case expr.Matches:
		return fn("regexp_matches", a[0], pattern(constant(c, 1))), true
	case expr.RegexRepl:
		to, err := textLiteral(strings.ReplaceAll(constant(c, 2), `\`, `\\`))
		return fn("regexp_replace", a[0], pattern(constant(c, 1)), to, "'g'"), err == nil
	case expr.ToInt:
		return when(fn("regexp_matches", a[0], `'\A-?[0-9]{1,18}\z'`), "TRY_CAST("+a[0]+" AS BIGINT)"), true
	case expr.ToDate:
		return when(fn("regexp_matches", a[0], `'\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z'`)+" AND "+
			fn("encode", a[0])+" >= "+textBytes("0001"), "TRY_CAST("+a[0]+" AS DATE)"), true
	}
	return "", false
}

// pattern is a portable pattern as RE2 reads it: . matches new lines, ^ and $ are the ends of the text.
func pattern(src string) string {
	parsed, err := expr.ParsePattern(src)
	if err != nil { // NewCall has read it before
		return "CAST(NULL AS VARCHAR)"
	}
	out := "(?s)"
	if parsed.Start {
		out += `\A`
	}
	out += "(?:" + parsed.Body + ")"
	if parsed.End {
		out += `\z`
	}
	return "'" + strings.ReplaceAll(out, "'", "''") + "'"
}
