package stead

import (
	"errors"
	"fmt"
	"strings"
)

// Code classifies an error for transports; each transport owns one table from
// code to status (HTTP, SQLSTATE). The zero Code is an internal error.
type Code uint8

// The codes.
const (
	Internal        Code = iota // a defect or a broken dependency; the user learns nothing but that
	Invalid                     // the request, document or statement is malformed
	Unauthenticated             // no or wrong credentials
	Denied                      // understood, and not permitted
	NotFound                    // does not exist, or may not be known to exist: the two look the same
	Conflict                    // exists already, changed meanwhile, or would break something that refers to it
	Unsupported                 // understood and deliberately not offered
	Limit                       // a configured limit of size, time, memory or number was reached
	Unavailable                 // cannot be answered now; trying later may help
	Canceled                    // the asker or an operator ended it
)

var codeNames = [...]string{"internal", "invalid", "unauthenticated", "denied", "not_found", "conflict",
	"unsupported", "limit", "unavailable", "canceled"}

// String returns the code's stable name, as in JSON ("not_found").
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "internal"
}

// Place says where in what was given an error lies. The zero Place is unknown.
type Place struct {
	File   string
	Line   int    // 1-based, 0 unknown
	Column int    // 1-based, 0 unknown
	Path   string // JSON-path-like, e.g. "actions[0].rules[1].config.predicate"
}

// String prints "file:line:column: path", leaving out what is unknown.
func (p Place) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	if p.Path != "" {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(p.Path)
	}
	return b.String()
}

// Error is the root error type. Message and Hint are safe to show to whoever
// asked: they name nothing that is hidden from them and no secret. Cause is for
// the log only and is never sent to the asker.
type Error struct {
	Code    Code
	Message string // what was refused or went wrong
	Hint    string // what to do next
	Place   Place
	Cause   error
}

// Errorf makes an error whose formatted message is safe to show.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy that says what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithCause returns a copy that keeps the cause for the log.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.Cause = err
	return &c
}

// At returns a copy that says where.
func (e *Error) At(p Place) *Error {
	c := *e
	c.Place = p
	return &c
}

// Error prints place, message and hint, never the cause: the text may reach the asker.
func (e *Error) Error() string {
	s := e.Message
	if p := e.Place.String(); p != "" {
		s = p + ": " + s
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns err as an Error. Any other error becomes Internal with a fixed
// message and itself as the cause, so that its text cannot reach an asker.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Message: "internal error", Hint: "the server's log has the cause", Cause: err}
}

// CodeOf returns the code of err; any error that is not an Error is Internal, and so is nil:
// a comparison with any other code is false then.
func CodeOf(err error) Code {
	if e := AsError(err); e != nil {
		return e.Code
	}
	return Internal
}
