package client

import (
	"context"
	"net/http"

	"stead"
)

func projectPath(key string) string { return "/v1/projects/" + segment(key) }

// Projects lists projects.
func (c *Client) Projects(ctx context.Context) ([]stead.Project, error) {
	return all[stead.Project](ctx, c, "/v1/projects")
}

// Project returns a project and its version.
func (c *Client) Project(ctx context.Context, key string) (*stead.Project, string, error) {
	return getOne[stead.Project](ctx, c, projectPath(key), nil)
}

// PutProject creates or replaces a project.
func (c *Client) PutProject(ctx context.Context, p stead.Project, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, projectPath(p.Key), nil, w, p)
}

// DeleteProject deletes a project.
func (c *Client) DeleteProject(ctx context.Context, key string, w With) (*Change, error) {
	return c.change(ctx, http.MethodDelete, projectPath(key), nil, w, nil)
}

// SwitchProject sets the project that the caller acts in, "" for none.
func (c *Client) SwitchProject(ctx context.Context, key string) (*Change, error) {
	return c.change(ctx, http.MethodPut, "/v1/current-project", nil, With{}, map[string]string{"project": key})
}
