package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/sqlstate"
)

// conn is one client connection. Its goroutine owns everything but what mu guards.
type conn struct {
	srv     *Server
	nc      net.Conn
	tls     *tls.Conn
	fe      *pgproto3.Backend // reads only; out is written directly
	out     []byte
	gone    error // why nothing can be written any more
	skipped bool  // an error in the extended protocol skips everything until Sync

	addr, user, database, login string
	pid                         uint32
	secret                      [4]byte
	session                     Session
	settings                    *settings
	tx                          transaction
	statements                  map[string]*prepared
	portals                     map[string]*portal // also SQL cursors
	open                        int                // portals that hold a running answer

	mu       sync.Mutex
	running  context.CancelCauseFunc // of the statement that runs
	waiting  bool                    // for the first byte of a message
	draining bool
}

const (
	flushAt   = 64 << 10
	saslLimit = 8 << 10
)

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, addr: nc.RemoteAddr().String(), tx: idle,
		statements: map[string]*prepared{}, portals: map[string]*portal{}}
	c.fe = pgproto3.NewBackend(&messageReader{c: c}, io.Discard)
	c.fe.SetMaxBodyLen(saslLimit)
	return c
}

// messageReader bounds how long a message may take: long until its first byte, short from there.
// During start-up, before there is a session, the connection's own deadline holds.
type messageReader struct{ c *conn }

func (r *messageReader) Read(p []byte) (int, error) {
	c := r.c
	n, err := c.nc.Read(p)
	if n > 0 && c.session != nil {
		c.mu.Lock()
		if c.waiting {
			c.waiting = false
			_ = c.nc.SetReadDeadline(time.Now().Add(c.srv.cfg.Limits.Message))
		}
		c.mu.Unlock()
	}
	return n, err
}

// receive reads the next message. Its content is valid until the next call.
func (c *conn) receive() (pgproto3.FrontendMessage, error) {
	c.mu.Lock()
	if c.draining {
		c.mu.Unlock()
		return nil, errDraining
	}
	c.waiting = true
	_ = c.nc.SetReadDeadline(time.Now().Add(c.srv.cfg.Limits.Idle))
	c.mu.Unlock()
	msg, err := c.fe.Receive()
	c.mu.Lock()
	waited, draining := c.waiting, c.draining
	c.waiting = false
	c.mu.Unlock()
	if err == nil {
		return msg, nil
	}
	var big *pgproto3.ExceededMaxBodyLenErr
	var ne net.Error
	switch {
	case draining && waited:
		return nil, errDraining
	case errors.As(err, &big):
		return nil, sqlstate.Errorf(sqlstate.Limit, stead.Limit, "the message is larger than %d bytes", c.srv.cfg.Limits.MessageBytes).
			WithHint("Send shorter statements and parameters.")
	case errors.As(err, &ne) && ne.Timeout() && waited:
		return nil, sqlstate.Errorf(sqlstate.Idle, stead.Limit, "terminating connection because it was idle for too long")
	case errors.As(err, &ne) && ne.Timeout():
		return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Limit, "terminating connection because a message did not arrive whole in time")
	case errors.As(err, &ne), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return nil, err
	}
	return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "invalid protocol message").WithHint("The client broke the protocol; connect again.")
}

// serve runs the connection until it ends.
func (c *conn) serve() {
	if !c.begin() {
		return
	}
	for {
		msg, err := c.receive()
		if err == nil {
			err = c.handle(msg)
		}
		if err == nil {
			err = c.gone
		}
		if err == nil {
			continue
		}
		if sqlstate.Safe(err) {
			c.fatal(err)
		} else if !errors.Is(err, errTerminate) {
			c.srv.cfg.Log.Debug("gateway client left", "client", c.addr, "error", err.Error())
		}
		return
	}
}

var errTerminate = errors.New("terminated by the client")

