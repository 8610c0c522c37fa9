package httpapi

import (
	"context"
	"net/http"

	"stead"
	"stead/internal/govern"
	"stead/internal/session"
	"stead/internal/store"
)

// Request asks for a subscription of the caller's own.
type Request struct {
	Source stead.Object `json:"source"`
	Access stead.Access `json:"access,omitempty" enum:"READ,WRITE"`
}

// Verdict answers a request.
type Verdict struct {
	Source    stead.Object    `json:"source"`
	Principal stead.Principal `json:"principal"`
	Approve   bool            `json:"approve"`
}

func (s *server) subscriptionRoutes() {
	const noun = "subscriptions"
	handle(s, route("list-subscriptions", http.MethodGet, "/v1/subscriptions", "List stored subscriptions and requests", noun),
		func(ctx context.Context, in *page) (*listed[stead.Subscription], error) {
			return list[stead.Subscription](ctx, s, store.Subscriptions, *in)
		})
	handle(s, route("put-subscription", http.MethodPut, "/v1/subscriptions", "Subscribe a user or group to a data source", noun),
		func(ctx context.Context, in *struct {
			Wish
			Body stead.Subscription
		}) (*changed, error) {
			sub := in.Body
			sub.Bundle = ""
			return s.change(ctx, in.Wish, store.Subscriptions, subscriptionKey(sub.Source, &sub.Principal), govern.PutSubscription{Subscription: sub})
		})
	handle(s, route("delete-subscription", http.MethodDelete, "/v1/subscriptions", "Revoke a subscription, or withdraw a request", noun), s.deleteSubscription)
	handle(s, route("request-subscription", http.MethodPost, "/v1/subscriptions:request", "Ask for a subscription", noun),
		func(ctx context.Context, in *struct {
			DryRun bool `query:"dryRun"`
			Body   Request
		}) (*changed, error) {
			return s.change(ctx, Wish{DryRun: in.DryRun}, store.Subscriptions, "", govern.RequestSubscription{Source: in.Body.Source, Access: in.Body.Access})
		})
	handle(s, route("decide-subscription", http.MethodPost, "/v1/subscriptions:decide", "Approve or reject a request", noun),
		func(ctx context.Context, in *struct {
			Wish
			Body Verdict
		}) (*changed, error) {
			v := in.Body
			key := subscriptionKey(v.Source, &v.Principal)
			return s.change(ctx, in.Wish, store.Subscriptions, key, govern.DecideSubscription{Source: v.Source, Principal: v.Principal, Approve: v.Approve})
		})
}

func (s *server) deleteSubscription(ctx context.Context, in *struct {
	Wish
	Connection string              `query:"connection" required:"true"`
	Path       string              `query:"path" required:"true" doc:"schema.table"`
	Type       stead.PrincipalKind `query:"type" default:"user" enum:"user,group"`
	Name       string              `query:"name" required:"true" doc:"Of the user or group"`
	IAM        string              `query:"iam" default:"bim"`
}) (*changed, error) {
	o := Located{Connection: in.Connection, Path: in.Path}.object()
	p := stead.Principal{Kind: in.Type, IAM: in.IAM, Name: in.Name}
	key := subscriptionKey(o, &p)
	return s.change(ctx, in.Wish, store.Subscriptions, key, govern.DeleteSubscription{Source: o, Principal: p})
}

// subscriptionKey spells the principal as it is stored, so that it can be found.
func subscriptionKey(o stead.Object, p *stead.Principal) string {
	if p.IAM == "" {
		p.IAM = stead.DefaultIAM
	}
	if p.Kind == stead.UserPrincipal {
		if name, err := session.Canonical(p.Name); err == nil { // govern refuses what has no canonical form
			p.Name = name
		}
	}
	return store.SubscriptionKey(o, *p)
}
