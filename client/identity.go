package client

import (
	"context"
	"net/http"

	"stead"
)

func identityPath(name string) string { return "/v1/identities/" + segment(name) }

// Identities lists users and agents.
func (c *Client) Identities(ctx context.Context) ([]stead.Identity, error) {
	return all[stead.Identity](ctx, c, "/v1/identities")
}

// Identity returns a user or agent and its version.
func (c *Client) Identity(ctx context.Context, iam, name string) (*stead.Identity, string, error) {
	return getOne[stead.Identity](ctx, c, identityPath(name), iamQuery(iam))
}

// WhoAmI returns the identity of the caller.
func (c *Client) WhoAmI(ctx context.Context) (*stead.Identity, error) {
	i, _, err := getOne[stead.Identity](ctx, c, "/v1/whoami", nil)
	return i, err
}

// PutIdentity creates or replaces a user or agent.
func (c *Client) PutIdentity(ctx context.Context, i stead.Identity, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, identityPath(i.Name), iamQuery(i.IAM), w, i)
}

// DeleteIdentity deletes a user or agent with its credentials.
func (c *Client) DeleteIdentity(ctx context.Context, iam, name string, w With) (*Change, error) {
	return c.change(ctx, http.MethodDelete, identityPath(name), iamQuery(iam), w, nil)
}

// DisableIdentity disables or enables a user or agent.
func (c *Client) DisableIdentity(ctx context.Context, iam, name string, disabled bool, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, identityPath(name)+"/state", iamQuery(iam), w, map[string]bool{"disabled": disabled})
}

// SetAttributes replaces the attributes of a user or agent.
func (c *Client) SetAttributes(ctx context.Context, iam, name string, a stead.Attributes, w With) (*Change, error) {
	if a == nil {
		a = stead.Attributes{}
	}
	return c.change(ctx, http.MethodPut, identityPath(name)+"/attributes", iamQuery(iam), w, a)
}

// SetPermissions replaces the permissions of a user or agent.
func (c *Client) SetPermissions(ctx context.Context, iam, name string, p []stead.Permission, w With) (*Change, error) {
	if p == nil {
		p = []stead.Permission{}
	}
	return c.change(ctx, http.MethodPut, identityPath(name)+"/permissions", iamQuery(iam), w, p)
}

// SetPassword sets a user's password, or removes it when it is empty.
func (c *Client) SetPassword(ctx context.Context, iam, name, password string) error {
	return c.do(ctx, request{method: http.MethodPut, path: identityPath(name) + "/password", query: iamQuery(iam),
		body: map[string]string{"password": password}})
}
