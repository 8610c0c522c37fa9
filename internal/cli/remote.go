package cli

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"time"

	"stead"
	"stead/client"
)

const defaultURL = "http://127.0.0.1:8475"

// setting is a flag's value, else the environment's, else the default.
func (e *env) setting(flag, variable, otherwise string) string {
	if flag != "" {
		return flag
	}
	if v, ok := e.getenv(variable); ok && v != "" {
		return v
	}
	return otherwise
}

func (e *env) secret() string { return e.setting(e.key, "STEAD_KEY", "") }

func (e *env) address() string { return e.setting(e.url, "STEAD_URL", defaultURL) }

// remote is the server that the caller named, asked with the caller's key.
func (e *env) remote() (*client.Client, error) {
	if e.secret() == "" {
		return nil, stead.Errorf(stead.Unauthenticated, "there is no key to ask with").
			WithHint("set STEAD_KEY to the key that `stead serve` showed at its first start, or to one that an administrator made with `stead key create --for YOU --name NAME`")
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 15 * time.Second, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if ca := e.setting(e.ca, "STEAD_CA", ""); ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, stead.Errorf(stead.Invalid, "%s holds no certificate in PEM", ca)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return client.New(e.address(), e.secret(), &http.Client{Transport: named{t}})
}

// named tells the server, whose records say it, which program asks.
type named struct{ http.RoundTripper }

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "stead/"+Version)
	return n.RoundTripper.RoundTrip(r)
}
