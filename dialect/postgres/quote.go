// Package postgres prints expressions, conditions and masks as SQL of PostgreSQL 15 and
// newer in a UTF-8 database, such that nothing an asker can set or create changes what the
// text means: every function, type, operator and collation is named with its schema, or is
// syntax of the language itself. What it cannot print it refuses. What it prints is total: NULL
// where something cannot be computed, never an error, but for values so large that the server
// cannot hold the result in memory.
package postgres

import (
	"strings"

	"stead"
	"stead/policy/expr"
)

// maxName is how many bytes of an identifier PostgreSQL keeps.
const maxName = 63

// Quote spells an identifier exactly. A name that PostgreSQL cannot hold (a zero byte, no
// UTF-8, more than 63 bytes, which it would cut to the name of something else) is changed into one
// that begins with U+FFFD or holds it, and names nothing.
func Quote(ident string) string {
	ident = strings.ReplaceAll(strings.ToValidUTF8(ident, "\uFFFD"), "\x00", "\uFFFD")
	if len(ident) > maxName {
		ident = "\uFFFD" + strings.ToValidUTF8(ident[:maxName-3], "")
	}
	return `"` + strings.ReplaceAll(ident, `"`, `""`) + `"`
}

func unsupported(format string, args ...any) *stead.Error {
	return stead.Errorf(stead.Unsupported, format, args...)
}

// fn is a call of a built-in function that nothing can stand in for.
func fn(name string, args ...string) string {
	return "pg_catalog." + name + "(" + strings.Join(args, ", ") + ")"
}

// op is a built-in operator between two values.
func op(a, name, b string) string { return "(" + a + " " + operator(name) + " " + b + ")" }

func operator(name string) string { return "OPERATOR(pg_catalog." + name + ")" }

func cast(x, typ string) string { return "CAST(" + x + " AS " + typ + ")" }

// when is NULL where the condition is not TRUE.
func when(condition, value string) string {
	return "CASE WHEN " + condition + " THEN " + value + " END"
}

// bytewise gives a text the collation in which everything goes by its bytes. Every text that
// Expr prints has it, so that no collation of a column or database decides anything.
func bytewise(x string) string { return "(" + x + ` COLLATE pg_catalog."C")` }

func typed(n expr.Node) string { return n.Type().String() }
