package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func subscriptions() *resource[stead.Subscription] {
	return &resource[stead.Subscription]{list: (*client.Client).Subscriptions, header: []string{"SOURCE", "WHO", "ACCESS", "STATE"},
		row: func(s *stead.Subscription) []string {
			return []string{s.Source.String(), spellPrincipal(s.Principal), string(s.Access), string(s.State)}
		}}
}

func subscriptionCommand(e *env) *cobra.Command {
	return nounCommand("subscription", "Who may use a data source beside those whom policies let in",
		subscriptions().listCommand(e, "subscription", "subscriptions"),
		subscriptionVerb(e, "create", "Subscribe a user or group", func(ctx context.Context, c *client.Client, o stead.Object, p stead.Principal, access stead.Access) error {
			return e.done(c.PutSubscription(ctx, stead.Subscription{Source: o, Principal: p, Access: access, State: stead.Approved}, client.With{}))
		}),
		subscriptionVerb(e, "delete", "Revoke a subscription, or withdraw a request", func(ctx context.Context, c *client.Client, o stead.Object, p stead.Principal, _ stead.Access) error {
			return e.done(c.DeleteSubscription(ctx, o, p, client.With{}))
		}),
		subscriptionRequestCommand(e),
		subscriptionVerb(e, "approve", "Approve a request", decideSubscription(e, true)),
		subscriptionVerb(e, "reject", "Reject a request", decideSubscription(e, false)),
	)
}

type subscribing func(context.Context, *client.Client, stead.Object, stead.Principal, stead.Access) error

func decideSubscription(e *env, approve bool) subscribing {
	return func(ctx context.Context, c *client.Client, o stead.Object, p stead.Principal, _ stead.Access) error {
		return e.done(c.DecideSubscription(ctx, o, p, approve))
	}
}

func accessFlag(cmd *cobra.Command, access *string) {
	cmd.Flags().StringVar(access, "access", string(stead.ReadAccess), "READ or WRITE")
}

// subscriptionVerb is a command about one principal and one data source.
func subscriptionVerb(e *env, use, short string, do subscribing) *cobra.Command {
	var user, group, access string
	cmd := e.verbCommand(verb{use: use + " SOURCE", short: short, args: cobra.ExactArgs(1), complete: sources().names,
		example: "stead subscription " + use + " lake:demo.hr_data --user ana@example.com"},
		func(ctx context.Context, c *client.Client, args []string) error {
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
			return do(ctx, c, o, p, stead.Access(strings.ToUpper(access)))
		})
	cmd.Flags().StringVar(&user, "user", "", "user or agent")
	cmd.Flags().StringVar(&group, "group", "", "group")
	if use == "create" {
		accessFlag(cmd, &access)
	}
	cmd.MarkFlagsOneRequired("user", "group")
	cmd.MarkFlagsMutuallyExclusive("user", "group")
	return e.completeFlag(e.completeFlag(cmd, "user", identities().names), "group", groups().names)
}

func subscriptionRequestCommand(e *env) *cobra.Command {
	var access string
	cmd := e.verbCommand(verb{use: "request SOURCE", short: "Ask for your own subscription", args: cobra.ExactArgs(1),
		example: "stead subscription request lake:demo.hr_data"},
		func(ctx context.Context, c *client.Client, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			return e.done(c.RequestSubscription(ctx, o, stead.Access(strings.ToUpper(access))))
		})
	accessFlag(cmd, &access)
	return cmd
}
