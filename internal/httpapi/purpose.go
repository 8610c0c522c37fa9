package httpapi

import (
	"context"
	"net/http"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

func (s *server) purposeRoutes() {
	handle(s, route("list-purposes", http.MethodGet, "/v1/purposes", "List purposes", "purposes"),
		func(ctx context.Context, in *page) (*listed[stead.Purpose], error) {
			return list[stead.Purpose](ctx, s, store.Purposes, *in)
		})
	handle(s, route("get-purpose", http.MethodGet, "/v1/purposes/{key}", "One purpose", "purposes"),
		func(ctx context.Context, in *Keyed) (*one[stead.Purpose], error) {
			return get[stead.Purpose](ctx, s, store.Purposes, in.Key)
		})
	handle(s, route("put-purpose", http.MethodPut, "/v1/purposes/{key}", "Create or replace a purpose", "purposes"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
			Body stead.Purpose
		}) (*changed, error) {
			p := in.Body
			p.Bundle = ""
			if err := agree("key", &p.Key, in.Key); err != nil {
				return nil, err
			}
			return s.change(ctx, in.Wish, store.Purposes, in.Key, govern.PutPurpose{Purpose: p})
		})
	handle(s, route("delete-purpose", http.MethodDelete, "/v1/purposes/{key}", "Delete a purpose that no project has", "purposes"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
		}) (*changed, error) {
			return s.change(ctx, in.Wish, store.Purposes, in.Key, govern.DeletePurpose{Key: in.Key})
		})
}
