package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stead/internal/gateway"
)

// selfMadeCert is the certificate that both listeners use when none is given, so that clients, which
// often meet both, have one to trust.
func (c Config) selfMadeCert() string { return filepath.Join(c.Data, "tls", "stead.crt") }

// tlsFor returns the TLS of one listener: the given certificate, nil on loopback without
// one, else a self-made certificate that is kept in the data folder.
func (a *App) tlsFor(l ListenerConfig, name string) (*tls.Config, error) {
	if l.Cert != "" {
		return loadTLS(l.Cert, l.Key)
	}
	if loopback(l.Listen) {
		return nil, nil
	}
	certFile := a.Config.selfMadeCert()
	keyFile := strings.TrimSuffix(certFile, ".crt") + ".key"
	if _, err := os.Stat(certFile); errors.Is(err, fs.ErrNotExist) {
		if err := makeCertificate(certFile, keyFile, a.Config.HTTP.Listen, a.Config.Gateway.Listen); err != nil {
			return nil, err
		}
		a.Log.Warn("made a self-signed certificate; give your own with "+name+".cert and "+name+".key", "file", certFile)
	}
	return loadTLS(certFile, keyFile)
}

func makeCertificate(certFile, keyFile string, listen ...string) error {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	for _, address := range listen {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		if host != "" && !unspecified(host) {
			hosts = append(hosts, host)
		}
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	cert, key, err := gateway.SelfMade(hosts, time.Now(), 5*365*24*time.Hour)
	if err != nil {
		return fmt.Errorf("self-made certificate: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(certFile), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, cert, 0o644)
}

// unspecified reports an address that stands for every address of the machine.
func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
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
