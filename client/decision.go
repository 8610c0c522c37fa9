package client

import (
	"context"
	"net/http"

	"stead"
)

// Question asks what somebody may do.
type Question struct {
	Object    stead.Object `json:"object"`
	Operation string       `json:"operation,omitempty"` // "" is "read"
	InStead   string       `json:"inStead,omitempty"`   // needs the right to impersonate
	Subject   string       `json:"subject,omitempty"`   // needs GOVERNANCE or AUDIT
	Project   *string      `json:"project,omitempty"`
}

// Decision is the answer.
type Decision struct {
	Verdict     string            `json:"verdict"` // "allow" or "deny"
	Object      stead.Object      `json:"object"`
	Operation   string            `json:"operation"`
	Subject     string            `json:"subject"`
	Actor       string            `json:"actor"`
	Project     string            `json:"project,omitempty"`
	Rows        *Rows             `json:"rows,omitempty"`
	Columns     []Column          `json:"columns,omitempty"`
	Reasons     []stead.Reason    `json:"reasons,omitempty"`
	Policies    []stead.PolicyRef `json:"policies,omitempty"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Denial      *Denial           `json:"denial,omitempty"`
	Revision    int64             `json:"revision"`
}

// Rows says which rows are shown.
type Rows struct {
	Extent string `json:"extent"` // "never", "always", "when"
	When   string `json:"when,omitempty"`
}

// Column says what of a column is shown.
type Column struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Access string `json:"access"` // "denied", "clear", "masked"
	Kind   string `json:"kind,omitempty"`
	Mask   string `json:"mask,omitempty"`
}

// Denial says why not.
type Denial struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// Explanation is a decision with what it was made from.
type Explanation struct {
	Decision   Decision         `json:"decision"`
	Groups     []string         `json:"groups,omitempty"`
	Attributes stead.Attributes `json:"attributes,omitempty"`
	Purposes   []string         `json:"purposes,omitempty"`
}

// Decide asks for a decision. A denial is an answer, not an error.
func (c *Client) Decide(ctx context.Context, q Question) (*Decision, error) {
	out := &Decision{}
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/decisions", body: q, out: out}); err != nil {
		return nil, err
	}
	return out, nil
}

// Explain asks for a decision and everything it was made from.
func (c *Client) Explain(ctx context.Context, q Question) (*Explanation, error) {
	out := &Explanation{}
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/explain", body: q, out: out}); err != nil {
		return nil, err
	}
	return out, nil
}

// Visible lists what the caller may know of on a connection.
func (c *Client) Visible(ctx context.Context, connection string) ([]Decision, error) {
	var out pageOf[Decision]
	err := c.do(ctx, request{method: http.MethodGet, path: "/v1/visible/" + segment(connection), out: &out})
	return out.Items, err
}
