package client

import (
	"context"
	"net/http"
	"strings"

	"stead"
)

func sourcePath(connection string, path []string) string {
	return "/v1/datasources/" + segment(connection) + "/" + segment(strings.Join(path, "."))
}

// Sources lists data sources.
func (c *Client) Sources(ctx context.Context) ([]stead.DataSource, error) {
	return all[stead.DataSource](ctx, c, "/v1/datasources")
}

// Source returns a data source and its version.
func (c *Client) Source(ctx context.Context, connection string, path []string) (*stead.DataSource, string, error) {
	return getOne[stead.DataSource](ctx, c, sourcePath(connection, path), nil)
}

// PutSource registers a data source, or replaces what is known about it.
func (c *Client) PutSource(ctx context.Context, d stead.DataSource, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, sourcePath(d.Connection, d.Path), nil, w, d)
}

// DeleteSource deletes a data source with its subscriptions.
func (c *Client) DeleteSource(ctx context.Context, connection string, path []string, w With) (*Change, error) {
	return c.change(ctx, http.MethodDelete, sourcePath(connection, path), nil, w, nil)
}

// SetTags replaces the tags of a data source and of the columns named.
func (c *Client) SetTags(ctx context.Context, connection string, path []string, tags []stead.Tag, columns map[string][]stead.Tag, w With) (*Change, error) {
	if tags == nil {
		tags = []stead.Tag{}
	}
	body := struct {
		Tags    []stead.Tag            `json:"tags"`
		Columns map[string][]stead.Tag `json:"columns,omitempty"`
	}{tags, columns}
	return c.change(ctx, http.MethodPut, sourcePath(connection, path)+"/tags", nil, w, body)
}

// SetSourceState serves a data source, or stops serving it.
func (c *Client) SetSourceState(ctx context.Context, connection string, path []string, state stead.SourceState, reason string, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, sourcePath(connection, path)+"/state", nil, w, map[string]string{"state": string(state), "reason": reason})
}

// LookAt registers a table as it is found now, which a drifted one waits for.
func (c *Client) LookAt(ctx context.Context, connection string, path []string, w With) (*Change, error) {
	return c.change(ctx, http.MethodPost, sourcePath(connection, path)+"/look", nil, w, nil)
}
