package gateway

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/sqlstate"
)

func syntaxf(format string, args ...any) error {
	return sqlstate.Errorf(sqlstate.Syntax, stead.Invalid, format, args...)
}

// response is the message for the client. Only what a stead.Error declares safe is in it.
func response(severity string, err error) *pgproto3.ErrorResponse {
	state := sqlstate.Of(err)
	var e *stead.Error
	if !errors.As(err, &e) && state == sqlstate.Canceled {
		err = stead.Errorf(stead.Canceled, "canceling statement due to user request")
	}
	e = stead.AsError(err)
	msg := e.Message
	if p := e.Place.Path; p != "" {
		msg = p + ": " + msg
	}
	return &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: state,
		Message: brief(clean(msg)), Hint: clean(e.Hint)}
}

// brief cuts a message that repeats a long name or value.
func brief(s string) string {
	const most = 1000
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
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
