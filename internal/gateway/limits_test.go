package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"stead/internal/gateway/wiretest"
)

func TestTLSAndChannelBinding(t *testing.T) {
	cert, key, err := SelfMade([]string{"127.0.0.1"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := TLSConfig(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, func(c *Config) { c.TLS, c.RequireTLS = cfg, true })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	for _, binding := range []string{"require", "disable"} {
		pc, err := pgconn.ParseConfig(strings.Replace(s.dsn("&channel_binding="+binding), "sslmode=disable", "sslmode=verify-full", 1))
		if err != nil {
			t.Fatal(err)
		}
		pc.TLSConfig = &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
		c, err := pgconn.ConnectConfig(t.Context(), pc)
		if err != nil {
			t.Fatalf("channel_binding=%s: %v", binding, err)
		}
		if got, err := wiretest.Ask(t, c, "select 1"); got != "1 [SELECT 1]" {
			t.Error(got, err)
		}
		_ = c.Close(t.Context())
	}
	if _, err := pgconn.Connect(t.Context(), s.dsn("")); wiretest.State(err) != "28000" {
		t.Errorf("without TLS: %v", err)
	}
}

func TestCancelAndTimeout(t *testing.T) {
	s := startServer(t, nil)
	c := s.raw(t, "")
	forever := "select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = -1"
	if _, err := wiretest.Ask(t, c, "set statement_timeout = 50; "+forever); wiretest.State(err) != "57014" {
		t.Fatal(err)
	}
	if _, err := wiretest.Ask(t, c, "set statement_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	// Another key does nothing; the right one ends the statement.
	wrong := append([]byte(nil), c.SecretKey()...)
	wrong[0] ^= 1
	s.cancel(c.PID(), wrong)
	done := make(chan error, 1)
	go func() { _, err := c.Exec(context.Background(), forever).ReadAll(); done <- err }()
	for {
		if err := c.CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if wiretest.State(err) != "57014" {
				t.Fatal(err)
			}
			if got, err := wiretest.Ask(t, c, "select 1"); got != "1 [SELECT 1]" {
				t.Fatal(got, err)
			}
			return
		case <-time.After(10 * time.Millisecond): // it may not have begun
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	s := startServer(t, func(c *Config) { c.Limits.Connections, c.Limits.PerIdentity = 3, 2 })
	s.raw(t, "")
	first := s.raw(t, "")
	if _, err := pgconn.Connect(t.Context(), s.dsn("")); wiretest.State(err) != "53300" {
		t.Errorf("a third connection of one login: %v", err)
	}
	other := strings.Replace(s.dsn(""), "ana:secret", "bi:key-1", 1)
	c, err := pgconn.Connect(t.Context(), other)
	for wiretest.State(err) == "53300" { // until the server noticed that the refused one has gone
		c, err = pgconn.Connect(t.Context(), other)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgconn.Connect(t.Context(), other); wiretest.State(err) != "53300" {
		t.Errorf("a fourth connection: %v", err)
	}
	_ = c.Close(t.Context())
	_ = first.Close(t.Context())
	for { // the server notices in its own time
		if c, err := pgconn.Connect(t.Context(), s.dsn("")); err == nil {
			_ = c.Close(t.Context())
			return
		}
	}
}

func TestTenThousandPortals(t *testing.T) {
	s := startServer(t, nil)
	w := s.wire(t, "")
	msgs := []pgproto3.FrontendMessage{&parseMsg{Name: "s", Query: "select 1"}}
	for i := range 10_000 {
		msgs = append(msgs, &bindMsg{DestinationPortal: fmt.Sprint("p", i), PreparedStatement: "s"})
	}
	got := w.Send(1, append(msgs, &syncMsg{})...)
	if want := "parsed" + strings.Repeat(" bound", 1000) + " !54000 I"; got != want {
		t.Errorf("%.200s ... %s", got, got[max(0, len(got)-40):])
	}
	msgs = nil
	for i := range 3000 {
		msgs = append(msgs, &parseMsg{Name: fmt.Sprint("s", i), Query: "select 1"})
	}
	if got = w.Send(1, append(msgs, &syncMsg{})...); !strings.HasSuffix(got, " parsed !54000 I") {
		t.Errorf("prepared statements have no limit: %.100s", got)
	}
	w.Expect("[DEALLOCATE ALL] I", 1, &queryMsg{String: "DEALLOCATE ALL"})
	// Suspended answers hold an engine connection each.
	w.Expect("[BEGIN] T", 1, &queryMsg{String: "BEGIN"})
	msgs = []pgproto3.FrontendMessage{&parseMsg{Name: "s", Query: "select i from range(9) t(i)"}}
	for i := range 9 {
		msgs = append(msgs, &bindMsg{DestinationPortal: fmt.Sprint("p", i), PreparedStatement: "s"}, &executeMsg{Portal: fmt.Sprint("p", i), MaxRows: 1})
	}
	if got = w.Send(1, append(msgs, &syncMsg{})...); got != "parsed"+strings.Repeat(" bound 0 suspended", 8)+" bound !54000 E" {
		t.Error(got)
	}
}

func TestHugeMessage(t *testing.T) {
	s := startServer(t, nil)
	h, err := s.raw(t, "").Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Conn.Close()
	head := []byte{'Q', 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[1:], 64<<20)
	_ = h.Conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		_, _ = h.Conn.Write(head)
		_, _ = h.Conn.Write(make([]byte, 64<<20))
	}()
	msg, err := h.Frontend.Receive()
	if e, ok := msg.(*pgproto3.ErrorResponse); !ok || e.Code != "54000" || e.Severity != "FATAL" {
		t.Errorf("%#v %v", msg, err)
	}
}

// silent sends bytes and waits for the server to hang up; it returns what came before that.
func silent(t *testing.T, addr string, bytes string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(bytes)); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("the server does not hang up: %v", err)
	}
	return string(b)
}

func TestSilence(t *testing.T) {
	s := startServer(t, func(c *Config) {
		c.Limits.StartUp, c.Limits.Message, c.Limits.Idle = 200*time.Millisecond, 100*time.Millisecond, 300*time.Millisecond
	})
	silent(t, s.addr, "")
	silent(t, s.addr, "\x00\x00")
	silent(t, s.addr, "\x00\x00\x00\x10\x00\x03\x00\x00us")
	if got := silent(t, s.addr, "\x00\x00\x00\x09\x00\x02\x00\x00\x00"); !strings.Contains(got, "C0A000") {
		t.Errorf("protocol 2: %q", got)
	}
	if got := silent(t, s.addr, "GET / HTTP/1.1\r\n\r\n"); !strings.Contains(got, "C08P01") {
		t.Errorf("HTTP: %q", got)
	}
	for bytes, code := range map[string]string{"Q\x00\x00\x00\xffselect": "C08P01", "": "C57P05", "\x01\x00\x00\x00\x04": "C08P01", "Q\x00\x00\x00\x00": "C08P01"} {
		h, err := s.raw(t, "").Hijack()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = h.Conn.Write([]byte(bytes))
		_ = h.Conn.SetDeadline(time.Now().Add(20 * time.Second))
		b, err := io.ReadAll(h.Conn)
		if err != nil || !strings.Contains(string(b), code) {
			t.Errorf("%q: %q, %v; want %s", bytes, b, err, code)
		}
		_ = h.Conn.Close()
	}
}

func TestShutdown(t *testing.T) {
	s := startServer(t, nil)
	idleConn, busy := s.raw(t, ""), s.raw(t, "")
	answer := make(chan error, 1)
	running := make(chan struct{})
	go func() {
		r := busy.Exec(context.Background(), "select i from range(3000000) t(i)")
		r.NextResult()
		rr := r.ResultReader()
		rr.NextRow()
		close(running)
		n := 1
		for rr.NextRow() {
			n++
		}
		err := r.Close()
		if n != 3000000 {
			err = fmt.Errorf("%d rows, %w", n, err)
		}
		answer <- err
	}()
	<-running
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Errorf("a running statement was not finished: %v", err)
	}
	if _, err := wiretest.Ask(t, idleConn, "select 1"); err == nil {
		t.Error("an idle connection outlives the server")
	}
	if _, err := pgconn.Connect(t.Context(), s.dsn("")); err == nil {
		t.Error("the server still accepts")
	}
}

func TestResultLimits(t *testing.T) {
	s := startServer(t, func(c *Config) { c.Limits.ResultRows = 10 })
	c := s.raw(t, "")
	if _, err := wiretest.Ask(t, c, "select i from range(10) t(i)"); err != nil {
		t.Error(err)
	}
	if _, err := wiretest.Ask(t, c, "select i from range(11) t(i)"); wiretest.State(err) != "54000" {
		t.Error(err)
	}
}
