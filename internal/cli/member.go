package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

// memberCommand adds and removes members of what has them.
func memberCommand[T any](e *env, noun, example string, complete completion, get getting[T], put putting[T], of func(*T) *[]stead.Principal) *cobra.Command {
	verbFor := func(use, short string, change func(members, named []stead.Principal) []stead.Principal) *cobra.Command {
		var users, below []string
		cmd := e.verbCommand(verb{use: use + " NAME", short: short, args: cobra.ExactArgs(1), complete: complete,
			example: "stead " + noun + " member " + use + " " + example + " --user ana@example.com"},
			func(ctx context.Context, c *client.Client, args []string) error {
				named, err := principals(users, below)
				if err != nil {
					return err
				}
				if len(named) == 0 {
					return stead.Errorf(stead.Invalid, "nobody is named").WithHint("name members with --user and --group")
				}
				doc, version, err := get(ctx, c, args[0])
				return alter(e, doc, version, err, func(doc *T) {
					members := of(doc)
					*members = change(*members, named)
				}, putter(ctx, c, put))
			})
		cmd.Flags().StringArrayVar(&users, "user", nil, "user or agent (may be repeated)")
		cmd.Flags().StringArrayVar(&below, "group", nil, "group (may be repeated)")
		return e.completeFlag(e.completeFlag(cmd, "user", identities().names), "group", groups().names)
	}
	without := func(members, named []stead.Principal) []stead.Principal {
		return slices.DeleteFunc(members, func(p stead.Principal) bool { return slices.Contains(named, p) })
	}
	return nounCommand("member", "Members",
		verbFor("add", "Add members", func(members, named []stead.Principal) []stead.Principal {
			return append(without(members, named), named...)
		}),
		verbFor("remove", "Remove members", without))
}
