package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Addresses are where a serving App can be reached.
type Addresses struct {
	HTTP    string // "http://127.0.0.1:8475"
	Gateway string // "127.0.0.1:5439"
	// Local is HTTP as this machine's own clients reach it: an address that stands for all is none to ask at.
	Local string
	// CA is the file of the certificate that clients must be told to trust; "" when there is none of our own making.
	CA string
}

// graceful is how long running statements and requests may go on after the end was asked for.
const graceful = 20 * time.Second

// Serve listens until ctx ends, then lets what runs come to its end. ready is called once when clients
// can connect.
func (a *App) Serve(ctx context.Context, ready func(Addresses)) error {
	handler, err := a.httpHandler()
	if err != nil {
		return err
	}
	gatewayListener, err := net.Listen("tcp", a.Config.Gateway.Listen)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	httpListener, scheme, err := a.listenHTTP()
	if err != nil {
		return errors.Join(err, gatewayListener.Close())
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 10 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	at := gatewayListener.Addr().String()
	a.gatewayAt.Store(&at)
	failed := make(chan error, 2)
	go func() { failed <- a.gateway.server.Serve(gatewayListener) }()
	go func() { failed <- server.Serve(httpListener) }()
	a.Log.Info("serving", "http", httpListener.Addr().String(), "gateway", gatewayListener.Addr().String())
	if ready != nil {
		ready(a.addresses(scheme, httpListener.Addr().String(), at))
	}
	select {
	case <-ctx.Done():
		a.Log.Info("shutting down; running statements may finish", "within", graceful.String())
	case err = <-failed:
	}
	end, cancel := context.WithTimeout(context.Background(), graceful)
	defer cancel()
	return errors.Join(err, a.gateway.server.Shutdown(end), server.Shutdown(end))
}

func (a *App) addresses(scheme, http, gateway string) Addresses {
	at := Addresses{HTTP: scheme + "://" + http, Gateway: gateway, Local: scheme + "://" + http}
	if host, port, err := net.SplitHostPort(http); err == nil && unspecified(host) {
		at.Local = scheme + "://" + net.JoinHostPort("127.0.0.1", port)
	}
	if scheme == "https" && a.Config.HTTP.Cert == "" {
		at.CA = a.Config.selfMadeCert()
	}
	return at
}

func (a *App) listenHTTP() (net.Listener, string, error) {
	l, err := net.Listen("tcp", a.Config.HTTP.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("http: %w", err)
	}
	secure, err := a.tlsFor(a.Config.HTTP, "http")
	if err != nil {
		return nil, "", errors.Join(err, l.Close())
	}
	if secure == nil {
		return l, "http", nil
	}
	secure = secure.Clone()
	secure.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(l, secure), "https", nil
}
