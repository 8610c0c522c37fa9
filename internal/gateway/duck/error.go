package duck

import (
	"errors"
	"strings"
)

// Error is what DuckDB said. Its text may quote data and rewritten SQL, so it is
// for the log only and must never reach an asker.
type Error struct {
	// Kind is DuckDB's own class in lower case, without "error": "binder", "catalog",
	// "parser", "conversion", "out of range", "out of memory", "interrupt", "io",
	// "permission", "fatal", "internal" ... ; "" when DuckDB gave none.
	Kind string
	Text string
}

// Error implements error.
func (e *Error) Error() string { return "duckdb: " + e.Text }

// Broken reports whether the engine has invalidated itself and must be opened again.
func (e *Error) Broken() bool {
	return e.Kind == "fatal" || e.Kind == "internal" || strings.Contains(e.Text, "database has been invalidated")
}

// KindOf returns the kind of the DuckDB error in err's chain, "" if there is none.
func KindOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func newError(text string) *Error {
	e := &Error{Text: text}
	if head, _, ok := strings.Cut(text, " Error: "); ok && len(head) < 40 {
		e.Kind = strings.ToLower(head)
	} else if strings.HasPrefix(text, "TransactionContext Error") {
		e.Kind = "transaction"
	}
	return e
}
