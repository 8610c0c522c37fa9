package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"stead/internal/pgserver"
)

// proxy stands between a store and its database, and fails as networks do.
type proxy struct {
	t      *testing.T
	target string
	listen net.Listener

	mu sync.Mutex
	// silent holds back everything that comes from the database; cut breaks the connection at a COMMIT, before or after the
	// database has it.
	silent, cutBefore, cutAfter bool
	hold                        chan struct{}
	open                        []net.Conn
}

func newProxy(t *testing.T, on *pgserver.Server) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: fmt.Sprintf("127.0.0.1:%d", on.Port), listen: l, hold: make(chan struct{})}
	go p.accept()
	t.Cleanup(func() {
		_ = l.Close()
		p.set(func() { p.silent = false })
		p.cutAll()
	})
	return p
}

// through is an address by way of the proxy.
func (p *proxy) through(address string, on *pgserver.Server) string {
	return strings.Replace(address, fmt.Sprintf("port=%d", on.Port), fmt.Sprintf("port=%d", p.listen.Addr().(*net.TCPAddr).Port), 1)
}

func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.hold)
	p.hold = make(chan struct{})
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

func (p *proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, server)
		p.mu.Unlock()
		go p.up(client, server)
		go p.down(client, server)
	}
}

func (p *proxy) up(client, server net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			_ = server.Close()
			return
		}
		p.mu.Lock()
		before, after := p.cutBefore, p.cutAfter
		p.mu.Unlock()
		commit := bytes.Contains(buf[:n], []byte("COMMIT\x00"))
		if commit && before {
			_ = errors.Join(client.Close(), server.Close())
			return
		}
		if commit && after { // the answer is lost
			_ = client.Close()
			_, _ = server.Write(buf[:n])
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) down(client, server net.Conn) {
	defer func() { _ = errors.Join(client.Close(), server.Close()) }()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return
		}
		for {
			p.mu.Lock()
			silent, hold := p.silent, p.hold
			p.mu.Unlock()
			if !silent {
				break
			}
			<-hold
		}
		if _, err := client.Write(buf[:n]); err != nil {
			// What the database did goes on: only its answer is lost.
			_, _ = io.Copy(io.Discard, server)
			return
		}
	}
}
