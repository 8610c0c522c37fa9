package duck

import (
	"errors"
	"regexp"
	"strings"
)

// Error is what DuckDB said. Text may quote rows of data and rewritten SQL with its keys, so nobody
// may be shown it, and it is not for the log either: that gets what Error returns.
type Error struct {
	// Kind is DuckDB's own class in lower case, without "error": "binder", "catalog",
	// "parser", "conversion", "out of range", "out of memory", "interrupt", "io",
	// "permission", "fatal", "internal" ... ; "" when DuckDB gave none.
	Kind string
	Text string
}

// csvPlace is what can be told of an error in a CSV file: the line, and the column it could not convert.
var csvPlace = regexp.MustCompile(`CSV Error on Line: \d+|Error when converting column "[^"\n]*"`)

// Error implements error with what a log may hold: the kind, and the first line of the text where it is about the machine
// and not about data.
func (e *Error) Error() string {
	switch e.Kind {
	case "", "io", "permission", "fatal", "internal", "out of memory", "connection", "interrupt", "http":
		first, _, _ := strings.Cut(e.Text, "\n")
		return "duckdb: " + first
	}
	places := csvPlace.FindAllString(e.Text, 2)
	return "duckdb: " + strings.Join(append([]string{e.Kind + " error"}, places...), ", ")
}

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

// unfitting is how DuckDB begins when a text file holds what its declared columns cannot. Only the beginning
// tells: what follows quotes data, and a cast of the asker's own may quote anything.
var unfitting = regexp.MustCompile(`^(Conversion|Invalid Input) Error: (CSV Error on Line: \d+\n|JSON transform error in file |Malformed JSON in file )`)

// Unfit reports whether err is that a file does not hold what was declared of it.
func Unfit(err error) bool {
	var e *Error
	return errors.As(err, &e) && unfitting.MatchString(e.Text)
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
