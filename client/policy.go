package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Policy is a stored policy; its document is the v2 payload.
type Policy struct {
	ID       int64           `json:"id"`
	Revision int64           `json:"revision"`
	Bundle   string          `json:"bundle,omitempty"`
	Policy   json.RawMessage `json:"policy"`
}

func policyPath(key string) string { return "/v1/policies/" + segment(key) }

// Policies lists policies.
func (c *Client) Policies(ctx context.Context) ([]Policy, error) {
	return all[Policy](ctx, c, "/v1/policies")
}

// Policy returns a policy and its version.
func (c *Client) Policy(ctx context.Context, key string) (*Policy, string, error) {
	return getOne[Policy](ctx, c, policyPath(key), nil)
}

// PutPolicy creates or replaces a policy from its document as JSON.
func (c *Client) PutPolicy(ctx context.Context, key string, document json.RawMessage, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, policyPath(key), nil, w, document)
}

// DeletePolicy deletes a policy.
func (c *Client) DeletePolicy(ctx context.Context, key string, w With) (*Change, error) {
	return c.change(ctx, http.MethodDelete, policyPath(key), nil, w, nil)
}
