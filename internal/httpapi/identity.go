package httpapi

import (
	"context"
	"net/http"

	"stead"
	"stead/internal/govern"
	"stead/internal/session"
	"stead/internal/store"
)

// Named names an identity or a group.
type Named struct {
	Name string `path:"name" maxLength:"256" doc:"Name, as given to it"`
	IAM  string `query:"iam" default:"bim" maxLength:"64" doc:"Identity manager"`
}

func (n Named) identityKey() (string, error) {
	name, err := session.Canonical(n.Name)
	if err != nil {
		return "", err
	}
	return store.IdentityKey(n.IAM, name), nil
}

func (s *server) identityRoutes() {
	handle(s, route("list-identities", http.MethodGet, "/v1/identities", "List users and agents", "identities"),
		func(ctx context.Context, in *page) (*listed[stead.Identity], error) {
			return list[stead.Identity](ctx, s, store.Identities, *in)
		})
	handle(s, route("whoami", http.MethodGet, "/v1/whoami", "The identity that asks", "identities"), s.whoami)
	handle(s, route("get-identity", http.MethodGet, "/v1/identities/{name}", "One user or agent", "identities"),
		func(ctx context.Context, in *Named) (*one[stead.Identity], error) {
			key, err := in.identityKey()
			if err != nil {
				return nil, err
			}
			return get[stead.Identity](ctx, s, store.Identities, key)
		})
	handle(s, route("put-identity", http.MethodPut, "/v1/identities/{name}", "Create or replace a user or agent", "identities"), s.putIdentity)
	handle(s, route("delete-identity", http.MethodDelete, "/v1/identities/{name}", "Delete a user or agent with its credentials", "identities"),
		func(ctx context.Context, in *struct {
			Named
			Wish
		}) (*changed, error) {
			key, err := in.identityKey()
			if err != nil {
				return nil, err
			}
			return s.change(ctx, in.Wish, store.Identities, key, govern.DeleteIdentity{IAM: in.IAM, Name: in.Name})
		})
	handle(s, route("set-identity-state", http.MethodPut, "/v1/identities/{name}/state", "Disable or enable a user or agent", "identities"),
		func(ctx context.Context, in *struct {
			Named
			Wish
			Body struct {
				Disabled bool `json:"disabled"`
			}
		}) (*changed, error) {
			key, err := in.identityKey()
			if err != nil {
				return nil, err
			}
			return s.change(ctx, in.Wish, store.Identities, key, govern.DisableIdentity{IAM: in.IAM, Name: in.Name, Disabled: in.Body.Disabled})
		})
	handle(s, route("set-identity-attributes", http.MethodPut, "/v1/identities/{name}/attributes", "Replace the attributes of a user or agent", "identities"), s.setAttributes)
	handle(s, route("set-identity-permissions", http.MethodPut, "/v1/identities/{name}/permissions", "Replace the permissions of a user or agent", "identities"), s.setPermissions)
	handle(s, route("set-password", http.MethodPut, "/v1/identities/{name}/password", "Set or remove a user's password", "identities"), s.setPassword)
}

func (s *server) whoami(ctx context.Context, _ *struct{}) (*one[stead.Identity], error) {
	a := callerOf(ctx).Actor
	return get[stead.Identity](ctx, s, store.Identities, store.IdentityKey(a.IAM, a.Name))
}

type putIdentity struct {
	Named
	Wish
	Body stead.Identity
}

func (s *server) putIdentity(ctx context.Context, in *putIdentity) (*changed, error) {
	key, err := in.identityKey()
	if err != nil {
		return nil, err
	}
	i := in.Body
	i.Bundle = ""
	if err := agree("name", &i.Name, in.Name); err != nil {
		return nil, err
	}
	if err := agree("iam", &i.IAM, in.IAM); err != nil {
		return nil, err
	}
	return s.change(ctx, in.Wish, store.Identities, key, govern.PutIdentity{Identity: i})
}

// alter replaces part of an identity, unless somebody else changes it meanwhile.
func (s *server) alter(ctx context.Context, n Named, w Wish, change func(*stead.Identity)) (*changed, error) {
	key, err := n.identityKey()
	if err != nil {
		return nil, err
	}
	now, err := get[stead.Identity](ctx, s, store.Identities, key)
	if err != nil {
		return nil, err
	}
	if w.IfMatch == "" {
		w.IfMatch = now.ETag
	}
	change(&now.Body)
	return s.change(ctx, w, store.Identities, key, govern.PutIdentity{Identity: now.Body})
}

func (s *server) setAttributes(ctx context.Context, in *struct {
	Named
	Wish
	Body stead.Attributes
}) (*changed, error) {
	return s.alter(ctx, in.Named, in.Wish, func(i *stead.Identity) { i.Attributes = in.Body })
}

func (s *server) setPermissions(ctx context.Context, in *struct {
	Named
	Wish
	Body []stead.Permission
}) (*changed, error) {
	return s.alter(ctx, in.Named, in.Wish, func(i *stead.Identity) { i.Permissions = in.Body })
}

func (s *server) setPassword(ctx context.Context, in *struct {
	Named
	Body struct {
		Password string `json:"password" maxLength:"1024" doc:"Empty removes it"`
	}
}) (*struct{}, error) {
	return &struct{}{}, s.Govern.SetPassword(ctx, callerOf(ctx), in.IAM, in.Name, in.Body.Password)
}
