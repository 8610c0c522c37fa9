package httpapi

import (
	"context"
	"net/http"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

func (s *server) projectRoutes() {
	handle(s, route("list-projects", http.MethodGet, "/v1/projects", "List projects", "projects"),
		func(ctx context.Context, in *page) (*listed[stead.Project], error) {
			return list[stead.Project](ctx, s, store.Projects, *in)
		})
	handle(s, route("get-project", http.MethodGet, "/v1/projects/{key}", "One project", "projects"),
		func(ctx context.Context, in *Keyed) (*one[stead.Project], error) {
			return get[stead.Project](ctx, s, store.Projects, in.Key)
		})
	handle(s, route("put-project", http.MethodPut, "/v1/projects/{key}", "Create or replace a project", "projects"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
			Body stead.Project
		}) (*changed, error) {
			p := in.Body
			p.Bundle = ""
			if err := agree("key", &p.Key, in.Key); err != nil {
				return nil, err
			}
			return s.change(ctx, in.Wish, store.Projects, in.Key, govern.PutProject{Project: p})
		})
	handle(s, route("set-project-members", http.MethodPut, "/v1/projects/{key}/members", "Replace the members of a project", "projects"), s.setMembers)
	handle(s, route("delete-project", http.MethodDelete, "/v1/projects/{key}", "Delete a project", "projects"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
		}) (*changed, error) {
			return s.change(ctx, in.Wish, store.Projects, in.Key, govern.DeleteProject{Key: in.Key})
		})
	handle(s, route("switch-project", http.MethodPut, "/v1/current-project", "Act in a project from now on, or in none", "projects"),
		func(ctx context.Context, in *struct {
			Body struct {
				Project string `json:"project" doc:"Key of the project; empty for none"`
			}
		}) (*changed, error) {
			return s.change(ctx, Wish{}, store.Projects, in.Body.Project, govern.SwitchProject{Key: in.Body.Project})
		})
}

func (s *server) setMembers(ctx context.Context, in *struct {
	Keyed
	Wish
	Body []stead.Principal
}) (*changed, error) {
	now, err := get[stead.Project](ctx, s, store.Projects, in.Key)
	if err != nil {
		return nil, err
	}
	if in.IfMatch == "" {
		in.IfMatch = now.ETag
	}
	now.Body.Members = in.Body
	return s.change(ctx, in.Wish, store.Projects, in.Key, govern.PutProject{Project: now.Body})
}
