package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"stead/internal/gateway"
)

// tlsFor returns the TLS of one listener: the given certificate, nil on loopback without
// one, else a self-made certificate that is kept in the data folder.
func (a *App) tlsFor(l ListenerConfig, name string) (*tls.Config, error) {
	if l.Cert != "" {
		return loadTLS(l.Cert, l.Key)
	}
	if loopback(l.Listen) {
		return nil, nil
	}
	dir := filepath.Join(a.Config.Data, "tls")
	certFile, keyFile := filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	if _, err := os.Stat(certFile); errors.Is(err, fs.ErrNotExist) {
		if err := makeCertificate(dir, certFile, keyFile, l.Listen); err != nil {
			return nil, err
		}
		a.Log.Warn("made a self-signed certificate; give your own with "+name+".cert and "+name+".key", "file", certFile)
	}
	return loadTLS(certFile, keyFile)
}

func makeCertificate(dir, certFile, keyFile, listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		hosts = append(hosts, host)
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	cert, key, err := gateway.SelfMade(hosts, time.Now(), 5*365*24*time.Hour)
	if err != nil {
		return fmt.Errorf("self-made certificate: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, cert, 0o644)
}

func loadTLS(certFile, keyFile string) (*tls.Config, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return gateway.TLSConfig(cert, key)
}
