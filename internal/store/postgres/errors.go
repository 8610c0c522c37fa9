package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"stead"
)

// translate turns what the driver says into the words of stead; an error that is one already stays as it
// is. ctx is that of the caller: what ended by a limit of ours is the store's failure, not the caller's.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *stead.Error
	var server *pgconn.PgError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(ctx.Err(), context.Canceled):
		return stead.Errorf(stead.Canceled, "the request was canceled").WithCause(err)
	case ctx.Err() != nil:
		return stead.Errorf(stead.Limit, "the store did not answer in the time given").WithCause(err)
	case errors.As(err, &server):
		return translateCode(server, err)
	case away(err):
		return unavailable("the store's database cannot be reached", "try again; an operator looks after the database").WithCause(err)
	}
	return stead.AsError(err)
}

func unavailable(message, hint string) *stead.Error {
	return stead.Errorf(stead.Unavailable, "%s", message).WithHint("%s", hint)
}

func translateCode(server *pgconn.PgError, err error) error {
	class := server.Code[:min(2, len(server.Code))]
	switch {
	case server.Code == "53100":
		return unavailable("the disk of the store's database is full", "an operator frees some space; nothing was changed").WithCause(err)
	case server.Code == "55P03", server.Code == "40001", server.Code == "40P01", server.Code == "57014":
		return unavailable("the store is busy", "try again").WithCause(err)
	case server.Code == "25006":
		return unavailable("the store's database can only be read", "name the primary server in the address of the store").WithCause(err)
	case class == "28", server.Code == "3D000", server.Code == "42501":
		return unavailable("the store's database does not let this server in, or not at its tables",
			"an operator checks role, password, database and the owner of the schema stead").WithCause(err)
	case class == "08", class == "53", class == "57", class == "58", server.Code == "25P03":
		return unavailable("the store's database cannot be reached", "try again; an operator looks after the database").WithCause(err)
	case class == "XX":
		return stead.Errorf(stead.Internal, "the store's data is damaged").
			WithHint("an operator restores a backup into an empty database").WithCause(err)
	}
	return stead.AsError(err)
}

// away reports whether the connection failed, not what was asked over it.
func away(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return strings.HasPrefix(server.Code, "08") || strings.HasPrefix(server.Code, "57P") || server.Code == "25P03"
	}
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err) || errors.Is(err, errClosed)
}

// errClosed is a connection that ended while it was in use.
var errClosed = errors.New("the connection was closed")
