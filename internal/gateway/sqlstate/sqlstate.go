// Package sqlstate is how an error says its PostgreSQL SQLSTATE, and what each code of the
// project's errors says when it does not. Every room of the gateway tells errors in it.
package sqlstate

import (
	"context"
	"errors"

	"stead"
)

// What the gateway itself says.
const (
	OK                 = "00000"
	Warning            = "01000"
	Protocol           = "08P01"
	Unsupported        = "0A000"
	BadText            = "22P02"
	BadBinary          = "22P03"
	BadParameter       = "22023"
	NotText            = "22021"
	ActiveTransaction  = "25001"
	ReadOnly           = "25006"
	NoTransaction      = "25P01"
	Failed             = "25P02"
	NoStatement        = "26000"
	BadAuthorization   = "28000"
	BadPassword        = "28P01"
	NoSavepoint        = "3B001"
	NoDatabase         = "3D000"
	NoCursor           = "34000"
	Denied             = "42501"
	Syntax             = "42601"
	NoTable            = "42P01"
	NoParameter        = "42704"
	DuplicateCursor    = "42P03"
	DuplicateStatement = "42P05"
	Resources          = "53000"
	TooManyClients     = "53300"
	Limit              = "54000"
	NotNow             = "55000"
	ReadOnlySetting    = "55P02"
	Canceled           = "57014"
	Shutdown           = "57P01"
	NotYet             = "57P03"
	Idle               = "57P05"
	Internal           = "XX000"
)

// ofCode is the one table from code to SQLSTATE.
var ofCode = map[stead.Code]string{
	stead.Internal:        Internal,
	stead.Invalid:         Syntax,
	stead.Unauthenticated: BadAuthorization,
	stead.Denied:          Denied,
	stead.NotFound:        NoTable,
	stead.Conflict:        NotNow,
	stead.Unsupported:     Unsupported,
	stead.Limit:           Limit,
	stead.Unavailable:     NotYet,
	stead.Canceled:        Canceled,
}

// Error is an error that says its SQLSTATE more closely than its code does.
type Error struct {
	state string
	err   *stead.Error
}

// Errorf makes an error with an exact SQLSTATE; the text must be safe to show.
func Errorf(state string, code stead.Code, format string, args ...any) *Error {
	return &Error{state, stead.Errorf(code, format, args...)}
}

// Unsupportedf is Errorf for what is not offered.
func Unsupportedf(format string, args ...any) *Error {
	return Errorf(Unsupported, stead.Unsupported, format, args...)
}

func (e *Error) Error() string { return e.err.Error() }

// Unwrap is the error without its SQLSTATE.
func (e *Error) Unwrap() error { return e.err }

// SQLState is what Of looks for; errors of other packages may have the same method.
func (e *Error) SQLState() string { return e.state }

// WithHint returns the error with what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	return &Error{e.state, e.err.WithHint(format, args...)}
}

// WithCause returns the error with what clients never see.
func (e *Error) WithCause(err error) *Error { return &Error{e.state, e.err.WithCause(err)} }

// ErrCanceled ends a statement whose client asked for it.
var ErrCanceled = Errorf(Canceled, stead.Canceled, "canceling statement due to user request")

// Of returns the SQLSTATE of err: what an error in its chain says, else its code's.
func Of(err error) string {
	if err == nil {
		return OK
	}
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	var e *stead.Error
	if errors.As(err, &e) {
		return ofCode[e.Code]
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Canceled
	}
	return Internal
}

// Safe reports whether err says itself what a client may read of it.
func Safe(err error) bool {
	var e *stead.Error
	return errors.As(err, &e)
}

// Cause prefers the reason for which the statement of ctx was ended to whatever it failed with then.
func Cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		if why := context.Cause(ctx); Safe(why) {
			return why
		}
	}
	return err
}
