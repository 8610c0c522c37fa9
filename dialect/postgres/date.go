package postgres

import (
	"time"

	"stead/policy/expr"
)

// utc is the time zone without looking for its name anywhere.
const utc = "pg_catalog.make_interval()"

var dateParts = map[expr.Func]string{
	expr.Year: "year", expr.Month: "month", expr.Day: "day", expr.Quarter: "quarter",
	expr.DayOfYear: "doy", expr.ISODow: "isodow", expr.ISOWeek: "week",
}

func dateCall(c expr.Call, a []string) (string, bool) {
	x := a[0]
	t := c.Args[0].Type()
	if part, ok := dateParts[c.Func]; ok {
		return when(inYears(t, x), cast(fn("date_part", "'"+part+"'", wall(t, x)), "pg_catalog.int8")), true
	}
	switch c.Func {
	case expr.DateTrunc:
		return truncate(c, a[1]), true
	case expr.AddDays:
		n := integer(c, 1)
		return days(x, max(expr.MinDay, expr.MinDay-n), min(expr.MaxDay, expr.MaxDay-n), op(x, "+", cast("'"+decimal(n)+"'", "pg_catalog.int4"))), true
	case expr.AddMonths:
		return addMonths(x, int(integer(c, 1))), true
	case expr.DaysBetween:
		return when(inYears(t, x)+" AND "+inYears(t, a[1]), cast(op(a[1], "-", x), "pg_catalog.int8")), true
	case expr.AddSeconds:
		return addSeconds(x, t, integer(c, 1)), true
	case expr.ToDay:
		return when(inYears(t, x), cast(wall(t, x), "pg_catalog.date")), true
	case expr.ToUTC:
		return when(inYears(t, x), wall(t, x)), true
	}
	return "", false
}

// wall is a date or time as a timestamp without zone, in UTC. Of a date it fails beyond the years that inYears allows.
func wall(t expr.Type, x string) string {
	switch t.Kind {
	case expr.Instant:
		return fn("timezone", utc, x)
	case expr.Date:
		return cast(x, "pg_catalog.timestamp")
	}
	return x
}

// inYears is the condition that a date or time lies in the years 1 to 9999.
func inYears(t expr.Type, x string) string {
	if t.Kind == expr.Date {
		return within(x, dayLiteral(expr.MinDay), dayLiteral(expr.MaxDay))
	}
	return within(x, microsLiteral(expr.MinMicros, t), microsLiteral(expr.MaxMicros, t))
}

// within is BETWEEN, which would look for its operators on the search path.
func within(x, low, high string) string {
	return "(" + op(x, ">=", low) + " AND " + op(x, "<=", high) + ")"
}

// days is r where x is one of the days, and NULL otherwise.
func days(x string, low, high int64, r string) string {
	if low > high {
		return cast("NULL", "pg_catalog.date")
	}
	return when(within(x, dayLiteral(low), dayLiteral(high)), r)
}

func addMonths(x string, n int) string {
	first := time.Date(1, time.Month(1+max(0, -n)), 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(9999, time.Month(13+min(0, -n)), 0, 0, 0, 0, 0, time.UTC) // day 0: the last of the month before
	sum := op(x, "+", fn("make_interval", "0", decimal(int64(n))))
	return days(x, first.Unix()/86400, last.Unix()/86400, cast(sum, "pg_catalog.date"))
}

func addSeconds(x string, t expr.Type, n int64) string {
	us := n * 1_000_000
	low, high := max(expr.MinMicros, expr.MinMicros-us), min(expr.MaxMicros, expr.MaxMicros-us)
	if low > high {
		t.Native = ""
		name, _ := TypeName(t)
		return cast("NULL", name)
	}
	sum := op(x, "+", fn("make_interval", "0, 0, 0, 0, 0, 0", cast("'"+decimal(n)+"'", "pg_catalog.float8")))
	return when(within(x, microsLiteral(low, t), microsLiteral(high, t)), sum)
}

// truncate needs no second look at the year: 0001-01-01 is a Monday.
func truncate(c expr.Call, x string) string {
	t := c.Args[1].Type()
	cut := fn("date_trunc", "'"+constant(c, 0)+"'", wall(t, x))
	switch t.Kind {
	case expr.Date:
		cut = cast(cut, "pg_catalog.date")
	case expr.Instant:
		cut = fn("timezone", utc, cut)
	}
	return when(inYears(t, x), cut)
}
