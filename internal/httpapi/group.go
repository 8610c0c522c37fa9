package httpapi

import (
	"context"
	"net/http"

	"golang.org/x/text/unicode/norm"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

func (n Named) groupKey() string { return store.GroupKey(n.IAM, norm.NFC.String(n.Name)) }

func (s *server) groupRoutes() {
	handle(s, route("list-groups", http.MethodGet, "/v1/groups", "List groups", "groups"),
		func(ctx context.Context, in *page) (*listed[stead.Group], error) {
			return list[stead.Group](ctx, s, store.Groups, *in)
		})
	handle(s, route("get-group", http.MethodGet, "/v1/groups/{name}", "One group", "groups"),
		func(ctx context.Context, in *Named) (*one[stead.Group], error) {
			return get[stead.Group](ctx, s, store.Groups, in.groupKey())
		})
	handle(s, route("put-group", http.MethodPut, "/v1/groups/{name}", "Create or replace a group", "groups"), s.putGroup)
	handle(s, route("set-group-members", http.MethodPut, "/v1/groups/{name}/members", "Replace the members of a group", "groups"),
		func(ctx context.Context, in *struct {
			Named
			Wish
			Body []stead.Principal
		}) (*changed, error) {
			return s.alterGroup(ctx, in.Named, in.Wish, func(g *stead.Group) { g.Members = in.Body })
		})
	handle(s, route("set-group-attributes", http.MethodPut, "/v1/groups/{name}/attributes", "Replace the attributes of a group", "groups"),
		func(ctx context.Context, in *struct {
			Named
			Wish
			Body stead.Attributes
		}) (*changed, error) {
			return s.alterGroup(ctx, in.Named, in.Wish, func(g *stead.Group) { g.Attributes = in.Body })
		})
	handle(s, route("delete-group", http.MethodDelete, "/v1/groups/{name}", "Delete a group", "groups"),
		func(ctx context.Context, in *struct {
			Named
			Wish
		}) (*changed, error) {
			return s.change(ctx, in.Wish, store.Groups, in.groupKey(), govern.DeleteGroup{IAM: in.IAM, Name: in.Name})
		})
}

func (s *server) putGroup(ctx context.Context, in *struct {
	Named
	Wish
	Body stead.Group
}) (*changed, error) {
	g := in.Body
	g.Bundle = ""
	if err := agree("name", &g.Name, in.Name); err != nil {
		return nil, err
	}
	if err := agree("iam", &g.IAM, in.IAM); err != nil {
		return nil, err
	}
	return s.change(ctx, in.Wish, store.Groups, in.groupKey(), govern.PutGroup{Group: g})
}

// alterGroup replaces part of a group, unless somebody else changes it meanwhile.
func (s *server) alterGroup(ctx context.Context, n Named, w Wish, change func(*stead.Group)) (*changed, error) {
	now, err := get[stead.Group](ctx, s, store.Groups, n.groupKey())
	if err != nil {
		return nil, err
	}
	if w.IfMatch == "" {
		w.IfMatch = now.ETag
	}
	change(&now.Body)
	return s.change(ctx, w, store.Groups, n.groupKey(), govern.PutGroup{Group: now.Body})
}
