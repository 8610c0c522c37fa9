package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Change is what one change did, or would do.
type Change struct {
	Noun     string   `json:"noun"`
	Key      string   `json:"key"`
	ID       int64    `json:"id,omitempty"`
	Op       string   `json:"op"` // "none", "create", "update", "delete"
	Widens   []string `json:"widens,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	DryRun   bool     `json:"dryRun,omitempty"`
	Revision int64    `json:"revision,omitempty"`
	// Pending says that the change is stored, and not in effect on the server yet.
	Pending bool `json:"pending,omitempty"`
}

// With says how a change is made. The zero With makes it.
type With struct {
	DryRun bool
	// Version, when not empty, is the one that Get returned: the change is refused with stead.Conflict when it is not current.
	Version string
}

func (w With) query() url.Values {
	if !w.DryRun {
		return nil
	}
	return url.Values{"dryRun": {"true"}}
}

func (c *Client) change(ctx context.Context, method, path string, q url.Values, w With, body any) (*Change, error) {
	query := w.query()
	for k, v := range q {
		if query == nil {
			query = url.Values{}
		}
		query[k] = v
	}
	out := &Change{}
	err := c.do(ctx, request{method: method, path: path, query: query, header: map[string]string{"If-Match": w.Version}, body: body, out: out})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func getOne[T any](ctx context.Context, c *Client, path string, q url.Values) (*T, string, error) {
	out, version := new(T), ""
	if err := c.do(ctx, request{method: http.MethodGet, path: path, query: q, out: out, etag: &version}); err != nil {
		return nil, "", err
	}
	return out, version, nil
}

type pageOf[T any] struct {
	Items []T   `json:"items"`
	Next  int64 `json:"next"`
}

// all reads every page of a list.
func all[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	var out []T
	for after := int64(0); ; {
		var p pageOf[T]
		q := url.Values{"limit": {"1000"}, "after": {strconv.FormatInt(after, 10)}}
		if err := c.do(ctx, request{method: http.MethodGet, path: path, query: q, out: &p}); err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if p.Next == 0 {
			return out, nil
		}
		after = p.Next
	}
}

// segment escapes one part of a path.
func segment(s string) string { return url.PathEscape(s) }

func iamQuery(iam string) url.Values {
	if iam == "" {
		return nil
	}
	return url.Values{"iam": {iam}}
}
