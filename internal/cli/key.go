package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stead/client"
	"stead/internal/session"
)

func keyCommand(e *env) *cobra.Command {
	return nounCommand("key", "API keys of users and agents", keyListCommand(e), keyCreateCommand(e), keyRevokeCommand(e))
}

// keyHolder is the identity whose keys are meant, the caller when none is named.
func keyHolder(ctx context.Context, c *client.Client, name string) (iam, user string, err error) {
	if name != "" {
		return session.ParseName(name)
	}
	me, err := c.WhoAmI(ctx)
	if err != nil {
		return "", "", err
	}
	return me.IAM, me.Name, nil
}

func forFlag(e *env, cmd *cobra.Command, who *string) *cobra.Command {
	cmd.Flags().StringVar(who, "for", "", "user or agent (default: yourself)")
	return e.completeFlag(cmd, "for", identities().names)
}

func keyListCommand(e *env) *cobra.Command {
	var who string
	return forFlag(e, e.verbCommand(verb{use: "list", short: "List API keys, without their secrets", example: "stead key list --for scout@example.com"},
		func(ctx context.Context, c *client.Client, _ []string) error {
			iam, user, err := keyHolder(ctx, c, who)
			if err != nil {
				return err
			}
			keys, err := c.Keys(ctx, iam, user)
			if err != nil {
				return err
			}
			s := resource[client.Key]{header: []string{"NAME", "CREATED", "EXPIRES", "PROJECT"}, row: func(k *client.Key) []string {
				return []string{k.Name, k.Created.Format(time.DateTime), expiry(k.Expires), k.Project}
			}}
			return s.print(e, keys)
		}), &who)
}

func expiry(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.DateTime)
}

func keyCreateCommand(e *env) *cobra.Command {
	var who, name, project, expires string
	cmd := forFlag(e, e.verbCommand(verb{use: "create", short: "Make an API key; its secret is shown once",
		example: "stead key create --name laptop\nstead key create --for scout@example.com --name prod --expires 90d"},
		func(ctx context.Context, c *client.Client, _ []string) error {
			iam, user, err := keyHolder(ctx, c, who)
			if err != nil {
				return err
			}
			n := client.NewKey{Name: name, Project: project}
			if expires != "" {
				at, err := futureTime(expires, time.Now())
				if err != nil {
					return err
				}
				n.Expires = &at
			}
			k, err := c.CreateKey(ctx, iam, user, n)
			if err != nil {
				return err
			}
			if e.output == "json" {
				return e.printJSON(k)
			}
			fmt.Fprintln(e.err, "This is shown once; keep it:")
			_, err = fmt.Fprintln(e.out, k.Secret)
			return err
		}), &who)
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name of the key")
	f.StringVar(&project, "project", "", "project that the key acts in; such a key changes nothing in stead")
	f.StringVar(&expires, "expires", "", "when it stops working: 90d, 12h, or a time like 2027-01-31T00:00:00Z")
	markRequired(cmd, "name")
	return cmd
}

func keyRevokeCommand(e *env) *cobra.Command {
	var who string
	cmd := forFlag(e, e.verbCommand(verb{use: "revoke KEY", short: "Revoke an API key; sessions that came with it end", args: cobra.ExactArgs(1),
		example: "stead key revoke laptop\nstead key revoke prod --for scout@example.com"},
		func(ctx context.Context, c *client.Client, args []string) error {
			iam, user, err := keyHolder(ctx, c, who)
			if err != nil {
				return err
			}
			if err := c.RevokeKey(ctx, iam, user, args[0]); err != nil {
				return err
			}
			return e.done(&client.Change{Noun: "apikey", Key: session.FormatName(iam, user) + "/" + args[0], Op: "delete"}, nil)
		}), &who)
	cmd.Aliases = []string{"delete"}
	return cmd
}
