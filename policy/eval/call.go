package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"stead/policy/expr"
)

// call evaluates a function. Logic and choices decide themselves which arguments
// count; every other function is NULL when an argument is.
func (e evaluator) call(c expr.Call) (expr.Value, error) {
	switch c.Func {
	case expr.Hash, expr.Sample:
		return e.hashed(c)
	case expr.If:
		return e.choose(c)
	}
	args := make([]expr.Value, len(c.Args))
	null := false
	for i, a := range c.Args {
		if c.Func == expr.Cast && i == 1 {
			continue // names the type only
		}
		v, err := e.node(a)
		if err != nil {
			return expr.Null, err
		}
		args[i] = v
		null = null || !v.Valid
	}
	if v, ok := logic(c, args); ok {
		return v, nil
	}
	f, ok := functions[c.Func]
	if !ok {
		return expr.Null, fmt.Errorf("unknown function %q", string(c.Func))
	}
	if null {
		return expr.Null, nil
	}
	return f(c, args), nil
}

func (e evaluator) choose(c expr.Call) (expr.Value, error) {
	condition, err := e.node(c.Args[0])
	if err != nil {
		return expr.Null, err
	}
	if condition.Valid && condition.Bool {
		return e.node(c.Args[1])
	}
	return e.node(c.Args[2])
}

// hashed is the lower-case hexadecimal SHA-256 of the key and then the canonical text.
func (e evaluator) hashed(c expr.Call) (expr.Value, error) {
	key, ok := c.Args[0].(expr.Key)
	if !ok || e.env.Key == nil {
		return expr.Null, fmt.Errorf("%s has no key", c.Func)
	}
	secret, err := e.env.Key(key.ID)
	if err != nil {
		return expr.Null, err
	}
	if b, err := hex.DecodeString(secret); err != nil || len(b) != 32 || hex.EncodeToString(b) != secret {
		return expr.Null, fmt.Errorf("key %q is not 64 lower-case hexadecimal digits", key.ID)
	}
	v, err := e.node(c.Args[1])
	if err != nil {
		return expr.Null, err
	}
	text, ok := expr.CanonicalText(v, c.Args[1].Type())
	if !ok {
		return expr.Null, nil
	}
	sum := sha256.Sum256([]byte(secret + text))
	digits := hex.EncodeToString(sum[:])
	n, err := e.node(c.Args[2])
	if err != nil {
		return expr.Null, err
	}
	if c.Func == expr.Sample {
		return expr.BoolValue(digits[:4] < expr.SampleBelow(n.Int)), nil
	}
	return expr.TextValue(digits[:n.Int]), nil
}

// logic evaluates the functions that NULL does not simply win over.
func logic(c expr.Call, a []expr.Value) (expr.Value, bool) {
	switch c.Func {
	case expr.And:
		return junction(a, false), true
	case expr.Or:
		return junction(a, true), true
	case expr.IsTrue:
		return expr.BoolValue(a[0].Valid && a[0].Bool), true
	case expr.IsNull:
		return expr.BoolValue(!a[0].Valid), true
	case expr.Same:
		if !a[0].Valid || !a[1].Valid {
			return expr.BoolValue(a[0].Valid == a[1].Valid), true
		}
		return expr.BoolValue(compare(a[0], a[1]) == 0), true
	case expr.Coalesce:
		if i := slices.IndexFunc(a, func(v expr.Value) bool { return v.Valid }); i >= 0 {
			return a[i], true
		}
		return expr.Null, true
	case expr.NullIf:
		if a[0].Valid && a[1].Valid && compare(a[0], a[1]) == 0 {
			return expr.Null, true
		}
		return a[0], true
	case expr.Between:
		ge := ordered(a[0], a[1], func(c int) bool { return c >= 0 })
		le := ordered(a[0], a[2], func(c int) bool { return c <= 0 })
		return junction([]expr.Value{ge, le}, false), true
	}
	return expr.Null, false
}

// junction is AND (decides FALSE) or OR (decides TRUE) in three-valued logic.
func junction(a []expr.Value, decides bool) expr.Value {
	null := false
	for _, v := range a {
		if v.Valid && v.Bool == decides {
			return v
		}
		null = null || !v.Valid
	}
	if null {
		return expr.Null
	}
	return expr.BoolValue(!decides)
}

type function func(c expr.Call, a []expr.Value) expr.Value

var functions = map[expr.Func]function{
	expr.Eq: comparison(func(c int) bool { return c == 0 }), expr.Ne: comparison(func(c int) bool { return c != 0 }),
	expr.Lt: comparison(func(c int) bool { return c < 0 }), expr.Le: comparison(func(c int) bool { return c <= 0 }),
	expr.Gt: comparison(func(c int) bool { return c > 0 }), expr.Ge: comparison(func(c int) bool { return c >= 0 }),
	expr.In:  in,
	expr.Not: func(_ expr.Call, a []expr.Value) expr.Value { return expr.BoolValue(!a[0].Bool) },
	expr.Greatest: func(_ expr.Call, a []expr.Value) expr.Value {
		if compare(a[0], a[1]) >= 0 {
			return a[0]
		}
		return a[1]
	},
	expr.Least: func(_ expr.Call, a []expr.Value) expr.Value {
		if compare(a[0], a[1]) <= 0 {
			return a[0]
		}
		return a[1]
	},

	expr.Lower: lower, expr.Upper: upper, expr.Trim: trim, expr.LTrim: ltrim, expr.RTrim: rtrim, expr.Length: length,
	expr.Octets: octets, expr.Substr: substr, expr.Left: left, expr.Right: right, expr.Concat: concat, expr.Replace: replace,
	expr.Position: position, expr.Contains: contains, expr.StartsWith: startsWith, expr.EndsWith: endsWith, expr.Like: like,
	expr.SplitPart: splitPart, expr.LPad: lpad, expr.RPad: rpad, expr.KeepFirst: keepFirst, expr.KeepLast: keepLast,
	expr.Matches: matches, expr.RegexRepl: regexReplace, expr.ListHas: listHas,

	expr.Add: exact(addBig), expr.Sub: exact(subBig), expr.Mul: exact(mulBig), expr.Abs: abs, expr.Div: div, expr.Mod: mod,
	expr.Bucket: bucket, expr.Floor: floor, expr.Ceil: ceil, expr.Round: round, expr.Cast: cast,

	expr.Year: part(yearOf), expr.Month: part(monthOf), expr.Day: part(dayOf), expr.Quarter: part(quarterOf),
	expr.DayOfYear: part(dayOfYear), expr.ISODow: part(isoDow), expr.ISOWeek: part(isoWeek),
	expr.DateTrunc: dateTrunc, expr.AddDays: addDays, expr.AddMonths: addMonths, expr.DaysBetween: daysBetween,
	expr.AddSeconds: addSeconds, expr.ToDay: toDay, expr.ToUTC: toUTC,
	expr.ToText: toText, expr.ToInt: toInt, expr.ToDate: toDate,
}
