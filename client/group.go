package client

import (
	"context"
	"net/http"

	"stead"
)

func groupPath(name string) string { return "/v1/groups/" + segment(name) }

// Groups lists groups.
func (c *Client) Groups(ctx context.Context) ([]stead.Group, error) {
	return all[stead.Group](ctx, c, "/v1/groups")
}

// Group returns a group and its version.
func (c *Client) Group(ctx context.Context, iam, name string) (*stead.Group, string, error) {
	return getOne[stead.Group](ctx, c, groupPath(name), iamQuery(iam))
}

// PutGroup creates or replaces a group.
func (c *Client) PutGroup(ctx context.Context, g stead.Group, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, groupPath(g.Name), iamQuery(g.IAM), w, g)
}

// SetMembers replaces the members of a group.
func (c *Client) SetMembers(ctx context.Context, iam, name string, members []stead.Principal, w With) (*Change, error) {
	if members == nil {
		members = []stead.Principal{}
	}
	return c.change(ctx, http.MethodPut, groupPath(name)+"/members", iamQuery(iam), w, members)
}

// DeleteGroup deletes a group.
func (c *Client) DeleteGroup(ctx context.Context, iam, name string, w With) (*Change, error) {
	return c.change(ctx, http.MethodDelete, groupPath(name), iamQuery(iam), w, nil)
}
