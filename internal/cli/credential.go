package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func credentialCommand(e *env) *cobra.Command {
	var stdin bool
	set := e.verbCommand(verb{use: "set NAME", short: "Have the server keep a secret that connections name", args: cobra.ExactArgs(1),
		long:    "The secret is asked for without echo, or read from standard input; it is never an argument, and never given back.",
		example: "stead credential set hr\npass show hr | stead credential set hr --stdin"},
		func(ctx context.Context, c *client.Client, args []string) error {
			secret, err := e.readSecret("secret", stdin)
			if err != nil {
				return err
			}
			if secret == "" {
				return stead.Errorf(stead.Invalid, "the secret is empty").WithHint("to have it forgotten: stead credential delete %s", args[0])
			}
			return e.keptCredential(args[0], "set", c.SetCredential(ctx, args[0], secret))
		})
	set.Flags().BoolVar(&stdin, "stdin", false, "read it from the first line of standard input")
	remove := e.verbCommand(verb{use: "delete NAME", short: "Have the server forget a secret", args: cobra.ExactArgs(1), example: "stead credential delete hr"},
		func(ctx context.Context, c *client.Client, args []string) error {
			return e.keptCredential(args[0], "deleted", c.DeleteCredential(ctx, args[0]))
		})
	return nounCommand("credential", "Secrets that connections sign in with", set, remove)
}

func (e *env) keptCredential(name, op string, err error) error {
	if err != nil {
		return err
	}
	if e.output == "json" {
		return e.printJSON(map[string]string{"name": name, "op": op})
	}
	_, err = fmt.Fprintf(e.out, "credential %s: %s\n", printable(name), op)
	return err
}
