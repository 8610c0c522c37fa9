package cli

import (
	"context"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

// getting and putting read and write one kind of document by the name that people use.
type (
	getting[T any] = func(ctx context.Context, c *client.Client, name string) (*T, string, error)
	putting[T any] = func(*client.Client, context.Context, T, client.With) (*client.Change, error)
)

func putter[T any](ctx context.Context, c *client.Client, put putting[T]) func(T, client.With) (*client.Change, error) {
	return func(doc T, w client.With) (*client.Change, error) { return put(c, ctx, doc, w) }
}

// attributeCommand changes the attributes of identities and groups.
func attributeCommand[T any](e *env, noun, example string, complete completion, get getting[T], put putting[T], of func(*T) *stead.Attributes) *cobra.Command {
	change := func(ctx context.Context, c *client.Client, name string, change func(stead.Attributes)) error {
		doc, version, err := get(ctx, c, name)
		return alter(e, doc, version, err, func(doc *T) {
			a := of(doc)
			if *a == nil {
				*a = stead.Attributes{}
			}
			change(*a)
		}, putter(ctx, c, put))
	}
	set := e.verbCommand(verb{use: "set NAME KEY=VALUE...", short: "Give the keys named these values and no others", args: cobra.MinimumNArgs(2), complete: complete,
		example: "stead " + noun + " attribute set " + example + " department=Sales department=Finance"},
		func(ctx context.Context, c *client.Client, args []string) error {
			given, err := attributes(args[1:])
			if err != nil {
				return err
			}
			return change(ctx, c, args[0], func(a stead.Attributes) {
				for k, values := range given {
					a[k] = values
				}
			})
		})
	unset := e.verbCommand(verb{use: "unset NAME KEY...", short: "Take attributes away", args: cobra.MinimumNArgs(2), complete: complete,
		example: "stead " + noun + " attribute unset " + example + " department"},
		func(ctx context.Context, c *client.Client, args []string) error {
			return change(ctx, c, args[0], func(a stead.Attributes) {
				for _, k := range args[1:] {
					delete(a, k)
				}
			})
		})
	return nounCommand("attribute", "Attributes, which policies ask about", set, unset)
}
