package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"stead"
)

// Fault makes a server's error one that can be shown: the server's own words are for the log, since they may quote data.
func Fault(err error, doing string) *stead.Error {
	var own *stead.Error
	if errors.As(err, &own) {
		return own
	}
	e := stead.Errorf(stead.Internal, "%s", doing).WithCause(err)
	var answer *pgconn.PgError
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &answer):
		e.Code, e.Hint = said(answer)
	case errors.Is(err, context.Canceled):
		e.Code = stead.Canceled
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.DeadlineExceeded), pgconn.SafeToRetry(err):
		e.Code, e.Hint = stead.Unavailable, "look whether the server runs and can be reached from here"
		if secure := secrecy(err); secure != "" {
			e.Hint = secure
		}
	}
	return e
}

// secrecy says what of TLS stands in the way of a connection, "" when it is something else.
func secrecy(err error) string {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return "the server's certificate is not one that this machine trusts for its name: put its authority's certificate on stead's server and name it with sslrootcert="
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return "the server does not offer TLS, which sslmode in the address asks for"
	}
	return ""
}

func said(e *pgconn.PgError) (stead.Code, string) {
	switch class := e.Code[:2]; {
	case e.Code == "42501":
		return stead.Denied, "the role stead connects as lacks a privilege: " + e.Message
	case class == "28":
		return stead.Denied, "the server refuses the role, its password or its address (SQLSTATE " + e.Code + ")"
	case e.Code == "3D000":
		return stead.NotFound, "the database does not exist"
	case e.Code == "25006":
		return stead.Unavailable, "the server is a standby or read only: connect to the primary"
	case e.Code == "55P03" || class == "40" || class == "53" || class == "57" || class == "08" || e.Code == "25P03":
		return stead.Unavailable, "the server was busy or stopped (SQLSTATE " + e.Code + "): it is tried again"
	case e.Code == "2BP01":
		return stead.Conflict, "something depends on it: " + e.Message
	}
	return stead.Internal, "the server said SQLSTATE " + e.Code + ": " + strings.TrimSpace(e.Message)
}
