package eval

import (
	"time"

	"stead/policy/expr"
)

const dayMicros = 86_400_000_000

// moment is a date, timestamp or instant as a UTC clock shows it. Outside the years
// 1-9999 it is false, and everything computed from it NULL.
func moment(v expr.Value) (time.Time, bool) {
	at := time.UnixMicro(v.Int).UTC()
	if v.Kind == expr.Date {
		if v.Int < expr.MinDay || v.Int > expr.MaxDay {
			return time.Time{}, false
		}
		at = time.Unix(v.Int*86400, 0).UTC()
	}
	return at, at.Year() >= 1 && at.Year() <= 9999
}

func inYears(v expr.Value) expr.Value {
	if _, ok := moment(v); !ok {
		return expr.Null
	}
	return v
}

// valueOf is the moment as a value of kind k, NULL outside the years 1-9999.
func valueOf(at time.Time, k expr.Kind) expr.Value {
	v := expr.Value{Kind: k, Valid: true, Int: at.UnixMicro()}
	if k == expr.Date {
		v.Int = floorDiv(at.Unix(), 86400)
	}
	return inYears(v)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func part(of func(time.Time) int) function {
	return func(_ expr.Call, a []expr.Value) expr.Value {
		at, ok := moment(a[0])
		if !ok {
			return expr.Null
		}
		return expr.IntValue(int64(of(at)))
	}
}

func yearOf(t time.Time) int    { return t.Year() }
func monthOf(t time.Time) int   { return int(t.Month()) }
func dayOf(t time.Time) int     { return t.Day() }
func quarterOf(t time.Time) int { return (int(t.Month())-1)/3 + 1 }
func dayOfYear(t time.Time) int { return t.YearDay() }
func isoDow(t time.Time) int    { return (int(t.Weekday())+6)%7 + 1 }

func isoWeek(t time.Time) int {
	_, week := t.ISOWeek()
	return week
}

func dateTrunc(c expr.Call, a []expr.Value) expr.Value {
	at, ok := moment(a[1])
	if !ok {
		return expr.Null
	}
	y, m, d := at.Date()
	switch a[0].Text {
	case "year":
		at = day(y, 1, 1)
	case "quarter":
		at = day(y, m-(m-1)%3, 1)
	case "month":
		at = day(y, m, 1)
	case "week":
		at = day(y, m, d-isoDow(at)+1)
	case "day":
		at = day(y, m, d)
	case "hour":
		at = time.Date(y, m, d, at.Hour(), 0, 0, 0, time.UTC)
	case "minute":
		at = time.Date(y, m, d, at.Hour(), at.Minute(), 0, 0, time.UTC)
	case "second":
		at = time.Date(y, m, d, at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
	default:
		return expr.Null
	}
	return valueOf(at, c.Type().Kind)
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func addDays(_ expr.Call, a []expr.Value) expr.Value {
	if _, ok := moment(a[0]); !ok {
		return expr.Null
	}
	return inYears(expr.DateValue(a[0].Int + a[1].Int))
}

// addMonths keeps the day of the month, or takes the last one of a shorter month.
func addMonths(_ expr.Call, a []expr.Value) expr.Value {
	at, ok := moment(a[0])
	if !ok {
		return expr.Null
	}
	y, m, d := at.Date()
	first := day(y, m+time.Month(a[1].Int), 1)
	last := first.AddDate(0, 1, -1).Day()
	return valueOf(first.AddDate(0, 0, min(d, last)-1), expr.Date)
}

func daysBetween(_ expr.Call, a []expr.Value) expr.Value {
	_, ok1 := moment(a[0])
	_, ok2 := moment(a[1])
	if !ok1 || !ok2 {
		return expr.Null
	}
	return expr.IntValue(a[1].Int - a[0].Int)
}

func addSeconds(_ expr.Call, a []expr.Value) expr.Value {
	at, ok := moment(a[0])
	if !ok {
		return expr.Null
	}
	return inYears(expr.Value{Kind: a[0].Kind, Valid: true, Int: at.UnixMicro() + a[1].Int*1_000_000})
}

func toDay(_ expr.Call, a []expr.Value) expr.Value {
	at, ok := moment(a[0])
	if !ok {
		return expr.Null
	}
	return valueOf(at, expr.Date)
}

func toUTC(_ expr.Call, a []expr.Value) expr.Value {
	if _, ok := moment(a[0]); !ok {
		return expr.Null
	}
	return expr.TimestampValue(a[0].Int)
}

func toDate(_ expr.Call, a []expr.Value) expr.Value {
	v, ok := expr.ParseCanonical(a[0].Text, expr.DateType)
	if !ok {
		return expr.Null
	}
	return v
}
