package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"stead"
)

// Subscriptions lists stored subscriptions and requests.
func (c *Client) Subscriptions(ctx context.Context) ([]stead.Subscription, error) {
	return all[stead.Subscription](ctx, c, "/v1/subscriptions")
}

// PutSubscription subscribes a user or group to a data source.
func (c *Client) PutSubscription(ctx context.Context, s stead.Subscription, w With) (*Change, error) {
	body := struct {
		Source    stead.Object            `json:"source"`
		Principal stead.Principal         `json:"principal"`
		Access    stead.Access            `json:"access,omitempty"`
		State     stead.SubscriptionState `json:"state,omitempty"`
	}{s.Source, s.Principal, s.Access, s.State}
	return c.change(ctx, http.MethodPut, "/v1/subscriptions", nil, w, body)
}

// DeleteSubscription revokes a subscription, or withdraws a request.
func (c *Client) DeleteSubscription(ctx context.Context, o stead.Object, p stead.Principal, w With) (*Change, error) {
	q := url.Values{"connection": {o.Connection}, "path": {strings.Join(o.Path, ".")}, "type": {string(p.Kind)}, "name": {p.Name}}
	if p.IAM != "" {
		q.Set("iam", p.IAM)
	}
	return c.change(ctx, http.MethodDelete, "/v1/subscriptions", q, w, nil)
}

// RequestSubscription asks for a subscription of the caller's own; access "" is reading.
func (c *Client) RequestSubscription(ctx context.Context, o stead.Object, access stead.Access) (*Change, error) {
	body := struct {
		Source stead.Object `json:"source"`
		Access stead.Access `json:"access,omitempty"`
	}{o, access}
	return c.change(ctx, http.MethodPost, "/v1/subscriptions:request", nil, With{}, body)
}

// DecideSubscription approves or rejects a request.
func (c *Client) DecideSubscription(ctx context.Context, o stead.Object, p stead.Principal, approve bool) (*Change, error) {
	body := struct {
		Source    stead.Object    `json:"source"`
		Principal stead.Principal `json:"principal"`
		Approve   bool            `json:"approve"`
	}{o, p, approve}
	return c.change(ctx, http.MethodPost, "/v1/subscriptions:decide", nil, With{}, body)
}
