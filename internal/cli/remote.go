package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"stead"
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

// remote is the server that the caller named, asked with the caller's key.
type remote struct {
	base string
	key  string
	http *http.Client
}

func (e *env) remote() (*remote, error) {
	r := &remote{base: strings.TrimRight(e.setting(e.url, "STEAD_URL", defaultURL), "/"), key: e.secret()}
	u, err := url.Parse(r.base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, stead.Errorf(stead.Invalid, "the address %q is not that of an HTTP API", r.base).WithHint("for example --url http://127.0.0.1:8475")
	}
	if r.key == "" {
		return nil, stead.Errorf(stead.Unauthenticated, "there is no key to ask with").
			WithHint("set STEAD_KEY to the key that `stead serve` showed at its first start, or to one that an administrator made with `stead key create --for YOU --name NAME`")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 15 * time.Second, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if ca := e.setting(e.ca, "STEAD_CA", ""); ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, stead.Errorf(stead.Invalid, "%s holds no certificate in PEM", ca)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	r.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the server sent us elsewhere; the key goes to no other address")
	}}
	return r, nil
}

// call sends one request and decodes the answer into out, which may be nil or an io.Writer. It returns
// the version of the document that came back.
func (r *remote) call(ctx context.Context, method, path string, query url.Values, body, out any, match ...string) (version string, err error) {
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return "", err
		}
		send = bytes.NewReader(text)
	}
	address := r.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, send)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("User-Agent", "stead/"+Version)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, m := range match {
		req.Header.Set("If-Match", m)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return "", r.unreachable(err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode >= 300 {
		return "", r.problem(res)
	}
	return res.Header.Get("ETag"), receive(res.Body, out)
}

func receive(body io.Reader, out any) error {
	switch out := out.(type) {
	case nil:
		_, err := io.Copy(io.Discard, body)
		return err
	case io.Writer:
		_, err := io.Copy(out, body)
		return err
	default:
		return json.NewDecoder(body).Decode(out)
	}
}

func (r *remote) unreachable(err error) error {
	var refused *url.Error
	if errors.As(err, &refused) {
		err = refused.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return stead.Errorf(stead.Unavailable, "no answer from %s: %s", r.base, err).
		WithHint("is `stead serve` running there? Set --url or STEAD_URL; for its own certificate set --ca").WithCause(err)
}

// problem reads problem details as the error they were.
func (r *remote) problem(res *http.Response) error {
	var p struct {
		Title, Detail, Code, Hint string
		Place                     stead.Place
		Errors                    []struct {
			Message, Hint string
			Place         stead.Place
		}
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return r.unreachable(err)
	}
	if json.Unmarshal(text, &p) != nil || p.Code == "" {
		return stead.Errorf(stead.Unavailable, "%s answered %s, and not as stead does", r.base, res.Status).WithHint("is that the address of a stead server?")
	}
	if len(p.Errors) > 1 {
		var all []error
		for _, f := range p.Errors {
			all = append(all, &stead.Error{Code: codeNamed(p.Code), Message: f.Message, Hint: f.Hint, Place: f.Place})
		}
		return errors.Join(all...)
	}
	e := &stead.Error{Code: codeNamed(p.Code), Message: p.Detail, Hint: p.Hint, Place: p.Place}
	if e.Code == stead.Unauthenticated && e.Hint == "" {
		e.Hint = "STEAD_KEY is not a key that holds there: it may be revoked, expired or another server's"
	}
	if e.Message == "" {
		e.Message = p.Title
	}
	return e
}

func codeNamed(name string) stead.Code {
	for c := stead.Internal; c <= stead.Canceled; c++ {
		if c.String() == name {
			return c
		}
	}
	return stead.Internal
}

// Change is what the server says about one change.
type Change struct {
	Noun     string   `json:"noun"`
	Key      string   `json:"key"`
	Op       string   `json:"op"`
	Widens   []string `json:"widens,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Revision int64    `json:"revision,omitempty"`
	Pending  bool     `json:"pending,omitempty"`
}

// said prints what a change did.
func (e *env) said(c *Change) error {
	if e.output == "json" {
		return e.printJSON(c)
	}
	done := map[string]string{"create": "created", "update": "updated", "delete": "deleted", "none": "unchanged"}[c.Op]
	if done == "" {
		done = c.Op
	}
	fmt.Fprintf(e.out, "%s %s: %s\n", strings.ReplaceAll(c.Noun, "-", " "), printable(c.Key), done)
	for _, w := range c.Widens {
		fmt.Fprintf(e.out, "  widens: %s\n", printable(w))
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(e.out, "  warning: %s\n", printable(w))
	}
	if c.Pending {
		fmt.Fprintln(e.out, "  not in effect on this server yet")
	}
	return nil
}
