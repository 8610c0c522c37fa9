package gateway

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"net"
	"runtime/debug"
	"sync"

	"stead"
	"stead/internal/gateway/sqlstate"
)

// Server accepts clients of the PostgreSQL protocol.
type Server struct {
	cfg  Config
	base context.Context // ends when running statements must end
	stop context.CancelCauseFunc

	mu        sync.Mutex
	listeners map[net.Listener]bool
	conns     map[uint32]*conn // signed in or signing in, by process id
	perLogin  map[string]int
	sockets   int // accepted, also those that only cancel
	lastID    uint32
	draining  bool
	wg        sync.WaitGroup
}

// New makes a server that does not listen yet.
func New(cfg Config) (*Server, error) {
	if cfg.SignIn == nil || cfg.Sessions == nil || cfg.Connection == nil {
		return nil, errors.New("gateway: SignIn, Sessions and Connection must be set")
	}
	if cfg.RequireTLS && cfg.TLS == nil {
		return nil, errors.New("gateway: TLS is required and no certificate is given")
	}
	s := &Server{cfg: cfg.withDefaults(), listeners: map[net.Listener]bool{}, conns: map[uint32]*conn{},
		perLogin: map[string]int{}}
	s.base, s.stop = context.WithCancelCause(context.Background())
	return s, nil
}

var errDraining = sqlstate.Errorf(sqlstate.Shutdown, stead.Unavailable, "terminating connection because the server is shutting down").
	WithHint("Connect again in a moment.")

// Serve accepts clients until Shutdown, which makes it return nil.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		return l.Close()
	}
	s.listeners[l] = true
	s.mu.Unlock()
	for {
		nc, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.listeners, l)
			if s.draining {
				return nil
			}
			return err
		}
		if !s.enter() {
			_ = nc.Close()
			continue
		}
		go func() {
			defer s.leave()
			s.handle(nc)
		}()
	}
}

// enter counts a socket. Some beyond the limit are let in, so that they can be told why they
// are refused and so that cancel requests always work.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.sockets >= s.cfg.Limits.Connections+64 {
		return false
	}
	s.sockets++
	s.wg.Add(1)
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	s.sockets--
	s.mu.Unlock()
	s.wg.Done()
}

// handle serves one socket. A defect ends that connection only.
func (s *Server) handle(nc net.Conn) {
	c := newConn(s, nc)
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("gateway connection failed", "panic", p, "stack", string(debug.Stack()), "client", c.addr)
			c.fatal(sqlstate.Errorf(sqlstate.Internal, stead.Internal, "internal error"))
		}
		c.close()
	}()
	c.serve()
}

// register gives the connection its process id, or refuses it.
func (s *Server) register(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return errDraining
	}
	if len(s.conns) >= s.cfg.Limits.Connections {
		return sqlstate.Errorf(sqlstate.TooManyClients, stead.Limit, "too many connections").
			WithHint("Close connections that are not used, or ask the operator to raise the limit.")
	}
	if _, err := rand.Read(c.secret[:]); err != nil {
		return err
	}
	for s.lastID++; s.lastID == 0 || s.conns[s.lastID] != nil; s.lastID++ {
	}
	c.pid = s.lastID
	s.conns[c.pid] = c
	s.cfg.Metrics.Connection(len(s.conns))
	return nil
}

// signedIn counts the connection for its login, or refuses it.
func (s *Server) signedIn(c *conn, login string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.perLogin[login] >= s.cfg.Limits.PerIdentity {
		return sqlstate.Errorf(sqlstate.TooManyClients, stead.Limit, "too many connections for this user").
			WithHint("Close connections that are not used.")
	}
	s.perLogin[login]++
	c.login = login
	return nil
}

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.login != "" {
		if s.perLogin[c.login]--; s.perLogin[c.login] <= 0 {
			delete(s.perLogin, c.login)
		}
		c.login = ""
	}
	if c.pid != 0 && s.conns[c.pid] == c {
		delete(s.conns, c.pid)
		s.cfg.Metrics.Connection(len(s.conns))
	}
}

// cancel ends the running statement of the connection that knows the secret.
func (s *Server) cancel(pid uint32, secret []byte) {
	s.mu.Lock()
	c := s.conns[pid]
	s.mu.Unlock()
	var want [4]byte // also compared when there is no such connection
	if c != nil {
		want = c.secret
	}
	if subtle.ConstantTimeCompare(want[:], secret) == 1 && c != nil {
		c.cancelStatement(sqlstate.ErrCanceled)
	}
}

// Shutdown stops accepting, ends idle connections and waits for running statements; those that
// still run when ctx ends are cancelled.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	for l := range s.listeners {
		_ = l.Close()
	}
	for _, c := range s.conns {
		c.drain()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		s.stop(errDraining)
		return nil
	case <-ctx.Done():
	}
	s.stop(errDraining)
	s.mu.Lock()
	for _, c := range s.conns {
		c.abort()
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
