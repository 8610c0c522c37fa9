package client

import (
	"context"
	"io"
	"net/http"
	"time"

	"stead"
)

// Status is how the server is. Audit and Connections are there for administrators, governors and auditors.
type Status struct {
	Version    string    `json:"version"`
	Started    time.Time `json:"started"`
	Ready      bool      `json:"ready"`
	Revision   int64     `json:"revision"`
	StoreAgeMs int64     `json:"storeAgeMs"`
	Behind     bool      `json:"behind,omitempty"`
	// Gateway is where SQL clients connect, as the server listens; Namespace is the prefix of stead's settings there.
	Gateway     string             `json:"gateway,omitempty"`
	Namespace   string             `json:"namespace,omitempty"`
	Problems    []string           `json:"problems,omitempty"`
	Audit       *AuditStatus       `json:"audit,omitempty"`
	Connections []ConnectionStatus `json:"connections,omitempty"`
}

// AuditStatus is how the audit log is.
type AuditStatus struct {
	Head        string `json:"head"`
	Unsigned    int64  `json:"unsigned"`
	Segments    int    `json:"segments"`
	OpenQueries int    `json:"openQueries"`
}

// ConnectionStatus is how one connection is.
type ConnectionStatus struct {
	Key      string          `json:"key"`
	Platform stead.Platform  `json:"platform"`
	Disabled bool            `json:"disabled,omitempty"`
	Sources  int             `json:"sources"`
	Current  bool            `json:"current"`
	Problem  string          `json:"problem"`
	Waiting  []WaitingSource `json:"waiting,omitempty"`
	// Push is where the platform stands, when policies are pushed there.
	Push *PlatformStatus `json:"push,omitempty"`
}

// WaitingSource is a data source that is not served.
type WaitingSource struct {
	Path   []string          `json:"path"`
	State  stead.SourceState `json:"state"`
	Reason string            `json:"reason,omitempty"`
}

// Status tells how the server is.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	out := &Status{}
	if err := c.do(ctx, request{method: http.MethodGet, path: "/v1/status", out: out}); err != nil {
		return nil, err
	}
	return out, nil
}

// Version is the server's version. It needs no key.
func (c *Client) Version(ctx context.Context) (string, error) {
	var out struct {
		Version string `json:"version"`
	}
	err := c.do(ctx, request{method: http.MethodGet, path: "/v1/version", out: &out})
	return out.Version, err
}

// Backup writes a consistent copy of the server's store to w. An error in the middle leaves w with a part.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.stream(ctx, w, request{method: http.MethodPost, path: "/v1/backup"})
}
