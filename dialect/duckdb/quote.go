// Package duckdb prints expressions, types and constants as SQL of DuckDB, such
// that nothing an asker can set or create changes what the text means. What it
// cannot print it refuses.
package duckdb

import (
	"strings"

	"stead"
	"stead/policy/expr"
)

// Quote spells an identifier. DuckDB keeps its case and compares without regard to it.
// A zero byte cannot be part of one and is dropped with what follows by the engine, so
// it is printed as U+FFFD, which names nothing.
func Quote(ident string) string {
	ident = strings.ReplaceAll(ident, "\x00", "\uFFFD")
	return `"` + strings.ReplaceAll(ident, `"`, `""`) + `"`
}

func unsupported(format string, args ...any) *stead.Error {
	return stead.Errorf(stead.Unsupported, format, args...)
}

func typed(n expr.Node) string { return n.Type().String() }
