package postgres

import (
	"stead/policy/expr"
)

// contains asks whether the canonical text of the row's value is among texts, the SQL of a text[]. Where indexes can serve it,
// the column stays as it is and the texts become values, once a statement; what is the canonical text of no value of the column's
// type is left out. holds says that FALSE and NULL mean the same.
func (p Printer) contains(s expr.Subject, texts string, holds bool) (string, error) {
	c, column := s.Arg.(expr.Column)
	t := s.Arg.Type()
	if values, elem := valuesOf(texts, t); column && values != "" {
		x := p.raw(c)
		found := among(x, values, elem)
		if holds || t.Kind == expr.Int || t.Kind == expr.UUID {
			return found, nil
		}
		return when(inYears(t, x), found), nil // other days have no text
	}
	x, err := p.text(s.Arg)
	if column && p.plainText(c) {
		x = p.raw(c)
	}
	found := among(x, texts, "pg_catalog.text")
	if holds {
		found = "(" + found + " AND " + keyOfSet(x, texts) + ")"
	}
	return found, err
}

// keyOfSet says the same again in a way that does not go through the texts one by one: the server asks it first where no index serves
// the other, of which it takes no estimate either.
func keyOfSet(x, texts string) string {
	set := "(SELECT " + fn("jsonb_object", "v.a", "v.a") + " FROM (SELECT " + cast(texts, "pg_catalog.text[]") + " AS a OFFSET 0) AS v)"
	return when(op(set, "?", x), "TRUE")
}

// among asks whether x is among the elements of an array.
func among(x, array, elem string) string {
	return "(" + x + " " + operator("=") + " ANY (" + cast(array, elem+"[]") + "))"
}

// valuesOf is an array of the values of a type whose canonical texts are among texts, NULL where that is NULL, and its elements'
// type. It cannot fail, whatever the texts are. It is empty for types of which no index would be used.
func valuesOf(texts string, t expr.Type) (sql, elem string) {
	v, elem := valueOf(bytewise("w.x"), t)
	if v == "" {
		return "", ""
	}
	list := "ARRAY(SELECT " + v + " FROM " + fn("unnest", "v.a") + " AS w(x) WHERE (" + v + ") IS NOT NULL)"
	// OFFSET keeps the texts from being asked for twice.
	return "(SELECT CASE WHEN v.a IS NOT NULL THEN " + list + " END FROM (SELECT " + cast(texts, "pg_catalog.text[]") + " AS a OFFSET 0) AS v)", elem
}

const (
	integers = `^(0|-?[1-9][0-9]{0,18})$`
	uuids    = `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`
	dates    = `^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`
	clocks   = `T([01][0-9]|2[0-3])(:[0-5][0-9]){2}[.][0-9]{6}`
)

// valueOf is the value whose canonical text x is, NULL where it is none's, with its type.
func valueOf(x string, t expr.Type) (sql, typ string) {
	matching := func(form, value string) string { return when(op(x, "~", "'"+form+"'"), value) }
	switch t.Kind {
	case expr.Int:
		number := cast(x, "pg_catalog.numeric")
		return matching(integers, when(within(number, cast("'-9223372036854775808'", "pg_catalog.numeric"), cast("'9223372036854775807'", "pg_catalog.numeric")), cast(x, "pg_catalog.int8"))), "pg_catalog.int8"
	case expr.UUID:
		return matching(uuids, cast(x, "pg_catalog.uuid")), "pg_catalog.uuid"
	case expr.Date:
		return matching(dates+"$", onDay(x, dayOf(x))), "pg_catalog.date"
	case expr.Timestamp:
		return matching(dates+clocks+"$", onDay(x, timeOf(x))), "pg_catalog.timestamp"
	case expr.Instant:
		return matching(dates+clocks+"Z$", onDay(x, fn("timezone", utc, timeOf(x)))), "pg_catalog.timestamptz"
	}
	return "", ""
}

// dayOf counts from the first of the month: a 31st of June is in July, and nothing fails.
func dayOf(x string) string {
	first := fn("make_date", cut(x, 1, 4, "int4"), cut(x, 6, 2, "int4"), "1")
	return op(op(first, "+", cut(x, 9, 2, "int4")), "-", "1")
}

func timeOf(x string) string {
	clock := fn("make_interval", "0, 0, 0, 0", cut(x, 12, 2, "int4"), cut(x, 15, 2, "int4"), cut(x, 18, 9, "float8"))
	return op(cast(dayOf(x), "pg_catalog.timestamp"), "+", clock)
}

// onDay is the value where the month has that day.
func onDay(x, value string) string {
	return when(op(fn("to_char", cast(dayOf(x), "pg_catalog.timestamp"), "'YYYY-MM-DD'"), "=", fn("substr", x, "1", "10")), value)
}

func cut(x string, from, length int64, typ string) string {
	return cast(fn("substr", x, decimal(from), decimal(length)), "pg_catalog."+typ)
}
