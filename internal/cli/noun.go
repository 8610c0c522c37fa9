package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead/client"
)

// nounCommand is a command that only has commands below it.
func nounCommand(use, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(below...)
	return c
}

// verb is one command of a noun, asked of the server.
type verb struct {
	use, short, long, example string
	args                      cobra.PositionalArgs
	complete                  completion
}

// completion lists what the first argument may be.
type completion func(ctx context.Context, c *client.Client) ([]string, error)

// verbCommand makes the command; run gets the server.
func (e *env) verbCommand(v verb, run func(ctx context.Context, c *client.Client, args []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: v.use, Short: v.short, Long: v.long, Example: "  " + strings.ReplaceAll(v.example, "\n", "\n  "), Args: v.args}
	if cmd.Args == nil {
		cmd.Args = cobra.NoArgs
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := e.remote()
		if err != nil {
			return err
		}
		return run(cmd.Context(), c, args)
	}
	cmd.ValidArgsFunction = e.completeFirst(v.complete)
	return cmd
}

func (e *env) completeFirst(names completion) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if names == nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		r, err := e.remote()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := c.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		all, err := names(ctx, r)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, n := range all {
			if strings.HasPrefix(n, begun) {
				out = append(out, n)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag offers names for a flag's value.
func (e *env) completeFlag(c *cobra.Command, flag string, names completion) *cobra.Command {
	complete := e.completeFirst(names)
	err := c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return complete(c, nil, begun)
	})
	if err != nil {
		panic(err) // a flag that does not exist is a defect here
	}
	return c
}

// resource is a kind of document that the server lists.
type resource[T any] struct {
	list   func(*client.Client, context.Context) ([]T, error)
	header []string
	row    func(*T) []string // the first cell is how people write its key
	keep   func(*T) bool     // nil keeps all
}

func (s *resource[T]) all(ctx context.Context, c *client.Client) ([]T, error) {
	items, err := s.list(c, ctx)
	out := []T{}
	for _, item := range items {
		if s.keep == nil || s.keep(&item) {
			out = append(out, item)
		}
	}
	return out, err
}

func (s *resource[T]) names(ctx context.Context, c *client.Client) ([]string, error) {
	items, err := s.all(ctx, c)
	var out []string
	for _, item := range items {
		out = append(out, s.row(&item)[0])
	}
	return out, err
}

// print prints a list.
func (s *resource[T]) print(e *env, items []T) error {
	if e.output == "json" {
		return e.printJSON(map[string]any{"items": append([]T{}, items...)})
	}
	rows := make([][]string, len(items))
	for i := range items {
		rows[i] = s.row(&items[i])
	}
	return e.table(s.header, rows)
}

// listCommand lists everything that the caller may see.
func (s *resource[T]) listCommand(e *env, noun, plural string) *cobra.Command {
	return e.verbCommand(verb{use: "list", short: "List the " + plural + " you may see", example: "stead " + noun + " list\nstead " + noun + " list -o json"},
		func(ctx context.Context, c *client.Client, _ []string) error {
			items, err := s.all(ctx, c)
			if err != nil {
				return err
			}
			return s.print(e, items)
		})
}

// showCommand shows one document.
func showCommand[T any](e *env, noun, example string, get func(ctx context.Context, c *client.Client, name string) (*T, string, error), complete completion) *cobra.Command {
	return e.verbCommand(verb{use: "show NAME", short: "Show one " + noun, example: "stead " + noun + " show " + example, args: cobra.ExactArgs(1), complete: complete},
		func(ctx context.Context, c *client.Client, args []string) error {
			doc, _, err := get(ctx, c, args[0])
			if err != nil {
				return err
			}
			return e.showDocument(doc)
		})
}

// deleteCommand deletes one document.
func deleteCommand(e *env, noun, example string, remove func(ctx context.Context, c *client.Client, name string) (*client.Change, error), complete completion) *cobra.Command {
	return e.verbCommand(verb{use: "delete NAME", short: "Delete one " + noun, example: "stead " + noun + " delete " + example, args: cobra.ExactArgs(1), complete: complete},
		func(ctx context.Context, c *client.Client, args []string) error {
			return e.done(remove(ctx, c, args[0]))
		})
}

// keyed and unkeyed adapt what the client does by a plain key.
func keyed[T any](get func(*client.Client, context.Context, string) (*T, string, error)) func(context.Context, *client.Client, string) (*T, string, error) {
	return func(ctx context.Context, c *client.Client, key string) (*T, string, error) { return get(c, ctx, key) }
}

func unkeyed(remove func(*client.Client, context.Context, string, client.With) (*client.Change, error)) func(context.Context, *client.Client, string) (*client.Change, error) {
	return func(ctx context.Context, c *client.Client, key string) (*client.Change, error) {
		return remove(c, ctx, key, client.With{})
	}
}
