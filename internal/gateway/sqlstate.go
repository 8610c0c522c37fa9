package gateway

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
)

// SQLSTATEs that the wire itself gives.
const (
	stateOK                 = "00000"
	stateWarning            = "01000"
	stateProtocol           = "08P01"
	stateUnsupported        = "0A000"
	stateBadText            = "22P02"
	stateBadBinary          = "22P03"
	stateBadParameter       = "22023"
	stateNotText            = "22021"
	stateActiveTransaction  = "25001"
	stateReadOnly           = "25006"
	stateNoTransaction      = "25P01"
	stateFailed             = "25P02"
	stateNoStatement        = "26000"
	stateBadAuthorization   = "28000"
	stateBadPassword        = "28P01"
	stateNoSavepoint        = "3B001"
	stateNoDatabase         = "3D000"
	stateNoCursor           = "34000"
	stateDenied             = "42501"
	stateSyntax             = "42601"
	stateNoTable            = "42P01"
	stateNoParameter        = "42704"
	stateDuplicateCursor    = "42P03"
	stateDuplicateStatement = "42P05"
	stateResources          = "53000"
	stateTooManyClients     = "53300"
	stateLimit              = "54000"
	stateNotNow             = "55000"
	stateReadOnlySetting    = "55P02"
	stateCanceled           = "57014"
	stateShutdown           = "57P01"
	stateNotYet             = "57P03"
	stateIdle               = "57P05"
	stateInternal           = "XX000"
)

// codeStates is the one table from code to SQLSTATE.
var codeStates = map[stead.Code]string{
	stead.Internal:        stateInternal,
	stead.Invalid:         stateSyntax,
	stead.Unauthenticated: stateBadAuthorization,
	stead.Denied:          stateDenied,
	stead.NotFound:        stateNoTable,
	stead.Conflict:        stateNotNow,
	stead.Unsupported:     stateUnsupported,
	stead.Limit:           stateLimit,
	stead.Unavailable:     stateNotYet,
	stead.Canceled:        stateCanceled,
}

// stateError is an error that says its SQLSTATE more closely than its code does.
type stateError struct {
	state string
	err   *stead.Error
}

func (e *stateError) Error() string    { return e.err.Error() }
func (e *stateError) Unwrap() error    { return e.err }
func (e *stateError) SQLState() string { return e.state }

// failf makes an error with an exact SQLSTATE; the text must be safe to show.
func failf(state string, code stead.Code, format string, args ...any) *stateError {
	return &stateError{state, stead.Errorf(code, format, args...)}
}

func (e *stateError) hint(format string, args ...any) *stateError {
	return &stateError{e.state, e.err.WithHint(format, args...)}
}

func syntaxf(format string, args ...any) error {
	return failf(stateSyntax, stead.Invalid, format, args...)
}

func unsupportedf(format string, args ...any) *stateError {
	return failf(stateUnsupported, stead.Unsupported, format, args...)
}

// sqlState returns the SQLSTATE of err: what an error in its chain says, else its code's.
func sqlState(err error) string {
	if err == nil {
		return stateOK
	}
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	var e *stead.Error
	if errors.As(err, &e) {
		return codeStates[e.Code]
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return stateCanceled
	}
	return stateInternal
}

// response is the message for the client. Only what a stead.Error declares safe is in it.
func response(severity string, err error) *pgproto3.ErrorResponse {
	state := sqlState(err)
	var e *stead.Error
	if !errors.As(err, &e) && state == stateCanceled {
		err = stead.Errorf(stead.Canceled, "canceling statement due to user request")
	}
	e = stead.AsError(err)
	msg := e.Message
	if p := e.Place.Path; p != "" {
		msg = p + ": " + msg
	}
	return &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: state,
		Message: clean(msg), Hint: clean(e.Hint)}
}

// clean removes NUL, which would end a field early.
func clean(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			b := []byte(s)
			for j := range b {
				if b[j] == 0 {
					b[j] = ' '
				}
			}
			return string(b)
		}
	}
	return s
}
