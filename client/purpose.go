package client

import (
	"context"
	"net/http"

	"stead"
)

// Purposes lists purposes.
func (c *Client) Purposes(ctx context.Context) ([]stead.Purpose, error) {
	return all[stead.Purpose](ctx, c, "/v1/purposes")
}

// Purpose returns a purpose and its version.
func (c *Client) Purpose(ctx context.Context, key string) (*stead.Purpose, string, error) {
	return getOne[stead.Purpose](ctx, c, "/v1/purposes/"+segment(key), nil)
}

// PutPurpose creates or replaces a purpose.
func (c *Client) PutPurpose(ctx context.Context, p stead.Purpose, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, "/v1/purposes/"+segment(p.Key), nil, w, p)
}

// DeletePurpose deletes a purpose that no project has.
func (c *Client) DeletePurpose(ctx context.Context, key string, w With) (*Change, error) {
	return c.change(ctx, http.MethodDelete, "/v1/purposes/"+segment(key), nil, w, nil)
}
