package client

import (
	"context"
	"net/http"

	"stead"
)

func connectionPath(key string) string { return "/v1/connections/" + segment(key) }

// Connections lists connections.
func (c *Client) Connections(ctx context.Context) ([]stead.Connection, error) {
	return all[stead.Connection](ctx, c, "/v1/connections")
}

// Connection returns a connection and its version.
func (c *Client) Connection(ctx context.Context, key string) (*stead.Connection, string, error) {
	return getOne[stead.Connection](ctx, c, connectionPath(key), nil)
}

// PutConnection creates or replaces a connection.
func (c *Client) PutConnection(ctx context.Context, conn stead.Connection, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, connectionPath(conn.Key), nil, w, conn)
}

// DeleteConnection deletes a connection without data sources.
func (c *Client) DeleteConnection(ctx context.Context, key string, w With) (*Change, error) {
	return c.change(ctx, http.MethodDelete, connectionPath(key), nil, w, nil)
}

// Finding compares a table that was found with what is registered.
type Finding struct {
	Source  stead.DataSource `json:"source"` // what to put to register it
	Status  string           `json:"status"` // "new", "same", "changed", "gone", "unreadable"
	Changes []string         `json:"changes,omitempty"`
}

// Crawl looks at what a connection holds. It changes nothing.
func (c *Client) Crawl(ctx context.Context, connection string) ([]Finding, error) {
	var out pageOf[Finding]
	err := c.do(ctx, request{method: http.MethodPost, path: connectionPath(connection) + "/crawl", out: &out})
	return out.Items, err
}
