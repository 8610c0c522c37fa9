package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// BundleFile is one file of a bundle.
type BundleFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Bundle is what is applied.
type Bundle struct {
	Name   string       `json:"name,omitempty"`
	Files  []BundleFile `json:"files"`
	DryRun bool         `json:"dryRun,omitempty"`
	Prune  bool         `json:"prune,omitempty"`
	// Variables are the values of ${NAME} in addresses and credentials of connections.
	Variables map[string]string `json:"variables,omitempty"`
}

// Plan is what a bundle changed, or would change.
type Plan struct {
	Bundle   string     `json:"bundle"`
	DryRun   bool       `json:"dryRun"`
	Edits    []PlanEdit `json:"edits"`
	Text     string     `json:"text"` // for people
	Revision int64      `json:"revision,omitempty"`
	Pending  bool       `json:"pending,omitempty"`
}

// PlanEdit is what becomes of one thing.
type PlanEdit struct {
	Op       string      `json:"op"`
	Noun     string      `json:"noun"`
	Key      string      `json:"key"`
	Place    string      `json:"place,omitempty"`
	Fields   []PlanField `json:"fields,omitempty"`
	Widens   []string    `json:"widens,omitempty"`
	Warnings []string    `json:"warnings,omitempty"`
}

// PlanField is one value that differs.
type PlanField struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Apply makes everything so as the bundle says, or nothing. What is wrong with its documents is an Errors, or a stead.Error with its place.
func (c *Client) Apply(ctx context.Context, b Bundle) (*Plan, error) {
	out := &Plan{}
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/bundles:apply", body: b, out: out}); err != nil {
		return nil, err
	}
	return out, nil
}
