// Package client is the Go client of stead's HTTP API. Errors are stead.Error values, as the server's rules gave them.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"stead"
)

// Client calls one server as one caller. It is safe for concurrent use.
type Client struct {
	base string
	key  string
	http *http.Client
}

// maxAnswer bounds what is read of an answer that is not a stream.
const maxAnswer = 256 << 20

// New returns a client of the server at the address, for example http://127.0.0.1:8475, that signs in with an API key. h is what carries
// requests, with its certificates and time limits; nil is http.DefaultClient.
func New(address, key string, h *http.Client) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, stead.Errorf(stead.Invalid, "%q is not the address of an HTTP API", address).
			WithHint("give it like http://127.0.0.1:8475")
	}
	if h == nil {
		h = http.DefaultClient
	}
	safe := *h
	// A key never follows to another place.
	safe.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: strings.TrimSuffix(u.String(), "/"), key: key, http: &safe}, nil
}

// request is one call.
type request struct {
	method string
	path   string
	query  url.Values
	header map[string]string
	body   any // encoded as JSON; json.RawMessage is sent as it is
	out    any // decoded from JSON; nil reads nothing
	etag   *string
}

func (c *Client) do(ctx context.Context, r request) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // what was read is judged by itself
	if r.etag != nil {
		*r.etag = resp.Header.Get("ETag")
	}
	if r.out == nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(text, r.out)
	}
	if err != nil {
		return stead.Errorf(stead.Unavailable, "the server's answer to %s %s cannot be read", r.method, r.path).
			WithHint("is there a stead server at %s?", c.base).WithCause(err)
	}
	return nil
}

// send returns an answer that says yes; its body is the caller's to close.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, stead.AsError(err)
		}
		body = bytes.NewReader(text)
	}
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, stead.AsError(err)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range r.header {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }() // what was read is judged by itself
	return nil, problem(resp)
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return stead.Errorf(stead.Canceled, "the request was ended").WithCause(err)
	}
	// The text of a url.Error names the address alone, which the caller gave.
	var u *url.Error
	why := err
	if errors.As(err, &u) {
		why = u.Err
	}
	hint := "start stead serve, or correct the address"
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		hint = "give the file of the server's certificate with --ca or STEAD_CA; a self-made one is in its data folder, tls/stead.crt"
	}
	return stead.Errorf(stead.Unavailable, "%s cannot be reached: %v", c.base, why).WithHint("%s", hint).WithCause(err)
}

// problemBody is what the server sends of an error.
type problemBody struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Hint   string `json:"hint"`
	Place  *place `json:"place"`
	Errors []struct {
		Message string `json:"message"`
		Hint    string `json:"hint"`
		Place   *place `json:"place"`
	} `json:"errors"`
	RequestID string `json:"requestId"`
}

type place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path"`
}

func (p *place) place() stead.Place {
	if p == nil {
		return stead.Place{}
	}
	return stead.Place{File: p.File, Line: p.Line, Column: p.Column, Path: p.Path}
}

// Errors is everything that is wrong with what was sent, when there are several mistakes.
type Errors []*stead.Error

// Error lists the mistakes, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the first.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// problem reads an answer that says no.
func problem(resp *http.Response) error {
	var p problemBody
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" || json.Unmarshal(text, &p) != nil {
		return stead.Errorf(stead.Unavailable, "the server answered %s", resp.Status).WithHint("is there a stead server at this address?")
	}
	code := codeOf(p.Code)
	if len(p.Errors) > 1 {
		out := make(Errors, len(p.Errors))
		for i, f := range p.Errors {
			out[i] = &stead.Error{Code: code, Message: f.Message, Hint: f.Hint, Place: f.Place.place()}
		}
		return out
	}
	message := p.Detail
	if message == "" {
		message = p.Title
	}
	out := &stead.Error{Code: code, Message: message, Hint: p.Hint, Place: p.Place.place()}
	if code == stead.Internal && p.RequestID != "" {
		out.Hint = fmt.Sprintf("the server's log has the cause under request %s", p.RequestID)
	}
	return out
}

// codeOf reads a code's name; one that is not known is internal.
func codeOf(name string) stead.Code {
	for c := stead.Internal; c <= stead.Canceled; c++ {
		if c.String() == name {
			return c
		}
	}
	return stead.Internal
}
