package client

import (
	"context"
	"net/http"

	"stead"
)

// Settings lists the settings that differ from their defaults.
func (c *Client) Settings(ctx context.Context) ([]stead.Setting, error) {
	return all[stead.Setting](ctx, c, "/v1/settings")
}

// PutSetting sets a setting; an empty value restores its default.
func (c *Client) PutSetting(ctx context.Context, s stead.Setting, w With) (*Change, error) {
	return c.change(ctx, http.MethodPut, "/v1/settings/"+segment(s.Name), nil, w, map[string]string{"value": s.Value})
}
