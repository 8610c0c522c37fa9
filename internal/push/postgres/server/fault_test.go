package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"stead"
)

func TestFaultSaysWhatStandsInTheWay(t *testing.T) {
	for _, c := range []struct {
		err  error
		code stead.Code
		hint string
	}{
		{connecting(t, "sslmode=require"), stead.Unavailable, "does not offer TLS"},
		{errors.Join(connecting(t, "sslmode=disable"), &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), stead.Unavailable, "sslrootcert="},
		{connecting(t, "sslmode=disable"), stead.Unavailable, "look whether the server runs"},
		{&pgconn.PgError{Code: "28P01", Message: "hidden"}, stead.Denied, "28P01"},
		{&pgconn.PgError{Code: "3D000", Message: "hidden"}, stead.NotFound, "does not exist"},
	} {
		e := Fault(c.err, "doing")
		if e.Code != c.code || !strings.Contains(e.Hint, c.hint) || strings.Contains(e.Hint, "hidden") || e.Message != "doing" {
			t.Errorf("%v: %s %q", c.err, e.Code, e.Hint)
		}
	}
}

// connecting is what the driver says of a server that offers no TLS and answers nothing else.
func connecting(t *testing.T, option string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		if _, err := io.ReadFull(c, make([]byte, 8)); err == nil && option == "sslmode=require" {
			_, _ = c.Write([]byte("N"))
		}
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	_, err = pgconn.Connect(t.Context(), "host="+host+" port="+port+" user=u dbname=d "+option)
	if err == nil {
		t.Fatal("it connects")
	}
	return err
}
