package client

import (
	"context"
	"net/http"
	"time"
)

// Key is an API key. Secret is there once, when it is made.
type Key struct {
	ID      int64      `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Project string     `json:"project,omitempty"`
	Secret  string     `json:"secret,omitempty"`
}

// NewKey is a key to be made.
type NewKey struct {
	Name    string     `json:"name"`
	Expires *time.Time `json:"expires,omitempty"`
	Project string     `json:"project,omitempty"`
}

// Keys lists the API keys of a user or agent.
func (c *Client) Keys(ctx context.Context, iam, name string) ([]Key, error) {
	var out pageOf[Key]
	err := c.do(ctx, request{method: http.MethodGet, path: identityPath(name) + "/keys", query: iamQuery(iam), out: &out})
	return out.Items, err
}

// CreateKey makes an API key; its secret is in the answer and nowhere else.
func (c *Client) CreateKey(ctx context.Context, iam, name string, k NewKey) (*Key, error) {
	out := &Key{}
	if err := c.do(ctx, request{method: http.MethodPost, path: identityPath(name) + "/keys", query: iamQuery(iam), body: k, out: out}); err != nil {
		return nil, err
	}
	return out, nil
}

// RevokeKey deletes an API key.
func (c *Client) RevokeKey(ctx context.Context, iam, name, key string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: identityPath(name) + "/keys/" + segment(key), query: iamQuery(iam)})
}
