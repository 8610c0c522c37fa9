package client

import (
	"context"
	"net/http"
	"time"

	"stead"
)

// PlatformPlan is how a platform gets to what the policies say.
type PlatformPlan struct {
	Connection string        `json:"connection"`
	From       int64         `json:"from"` // revision that the platform holds, 0 for none
	To         int64         `json:"to"`
	Problems   []PlanProblem `json:"problems,omitempty"`
	Steps      []PlanStep    `json:"steps"`
}

// PlanProblem stands in the way of a plan.
type PlanProblem struct {
	Source  string `json:"source,omitempty"` // path of a data source
	Object  string `json:"object,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Blocking: nothing is applied to the source, or at all when none is named, while it stays.
	Blocking bool `json:"blocking,omitempty"`
}

// PlanStep is done wholly or not at all.
type PlanStep struct {
	Kind   string     `json:"kind"` // "bootstrap", "rows", "objects", "roles", "keys", "terminate", "release"
	Object string     `json:"object"`
	Source string     `json:"source,omitempty"`
	Why    string     `json:"why"`
	Widens bool       `json:"widens,omitempty"`
	SQL    []string   `json:"sql,omitempty"`
	Rows   []PlanRows `json:"rows,omitempty"`
	Keys   []string   `json:"keys,omitempty"`
}

// PlanRows is what changes in one of the tables that answer who may see what; of the rows the first are shown.
type PlanRows struct {
	Table   string     `json:"table"`
	Added   int        `json:"added"`
	Removed int        `json:"removed"`
	Put     [][]string `json:"put,omitempty"`
	Delete  [][]string `json:"delete,omitempty"`
}

// PlatformStatus is where a platform stands.
type PlatformStatus struct {
	Phase    string          `json:"phase"` // "waiting", "applying", "current", "pending", "failing", "off"
	Current  bool            `json:"current"`
	World    int64           `json:"world"`   // revision that should be enforced
	Applied  int64           `json:"applied"` // revision that is
	Since    time.Time       `json:"since"`
	Done     int             `json:"done,omitempty"`
	Total    int             `json:"total,omitempty"`
	Step     string          `json:"step,omitempty"`
	Error    string          `json:"error,omitempty"`
	Retry    *time.Time      `json:"retry,omitempty"`
	Problems []PlanProblem   `json:"problems,omitempty"`
	Held     []HeldSource    `json:"held,omitempty"`
	Drift    []PlatformDrift `json:"drift,omitempty"`
	Verified *time.Time      `json:"verified,omitempty"`
	// Collected is how far the records of what was asked on the platform are.
	Collected *PlatformCollected `json:"collected,omitempty"`
}

// PlatformCollected is how far the records of what was asked on a platform are.
type PlatformCollected struct {
	From      string     `json:"from,omitempty"`    // what statements are known from
	Missing   string     `json:"missing,omitempty"` // why they are not, and what to do
	Elsewhere bool       `json:"elsewhere,omitempty"`
	Behind    int64      `json:"behind"` // bytes of the platform's log that are not read yet
	Last      *time.Time `json:"last,omitempty"`
	Records   int64      `json:"records"`
	Gaps      int64      `json:"gaps"`
	Error     string     `json:"error,omitempty"`
}

// HeldSource is a data source that nobody is shown until its objects are edited.
type HeldSource struct {
	Path   []string `json:"path,omitempty"`
	Reason string   `json:"reason"`
}

// PlatformDrift is how a platform differs from what was applied.
type PlatformDrift struct {
	Kind       string `json:"kind"`
	Source     string `json:"source,omitempty"`
	Object     string `json:"object"`
	What       string `json:"what"`
	Open       bool   `json:"open,omitempty"` // somebody may see more than they should
	Repairable bool   `json:"repairable"`
	Note       bool   `json:"note,omitempty"` // it is only told: nothing is shown for it
}

// Previewed is what connecting a platform would do.
type Previewed struct {
	Plan   PlatformPlan `json:"plan"`
	Script string       `json:"script"`
}

// PreviewConnection inspects a platform that is not connected yet; nothing is stored or changed. The password, when it is not
// empty, is for this look alone.
func (c *Client) PreviewConnection(ctx context.Context, conn stead.Connection, password string) (*Previewed, error) {
	body := struct {
		Connection stead.Connection `json:"connection"`
		Password   string           `json:"password,omitempty"`
	}{conn, password}
	return ask[Previewed](ctx, c, http.MethodPost, "/v1/connections/preview", body)
}

// PlanConnection says what stands between a platform and what the policies say.
func (c *Client) PlanConnection(ctx context.Context, key string) (*PlatformPlan, error) {
	return ask[PlatformPlan](ctx, c, http.MethodGet, connectionPath(key)+"/plan", nil)
}

// ScriptConnection is the plan as text that an administrator can run.
func (c *Client) ScriptConnection(ctx context.Context, key string) (string, error) {
	out, err := ask[struct {
		Script string `json:"script"`
	}](ctx, c, http.MethodGet, connectionPath(key)+"/script", nil)
	if err != nil {
		return "", err
	}
	return out.Script, nil
}

// ApplyConnection has the platform brought to what the policies say, and waits for the end for some time, at most four minutes.
// When finished is false the work goes on at the server.
func (c *Client) ApplyConnection(ctx context.Context, key string, bootstrap bool, wait time.Duration) (st *PlatformStatus, finished bool, err error) {
	body := struct {
		Bootstrap bool `json:"bootstrap"`
		Wait      int  `json:"waitSeconds"`
	}{bootstrap, int(wait / time.Second)}
	out, err := ask[struct {
		Finished bool           `json:"finished"`
		Status   PlatformStatus `json:"status"`
	}](ctx, c, http.MethodPost, connectionPath(key)+"/apply", body)
	if err != nil {
		return nil, false, err
	}
	return &out.Status, out.Finished, nil
}

// ConnectionStatus tells where a platform stands.
func (c *Client) ConnectionStatus(ctx context.Context, key string) (*PlatformStatus, error) {
	return ask[PlatformStatus](ctx, c, http.MethodGet, connectionPath(key)+"/status", nil)
}

// VerifyConnection looks whether what was applied is what is enforced.
func (c *Client) VerifyConnection(ctx context.Context, key string) ([]PlatformDrift, error) {
	out, err := ask[struct {
		Drift []PlatformDrift `json:"drift"`
	}](ctx, c, http.MethodPost, connectionPath(key)+"/verify", nil)
	if err != nil {
		return nil, err
	}
	return out.Drift, nil
}

// SetCredential has a secret kept that connections name; it is never given back.
func (c *Client) SetCredential(ctx context.Context, name, secret string) error {
	return c.do(ctx, request{method: http.MethodPut, path: "/v1/credentials/" + segment(name), body: map[string]string{"secret": secret}})
}

// DeleteCredential has a secret forgotten.
func (c *Client) DeleteCredential(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: "/v1/credentials/" + segment(name)})
}

func ask[T any](ctx context.Context, c *Client, method, path string, body any) (*T, error) {
	out := new(T)
	if err := c.do(ctx, request{method: method, path: path, body: body, out: out}); err != nil {
		return nil, err
	}
	return out, nil
}
