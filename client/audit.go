package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stead"
)

// Records selects audit records; a zero member selects all.
type Records struct {
	From, To                                        time.Time
	Actor, Subject, Source, Connection, Query, Text string
	Kinds                                           []stead.RecordKind
	Statuses                                        []stead.RecordStatus
	Limit                                           int    // of a search; 0 is 100
	Cursor                                          string // of a search: Next of the page before
}

func (r Records) query() url.Values {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, t := range map[string]time.Time{"from": r.From, "to": r.To} {
		if !t.IsZero() {
			set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	set("actor", r.Actor)
	set("subject", r.Subject)
	set("source", r.Source)
	set("connection", r.Connection)
	set("queryId", r.Query)
	set("text", r.Text)
	set("kind", joined(r.Kinds))
	set("status", joined(r.Statuses))
	return q
}

func joined[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, ",")
}

// Entry is one record with its place in the chain.
type Entry struct {
	Writer string       `json:"writer"`
	Seq    int64        `json:"seq"`
	Hash   string       `json:"hash"`
	Record stead.Record `json:"record"`
}

// Found is one page of a search, newest first.
type Found struct {
	Items   []Entry `json:"items"`
	Next    string  `json:"next,omitempty"`
	Damaged int     `json:"damaged,omitempty"`
}

// SearchAudit finds records, newest first.
func (c *Client) SearchAudit(ctx context.Context, r Records) (*Found, error) {
	q := r.query()
	if r.Limit > 0 {
		q.Set("limit", strconv.Itoa(r.Limit))
	}
	if r.Cursor != "" {
		q.Set("cursor", r.Cursor)
	}
	out := &Found{}
	if err := c.do(ctx, request{method: http.MethodGet, path: "/v1/audit/records", query: q, out: out}); err != nil {
		return nil, err
	}
	return out, nil
}

// Report is what verifying the audit log found.
type Report struct {
	OK       bool     `json:"ok"`
	Writers  []Chain  `json:"writers"`
	Problems []Damage `json:"problems,omitempty"`
}

// Chain is one writer's chain.
type Chain struct {
	Head        string `json:"head"`
	First       int64  `json:"first"`
	Records     int64  `json:"records"`
	Checkpoints int64  `json:"checkpoints"`
	Unsigned    int64  `json:"unsigned"`
	Removed     int64  `json:"removed,omitempty"`
	Unfinished  int64  `json:"unfinished,omitempty"`
}

// Damage is one thing that is wrong with a chain.
type Damage struct {
	Writer  string `json:"writer"`
	Segment string `json:"segment,omitempty"`
	Seq     int64  `json:"seq,omitempty"`
	Kind    string `json:"kind"`
	Text    string `json:"text"`
}

// VerifyAudit verifies the chains; heads are their ends as they were kept elsewhere.
func (c *Client) VerifyAudit(ctx context.Context, heads ...string) (*Report, error) {
	body := struct {
		Heads []string `json:"heads,omitempty"`
	}{heads}
	out := &Report{}
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/audit/verify", body: body, out: out}); err != nil {
		return nil, err
	}
	return out, nil
}

// ExportAudit writes what is selected to w as JSON lines, oldest first. format is "records" or "legacy". An error in the
// middle leaves w with a part.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer, r Records, format string) error {
	q := r.query()
	if format != "" {
		q.Set("format", format)
	}
	return c.stream(ctx, w, request{method: http.MethodGet, path: "/v1/audit/export", query: q})
}

// stream writes an answer to w as it comes.
func (c *Client) stream(ctx context.Context, w io.Writer, r request) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // what was read is judged by itself
	if _, err := io.Copy(w, resp.Body); err != nil {
		return stead.Errorf(stead.Unavailable, "the answer ended early").WithHint("the server's log may have the cause").WithCause(err)
	}
	return nil
}
