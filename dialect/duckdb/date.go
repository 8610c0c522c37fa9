package duckdb

import (
	"fmt"
	"strconv"

	"stead/policy/expr"
)

const (
	firstDay = "CAST('0001-01-01' AS DATE)"
	lastDay  = "CAST('9999-12-31' AS DATE)"
)

var dateParts = map[expr.Func]string{
	expr.Year: "year", expr.Month: "month", expr.Day: "day", expr.Quarter: "quarter",
	expr.DayOfYear: "doy", expr.ISODow: "isodow", expr.ISOWeek: "week",
}

func dateCall(c expr.Call, a []string) (string, bool) {
	if part, ok := dateParts[c.Func]; ok {
		x := wall(c.Args[0], a[0])
		return when(inYears(c.Args[0].Type(), a[0]), fn("date_part", "'"+part+"'", x)), true
	}
	x := a[0]
	switch c.Func {
	case expr.DateTrunc:
		return truncate(c, a[1]), true
	case expr.AddDays:
		return dayInYears(x, "CAST("+fn(`"+"`, x, "CAST('"+strconv.FormatInt(integer(c, 1), 10)+"' AS INTEGER)")+" AS DATE)"), true
	case expr.AddMonths:
		return dayInYears(x, "CAST("+fn(`"+"`, x, fn("to_months", "CAST('"+strconv.FormatInt(integer(c, 1), 10)+"' AS INTEGER)"))+" AS DATE)"), true
	case expr.DaysBetween:
		return when(inYears(expr.DateType, x)+" AND "+inYears(expr.DateType, a[1]), fn("date_diff", "'day'", x, a[1])), true
	case expr.AddSeconds:
		us := fn(`"+"`, fn("epoch_us", x), fmt.Sprintf("CAST('%d' AS BIGINT)", integer(c, 1)*1_000_000))
		return when(inYears(c.Args[0].Type(), x)+" AND "+microsInYears(us), fromMicros(c.Args[0].Type(), us)), true
	case expr.ToDay:
		return when(inYears(c.Args[0].Type(), x), "CAST("+wall(c.Args[0], x)+" AS DATE)"), true
	case expr.ToUTC:
		return when(inYears(c.Args[0].Type(), x), wall(c.Args[0], x)), true
	}
	return "", false
}

// wall is the wall clock in UTC of an instant; other types are what they are. It goes
// through microseconds, which neither the time zone nor the calendar of the session touches.
func wall(n expr.Node, x string) string {
	if n.Type().Kind != expr.Instant {
		return x
	}
	return fn("make_timestamp", fn("epoch_us", x))
}

func fromMicros(t expr.Type, us string) string {
	if t.Kind == expr.Instant {
		return fn("make_timestamptz", us)
	}
	return fn("make_timestamp", us)
}

// inYears is the condition that a date or time lies in the years 1 to 9999.
func inYears(t expr.Type, x string) string {
	if t.Kind == expr.Date {
		return x + " BETWEEN " + firstDay + " AND " + lastDay
	}
	return microsInYears(fn("epoch_us", x))
}

func microsInYears(us string) string {
	return fmt.Sprintf("%s BETWEEN CAST('%d' AS BIGINT) AND CAST('%d' AS BIGINT)", us, int64(expr.MinMicros), int64(expr.MaxMicros))
}

// dayInYears is the day r computed from x, NULL where either leaves the years 1 to 9999.
func dayInYears(x, r string) string {
	return "CASE WHEN " + inYears(expr.DateType, x) + " THEN " + when(inYears(expr.DateType, r), r) + " END"
}

func truncate(c expr.Call, x string) string {
	t := c.Args[1].Type()
	cut := fn("date_trunc", "'"+constant(c, 0)+"'", wall(c.Args[1], x))
	switch t.Kind {
	case expr.Date:
		cut = "CAST(" + cut + " AS DATE)"
	case expr.Instant:
		cut = fn("make_timestamptz", fn("epoch_us", cut))
	}
	if constant(c, 0) == "week" { // the first Monday may lie in the year 0
		cut = when(inYears(t, cut), cut)
	}
	return when(inYears(t, x), cut)
}
