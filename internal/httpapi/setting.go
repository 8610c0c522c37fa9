package httpapi

import (
	"context"
	"net/http"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

func (s *server) settingRoutes() {
	handle(s, route("list-settings", http.MethodGet, "/v1/settings", "List the settings that differ from their defaults", "settings"),
		func(ctx context.Context, in *page) (*listed[stead.Setting], error) {
			return list[stead.Setting](ctx, s, store.Settings, *in)
		})
	handle(s, route("put-setting", http.MethodPut, "/v1/settings/{key}", "Set a setting; an empty value restores its default", "settings"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
			Body struct {
				Value string `json:"value" maxLength:"65536"`
			}
		}) (*changed, error) {
			return s.change(ctx, in.Wish, store.Settings, in.Key, govern.PutSetting{Setting: stead.Setting{Name: in.Key, Value: in.Body.Value}})
		})
}
