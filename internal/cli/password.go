package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
	"stead/internal/session"
)

func passwordCommand(e *env) *cobra.Command {
	var stdin bool
	put := func(ctx context.Context, c *client.Client, name, password, done string) error {
		iam, user, err := session.ParseName(name)
		if err != nil {
			return err
		}
		if err := c.SetPassword(ctx, iam, user, password); err != nil {
			return err
		}
		if e.output == "json" {
			return e.printJSON(map[string]string{"user": name, "password": done})
		}
		_, err = fmt.Fprintf(e.out, "password of %s: %s\n", name, done)
		return err
	}
	users := identities(stead.User).names
	set := e.verbCommand(verb{use: "set NAME", short: "Set a user's password; it is asked for without echo", args: cobra.ExactArgs(1), complete: users,
		example: "stead user password set ana@example.com\npass show ana | stead user password set ana@example.com --stdin"},
		func(ctx context.Context, c *client.Client, args []string) error {
			password, err := e.readSecret("password", stdin)
			if err != nil {
				return err
			}
			if password == "" {
				return stead.Errorf(stead.Invalid, "the password is empty").WithHint("to take it away: stead user password remove %s", args[0])
			}
			return put(ctx, c, args[0], password, "set")
		})
	set.Flags().BoolVar(&stdin, "stdin", false, "read it from the first line of standard input")
	remove := e.verbCommand(verb{use: "remove NAME", short: "Take a user's password away", args: cobra.ExactArgs(1), complete: users,
		example: "stead user password remove ana@example.com"},
		func(ctx context.Context, c *client.Client, args []string) error {
			return put(ctx, c, args[0], "", "removed")
		})
	return nounCommand("password", "Passwords, which sign in at the gateway beside API keys", set, remove)
}
