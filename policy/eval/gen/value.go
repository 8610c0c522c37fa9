package gen

import "stead/policy/expr"

func (m maker) integer(d int) expr.Node {
	i := func() expr.Node { return m.kind(expr.Int, d) }
	text := func() expr.Node { return m.kind(expr.Text, d) }
	switch m.n(10) {
	case 0:
		return m.call(expr.Int, pick(m.Gen, []expr.Func{expr.Add, expr.Sub, expr.Mul}), i(), i())
	case 1:
		return m.call(expr.Int, pick(m.Gen, []expr.Func{expr.Div, expr.Mod}), i(), m.int(1, 2, 7, 100, 1<<62))
	case 2:
		return m.call(expr.Int, expr.Abs, i())
	case 3:
		return m.call(expr.Int, expr.Bucket, i(), m.int(1, 7, 100, 1<<62))
	case 4:
		return m.call(expr.Int, pick(m.Gen, []expr.Func{expr.Length, expr.Octets}), text())
	case 5:
		return m.call(expr.Int, expr.Position, text(), m.text("b", "é", "😀", "bc", "'"))
	case 6:
		return m.call(expr.Int, expr.ToInt, text())
	case 7:
		return m.call(expr.Int, expr.DaysBetween, m.kind(expr.Date, d), m.kind(expr.Date, d))
	case 8:
		t := expr.Type{Kind: expr.Int, Bits: pick(m.Gen, []int{8, 16, 32, 64})}
		t.Unsigned = t.Bits < 64 && m.chance(30)
		return m.call(expr.Int, expr.Cast, i(), expr.NullOf(t))
	default:
		parts := []expr.Func{expr.Year, expr.Month, expr.Day, expr.Quarter, expr.DayOfYear, expr.ISODow, expr.ISOWeek}
		return m.call(expr.Int, pick(m.Gen, parts), m.kind(pick(m.Gen, []expr.Kind{expr.Date, expr.Timestamp, expr.Instant}), d))
	}
}

func (m maker) decimal(d int) expr.Node {
	x := m.kind(expr.Decimal, d)
	switch m.n(4) {
	case 2:
		if m.chance(50) {
			return m.call(expr.Decimal, expr.Bucket, x, m.int(1, 7, 100, 1<<62))
		}
		return m.call(expr.Decimal, expr.Bucket, x, m.literal(pick(m.Gen, []expr.Type{expr.DecimalType(5, 2), expr.DecimalType(1, 0), expr.DecimalType(18, 9), x.Type()})))
	case 0:
		return m.call(expr.Decimal, pick(m.Gen, []expr.Func{expr.Floor, expr.Ceil}), x)
	case 1:
		return m.call(expr.Decimal, expr.Round, x, m.int(0, 1, 2, int64(x.Type().Scale)))
	default:
		t := pick(m.Gen, []expr.Type{expr.DecimalType(10, 2), expr.DecimalType(5, 0), expr.DecimalType(38, 4), expr.DecimalType(3, 3)})
		return m.call(expr.Decimal, expr.Cast, x, expr.NullOf(t))
	}
}

func (m maker) textual(d int) expr.Node {
	x := m.kind(expr.Text, d)
	switch m.n(14) {
	case 0:
		return m.call(expr.Text, pick(m.Gen, []expr.Func{expr.Lower, expr.Upper}), x)
	case 1:
		return m.call(expr.Text, pick(m.Gen, []expr.Func{expr.Trim, expr.LTrim, expr.RTrim}), x)
	case 2:
		return m.call(expr.Text, expr.Substr, x, m.int(1, 2, 3, 50), m.int(0, 1, 3, 50))
	case 3:
		return m.call(expr.Text, pick(m.Gen, []expr.Func{expr.Left, expr.Right}), x, m.int(1, 2, 5, 50))
	case 4:
		return m.call(expr.Text, expr.Concat, x, m.kind(expr.Text, d))
	case 5:
		return m.call(expr.Text, expr.Replace, x, m.text("a", "aa", "é", " ", "'"), m.text("", "<>", "é", `\`, "$1"))
	case 6:
		return m.call(expr.Text, expr.SplitPart, x, m.text(",", ".", "a", "é"), m.int(1, 2, 3, 9))
	case 7:
		return m.call(expr.Text, pick(m.Gen, []expr.Func{expr.LPad, expr.RPad}), x, m.int(0, 1, 5, 12), m.text("*", "é", "😀", " "))
	case 8:
		return m.call(expr.Text, pick(m.Gen, []expr.Func{expr.KeepFirst, expr.KeepLast}), x, m.int(0, 1, 2, 4), m.text("*", "é", "😀"))
	case 9:
		return m.call(expr.Text, expr.RegexRepl, x, m.text("a", "[0-9a-c]", "é+", ".{2}", "^a", "(?:ab){1}", `\.`), m.text("", "#", "<é>", `\1`, "$0"))
	case 10, 11:
		return m.call(expr.Text, expr.ToText, m.kind(pick(m.Gen, comparable), d))
	case 12:
		return m.call(expr.Text, expr.Hash, expr.Key{ID: m.Key}, m.kind(pick(m.Gen, comparable), d), m.int(1, 8, 16, 64))
	default:
		t := pick(m.Gen, []expr.Type{{Kind: expr.Text, Length: 3}, {Kind: expr.Text, Length: 3, Fixed: true}, {Kind: expr.Text, Length: 20}})
		return m.call(expr.Text, expr.Cast, x, expr.NullOf(t))
	}
}

func (m maker) temporal(k expr.Kind, d int) expr.Node {
	units := []string{"year", "quarter", "month", "week", "day"}
	if k != expr.Date {
		units = append(units, "hour", "minute", "second")
	}
	if m.chance(50) {
		return m.call(k, expr.DateTrunc, m.text(units...), m.kind(k, d))
	}
	switch k {
	case expr.Date:
		switch m.n(4) {
		case 0:
			return m.call(k, expr.AddDays, m.kind(k, d), m.int(0, 1, -1, 31, 366, -4000000, 4000000))
		case 1:
			return m.call(k, expr.AddMonths, m.kind(k, d), m.int(0, 1, -1, 12, -13, 120000, -120000))
		case 2:
			return m.call(k, expr.ToDate, m.kind(expr.Text, d))
		default:
			return m.call(k, expr.ToDay, m.kind(pick(m.Gen, []expr.Kind{expr.Timestamp, expr.Instant}), d))
		}
	case expr.Timestamp:
		if m.chance(50) {
			return m.call(k, expr.ToUTC, m.kind(expr.Instant, d))
		}
	}
	return m.call(k, expr.AddSeconds, m.kind(k, d), m.int(0, 1, -1, 86400, 400000000000, -400000000000))
}
