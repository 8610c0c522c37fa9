package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"stead"
)

func subscriptions() *resource[stead.Subscription] {
	return &resource[stead.Subscription]{path: "/v1/subscriptions", header: []string{"SOURCE", "WHO", "ACCESS", "STATE"},
		row: func(s *stead.Subscription) []string {
			return []string{s.Source.String(), spellPrincipal(s.Principal), string(s.Access), string(s.State)}
		}}
}

func subscriptionCommand(e *env) *cobra.Command {
	return nounCommand("subscription", "Who may use a data source beside those whom policies let in",
		subscriptions().listCommand(e, "subscription", "subscriptions"),
		subscriptionVerb(e, "create", "Subscribe a user or group", func(ctx context.Context, r *remote, o stead.Object, p stead.Principal, access stead.Access) error {
			return e.change(ctx, r, http.MethodPut, target{path: "/v1/subscriptions"},
				&stead.Subscription{Source: o, Principal: p, Access: access, State: stead.Approved})
		}),
		subscriptionVerb(e, "delete", "Revoke a subscription, or withdraw a request", func(ctx context.Context, r *remote, o stead.Object, p stead.Principal, _ stead.Access) error {
			query := url.Values{"connection": {o.Connection}, "path": {strings.Join(o.Path, ".")}, "type": {string(p.Kind)}, "name": {p.Name}, "iam": {p.IAM}}
			return e.change(ctx, r, http.MethodDelete, target{path: "/v1/subscriptions", query: query}, nil)
		}),
		subscriptionRequestCommand(e),
		subscriptionVerb(e, "approve", "Approve a request", decideSubscription(e, true)),
		subscriptionVerb(e, "reject", "Reject a request", decideSubscription(e, false)),
	)
}

type subscribing func(context.Context, *remote, stead.Object, stead.Principal, stead.Access) error

func decideSubscription(e *env, approve bool) subscribing {
	return func(ctx context.Context, r *remote, o stead.Object, p stead.Principal, _ stead.Access) error {
		return e.change(ctx, r, http.MethodPost, target{path: "/v1/subscriptions:decide"}, map[string]any{"source": o, "principal": p, "approve": approve})
	}
}

func accessFlag(c *cobra.Command, access *string) {
	c.Flags().StringVar(access, "access", string(stead.ReadAccess), "READ or WRITE")
}

// subscriptionVerb is a command about one principal and one data source.
func subscriptionVerb(e *env, use, short string, do subscribing) *cobra.Command {
	var user, group, access string
	c := e.verbCommand(verb{use: use + " SOURCE", short: short, args: cobra.ExactArgs(1), complete: sources().names,
		example: "stead subscription " + use + " lake:demo.hr_data --user ana@example.com"},
		func(ctx context.Context, r *remote, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			p, err := userPrincipal(user)
			if group != "" {
				p, err = groupPrincipal(group)
			}
			if err != nil {
				return err
			}
			return do(ctx, r, o, p, stead.Access(strings.ToUpper(access)))
		})
	c.Flags().StringVar(&user, "user", "", "user or agent")
	c.Flags().StringVar(&group, "group", "", "group")
	if use == "create" {
		accessFlag(c, &access)
	}
	c.MarkFlagsOneRequired("user", "group")
	c.MarkFlagsMutuallyExclusive("user", "group")
	return e.completeFlag(e.completeFlag(c, "user", identities().names), "group", groups().names)
}

func subscriptionRequestCommand(e *env) *cobra.Command {
	var access string
	c := e.verbCommand(verb{use: "request SOURCE", short: "Ask for your own subscription", args: cobra.ExactArgs(1),
		example: "stead subscription request lake:demo.hr_data"},
		func(ctx context.Context, r *remote, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			return e.change(ctx, r, http.MethodPost, target{path: "/v1/subscriptions:request"}, map[string]any{"source": o, "access": strings.ToUpper(access)})
		})
	accessFlag(c, &access)
	return c
}