// handle answers one message. An error ends the connection.
func (c *conn) handle(msg pgproto3.FrontendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.Query:
		if c.skipped {
			return nil
		}
		return c.simpleQuery(m.String)
	case *pgproto3.Sync:
		return c.sync()
	case *pgproto3.Flush:
		return c.flush()
	case *pgproto3.Terminate:
		return errTerminate
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail:
		return nil // of a COPY that was refused: ignored, as the protocol asks
	}
	if c.skipped {
		return nil
	}
	if err := c.extended(msg); err != nil {
		return c.failExtended(err)
	}
	if len(c.out) >= flushAt {
		return c.flush()
	}
	return nil
}

// send buffers a message; what cannot be written shows in flush.
func (c *conn) send(m pgproto3.BackendMessage) {
	out, err := m.Encode(c.out)
	if err != nil {
		c.gone = err
		return
	}
	c.out = out
}

// flush writes what is buffered.
func (c *conn) flush() error {
	if c.gone != nil {
		return c.gone
	}
	if len(c.out) == 0 {
		return nil
	}
	if c.session != nil {
		_ = c.nc.SetWriteDeadline(time.Now().Add(c.srv.cfg.Limits.Write))
	}
	_, c.gone = c.nc.Write(c.out)
	if cap(c.out) > 4*flushAt {
		c.out = nil
	}
	c.out = c.out[:0]
	return c.gone
}

// ready ends an exchange with the state of the transaction.
func (c *conn) ready() { c.send(&pgproto3.ReadyForQuery{TxStatus: byte(c.tx.state)}) }

// report sends an error that leaves the connection alive and logs its cause.
func (c *conn) report(err error) {
	c.logCause(err)
	c.send(response("ERROR", err))
}

func (c *conn) logCause(err error) {
	var e *stead.Error
	if !errors.As(err, &e) {
		c.srv.cfg.Log.Error("statement failed", "client", c.addr, "user", c.user, "error", err.Error())
	} else if e.Cause != nil {
		c.srv.cfg.Log.Warn("statement failed", "client", c.addr, "user", c.user, "sqlstate", sqlstate.Of(err),
			"message", e.Message, "cause", e.Cause.Error())
	}
}

// fatal tells the client why the connection ends. What the client still sends is read for a
// moment: closing with unread input could throw the message away.
func (c *conn) fatal(err error) {
	if c.gone != nil {
		return
	}
	c.logCause(err)
	c.out = c.out[:0]
	c.send(response("FATAL", err))
	_ = c.nc.SetDeadline(time.Now().Add(2 * time.Second))
	if _, c.gone = c.nc.Write(c.out); c.gone != nil {
		return
	}
	c.gone = errTerminate
	c.srv.unregister(c) // its place is free while the client reads why
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c.nc, 128<<20)
	}
}

// close gives back everything the connection holds.
func (c *conn) close() {
	if c.gone == nil {
		c.gone = errTerminate
	}
	for name := range c.portals {
		c.dropPortal(name, errTerminate)
	}
	if c.session != nil {
		c.session.Close()
	}
	c.srv.unregister(c)
	_ = c.nc.Close()
}

// statement runs one statement under the timeout and the cancel key.
func (c *conn) statement(f func(ctx context.Context) (rows int64, err error)) error {
	ctx, cancel := context.WithCancelCause(c.srv.base)
	defer cancel(nil)
	limit := c.settings.timeout(c.srv.cfg.Limits.Statement)
	ctx, release := context.WithTimeoutCause(ctx, limit,
		sqlstate.Errorf(sqlstate.Canceled, stead.Canceled, "canceling statement due to statement timeout").
			WithHint("The limit is %s; ask for less, or for a longer statement_timeout up to what the server allows.", limit))
	defer release()
	c.mu.Lock()
	c.running = cancel
	c.mu.Unlock()
	start := time.Now()
	rows, err := f(ctx)
	c.mu.Lock()
	c.running = nil
	c.mu.Unlock()
	err = sqlstate.Cause(ctx, err)
	c.srv.cfg.Metrics.Statement(sqlstate.Of(err), rows, time.Since(start).Seconds())
	return err
}

func (c *conn) cancelStatement(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		c.running(why)
	}
}

// drain makes the connection end when it waits for a message, now or later.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	if c.waiting {
		_ = c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// abort ends a connection that did not drain in time.
func (c *conn) abort() { _ = c.nc.SetDeadline(time.Now().Add(time.Second)) }
