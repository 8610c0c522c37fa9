// Package wiretest is what tests of the gateway share: users who can prove themselves, a listener, and
// clients that say what came back.
package wiretest

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Server is a gateway.
type Server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// Serve listens for a gateway until the test ends, and returns its address.
func Serve(t *testing.T, srv Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// Log is the server's own log.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
