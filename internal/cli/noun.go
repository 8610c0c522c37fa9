package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead"
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
type completion func(ctx context.Context, r *remote) ([]string, error)

// verbCommand makes the command; run gets the server.
func (e *env) verbCommand(v verb, run func(ctx context.Context, r *remote, args []string) error) *cobra.Command {
	c := &cobra.Command{Use: v.use, Short: v.short, Long: v.long, Example: "  " + strings.ReplaceAll(v.example, "\n", "\n  "), Args: v.args}
	if c.Args == nil {
		c.Args = cobra.NoArgs
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		r, err := e.remote()
		if err != nil {
			return err
		}
		return run(c.Context(), r, args)
	}
	c.ValidArgsFunction = e.completeFirst(v.complete)
	return c
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

// resource is a kind of document that the server lists under one path.
type resource[T any] struct {
	path   string
	header []string
	row    func(*T) []string // the first cell is how people write its key
	keep   func(*T) bool     // nil keeps all
}

// all reads every page.
func (s *resource[T]) all(ctx context.Context, r *remote) ([]T, error) {
	out := []T{}
	for after := int64(0); ; {
		var page struct {
			Items []T   `json:"items"`
			Next  int64 `json:"next"`
		}
		query := url.Values{"limit": {"1000"}, "after": {itoa(after)}}
		if _, err := r.call(ctx, http.MethodGet, s.path, query, nil, &page); err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			if s.keep == nil || s.keep(&item) {
				out = append(out, item)
			}
		}
		if after = page.Next; after == 0 {
			return out, nil
		}
	}
}

func (s *resource[T]) names(ctx context.Context, r *remote) ([]string, error) {
	items, err := s.all(ctx, r)
	var out []string
	for _, item := range items {
		out = append(out, s.row(&item)[0])
	}
	return out, err
}

// print prints a list.
func (s *resource[T]) print(e *env, items []T) error {
	if e.output == "json" {
		return e.printJSON(map[string]any{"items": items})
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
		func(ctx context.Context, r *remote, _ []string) error {
			items, err := s.all(ctx, r)
			if err != nil {
				return err
			}
			return s.print(e, items)
		})
}

// target is where a document is on the server.
type target struct {
	path  string
	query url.Values
}

// keyTarget finds documents by a plain key below a path.
func keyTarget(path string) func(string) (target, error) {
	return func(key string) (target, error) { return target{path: path + "/" + url.PathEscape(key)}, nil }
}

// showCommand shows one document.
func showCommand[T any](e *env, noun, example string, at func(string) (target, error), complete completion) *cobra.Command {
	return e.verbCommand(verb{use: "show NAME", short: "Show one " + noun, example: "stead " + noun + " show " + example, args: cobra.ExactArgs(1), complete: complete},
		func(ctx context.Context, r *remote, args []string) error {
			t, err := at(args[0])
			if err != nil {
				return err
			}
			var doc T
			if _, err := r.call(ctx, http.MethodGet, t.path, t.query, nil, &doc); err != nil {
				return err
			}
			return e.showDocument(&doc)
		})
}

// deleteCommand deletes one document.
func deleteCommand(e *env, noun, example string, at func(string) (target, error), complete completion) *cobra.Command {
	return e.verbCommand(verb{use: "delete NAME", short: "Delete one " + noun, example: "stead " + noun + " delete " + example, args: cobra.ExactArgs(1), complete: complete},
		func(ctx context.Context, r *remote, args []string) error {
			t, err := at(args[0])
			if err != nil {
				return err
			}
			return e.change(ctx, r, http.MethodDelete, t, nil)
		})
}

// change makes one change and says what it did.
func (e *env) change(ctx context.Context, r *remote, method string, t target, body any, match ...string) error {
	var done Change
	if _, err := r.call(ctx, method, t.path, t.query, body, &done, match...); err != nil {
		return err
	}
	return e.said(&done)
}

// create puts a document that must not exist yet.
func (e *env) create(ctx context.Context, r *remote, t target, body any) error {
	dry := url.Values{"dryRun": {"true"}}
	for k, v := range t.query {
		dry[k] = v
	}
	var would Change
	if _, err := r.call(ctx, http.MethodPut, t.path, dry, body, &would); err != nil {
		return err
	}
	if would.Op != "create" {
		return stead.Errorf(stead.Conflict, "%s %s exists already", would.Noun, would.Key).WithHint("show it, or change it with the other commands or a bundle")
	}
	return e.change(ctx, r, http.MethodPut, t, body)
}

// alter reads a document, changes it, and puts it back unless somebody else changed it meanwhile.
func alter[T any](ctx context.Context, e *env, r *remote, t target, change func(*T) error) error {
	var doc T
	version, err := r.call(ctx, http.MethodGet, t.path, t.query, nil, &doc)
	if err != nil {
		return err
	}
	if err := change(&doc); err != nil {
		return err
	}
	return e.change(ctx, r, http.MethodPut, t, &doc, version)
}
