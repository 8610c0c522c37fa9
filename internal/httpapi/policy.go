package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
	"stead/policy"
)

// Policy is a stored policy: its document is the v2 payload.
type Policy struct {
	ID       int64  `json:"id"`
	Revision int64  `json:"revision" doc:"Of its last change"`
	Bundle   string `json:"bundle,omitempty" doc:"The bundle that created it"`
	Policy   any    `json:"policy" doc:"The document"`
}

func policyOf(row store.Row) (*Policy, error) {
	p, err := store.DecodePolicy(row)
	if err != nil {
		return nil, err
	}
	doc, err := p.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return &Policy{ID: p.ID, Revision: int64(p.At), Bundle: p.Bundle, Policy: json.RawMessage(doc)}, nil
}

func (s *server) policyRoutes() {
	handle(s, route("list-policies", http.MethodGet, "/v1/policies", "List policies", "policies"),
		func(ctx context.Context, in *page) (*listed[Policy], error) {
			return listWith(ctx, s, store.Policies, *in, policyOf)
		})
	handle(s, route("get-policy", http.MethodGet, "/v1/policies/{key}", "One policy", "policies"), s.getPolicy)
	handle(s, document(route("put-policy", http.MethodPut, "/v1/policies/{key}", "Create or replace a policy", "policies"), "application/json"), s.putPolicy)
	handle(s, route("delete-policy", http.MethodDelete, "/v1/policies/{key}", "Delete a policy", "policies"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
		}) (*changed, error) {
			return s.change(ctx, in.Wish, store.Policies, in.Key, govern.DeletePolicy{Key: in.Key})
		})
}

func (s *server) getPolicy(ctx context.Context, in *Keyed) (*one[Policy], error) {
	row, err := s.Govern.Get(ctx, callerOf(ctx), store.Policies, in.Key)
	if err != nil {
		return nil, err
	}
	p, err := policyOf(row)
	if err != nil {
		return nil, err
	}
	return &one[Policy]{ETag: version(row), Body: *p}, nil
}

func (s *server) putPolicy(ctx context.Context, in *struct {
	Keyed
	Wish
	RawBody []byte `contentType:"application/json"`
}) (*changed, error) {
	p, err := policy.Decode(in.RawBody)
	if err != nil {
		return nil, err
	}
	if p.Key != in.Key {
		return nil, stead.Errorf(stead.Invalid, "%q is not the key that the path names", cut(p.Key, 100)).At(stead.Place{Path: "policyKey"})
	}
	return s.change(ctx, in.Wish, store.Policies, in.Key, govern.PutPolicy{Policy: p})
}
