package cli

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

// registration says what of a connection is registered.
type registration struct {
	tables []string
	yes    bool
	dryRun bool
	noWait bool
}

func registerCommand(e *env) *cobra.Command {
	g := &registration{}
	var declared string
	cmd := e.verbCommand(verb{use: "register CONNECTION", short: "Find the tables of a connection and register them", args: cobra.ExactArgs(1), complete: connections().names,
		long: `Looks at what a connection holds, shows what is new, changed or gone, and registers what is
new and changed after asking. Registering a changed table is the look that it waits for: it
is served again with its columns as they are now. What is gone is only shown.
--table takes patterns: hr.* are all tables of the schema hr. On a platform that policies are
pushed to, it waits until the tables are governed there; --no-wait does not.
With --declared the columns come from a document of kind DataSource instead.`,
		example: "stead register lake\nstead register lake --table demo.hr_data --yes\nstead register hr --table 'hr.*' --table pay.salary\nstead register lake --declared hr_data.yaml"},
		func(ctx context.Context, c *client.Client, args []string) error {
			if declared != "" {
				return e.apply(ctx, c, &applying{paths: []string{declared}, dryRun: g.dryRun})
			}
			return g.run(ctx, e, c, args[0])
		})
	f := cmd.Flags()
	f.StringArrayVar(&g.tables, "table", nil, "schema.table to register, or a pattern (may be repeated; default: all)")
	f.BoolVar(&g.noWait, "no-wait", false, "do not wait until they are governed")
	f.BoolVar(&g.yes, "yes", false, "do not ask")
	f.BoolVar(&g.dryRun, "dry-run", false, "only show")
	f.StringVar(&declared, "declared", "", "file with a document of kind DataSource that declares the columns")
	cmd.MarkFlagsMutuallyExclusive("table", "declared")
	return cmd
}

func (g *registration) run(ctx context.Context, e *env, c *client.Client, connection string) error {
	found, err := c.Crawl(ctx, connection)
	if err != nil {
		return err
	}
	if found, err = g.named(connection, found); err != nil {
		return err
	}
	var todo []client.Finding
	for _, f := range found {
		if f.Status == "new" || f.Status == "changed" {
			todo = append(todo, f)
		}
	}
	if e.output == "json" {
		return g.runJSON(ctx, e, c, connection, found, todo)
	}
	if err := e.printFindings(found); err != nil {
		return err
	}
	if len(todo) == 0 || g.dryRun {
		_, err := fmt.Fprintf(e.out, "%s to register\n", counted(len(todo), "table"))
		return err
	}
	if !g.yes {
		ok, err := e.confirm(fmt.Sprintf("Register %s?", counted(len(todo), "table")))
		if err != nil || !ok {
			return joinNothing(e, err)
		}
	}
	var last *client.Change
	for _, f := range todo {
		if last, err = c.PutSource(ctx, f.Source, client.With{}); err != nil {
			return err
		}
		if err := e.done(last, nil); err != nil {
			return err
		}
	}
	enforced, err := g.wait(ctx, e, c, connection, last)
	if enforced && err == nil {
		fmt.Fprintf(e.out, "%s governed on %s\n", printable(counted(len(todo), "table")+verbOf(len(todo))), printable(connection))
	}
	return err
}

func verbOf(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// wait waits until the platform enforces the last change, where policies are pushed.
func (g *registration) wait(ctx context.Context, e *env, c *client.Client, connection string, last *client.Change) (enforced bool, err error) {
	if g.noWait {
		return false, nil
	}
	conn, _, err := c.Connection(ctx, connection)
	if err != nil || conn.Platform == stead.Embedded {
		return false, err
	}
	return true, e.enforced(ctx, c, connection, last.Revision, settleFor)
}

func joinNothing(e *env, err error) error {
	if err == nil {
		_, err = fmt.Fprintln(e.out, "nothing was registered")
	}
	return err
}

func (g *registration) runJSON(ctx context.Context, e *env, c *client.Client, connection string, found, todo []client.Finding) error {
	changes := []*client.Change{}
	if g.yes && !g.dryRun {
		for _, f := range todo {
			change, err := c.PutSource(ctx, f.Source, client.With{})
			if err != nil {
				return err
			}
			changes = append(changes, change)
		}
	}
	if len(changes) > 0 {
		if _, err := g.wait(ctx, e, c, connection, changes[len(changes)-1]); err != nil {
			return err
		}
	}
	return e.printJSON(map[string]any{"found": found, "changes": changes})
}

// named keeps the tables that were asked for; a name or pattern that finds nothing is an error.
func (g *registration) named(connection string, found []client.Finding) ([]client.Finding, error) {
	if len(g.tables) == 0 {
		return found, nil
	}
	wanted := make([]bool, len(found))
	for _, t := range g.tables {
		any := false
		for i, f := range found {
			name := strings.Join(f.Source.Path, ".")
			matches, err := path.Match(t, name)
			if err != nil && t != name {
				return nil, stead.Errorf(stead.Invalid, "%q is not a pattern", t).WithHint("* is any text, ? one character")
			}
			if matches || t == name {
				wanted[i], any = true, true
			}
		}
		if !any {
			return nil, stead.Errorf(stead.NotFound, "%s has no table %s", connection, t).WithHint("`stead register %s --dry-run` shows what there is", connection)
		}
	}
	var out []client.Finding
	for i, f := range found {
		if wanted[i] {
			out = append(out, f)
		}
	}
	return out, nil
}

func (e *env) printFindings(found []client.Finding) error {
	rows := make([][]string, len(found))
	for i, f := range found {
		rows[i] = []string{f.Status, strings.Join(f.Source.Path, "."), fmt.Sprint(len(f.Source.Columns)), f.Source.Location, strings.Join(f.Changes, "; ")}
	}
	return e.table([]string{"STATUS", "TABLE", "COLUMNS", "LOCATION", "CHANGES"}, rows)
}
