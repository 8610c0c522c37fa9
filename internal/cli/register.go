package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stead"
)

// registration says what of a connection is registered.
type registration struct {
	tables []string
	yes    bool
	dryRun bool
}

func registerCommand(e *env) *cobra.Command {
	g := &registration{}
	var declared string
	c := e.verbCommand(verb{use: "register CONNECTION", short: "Find the tables of a connection and register them", args: cobra.ExactArgs(1), complete: connections().names,
		long: `Looks at what a connection holds, shows what is new, changed or gone, and registers what is
new and changed after asking. Registering a changed table is the look that it waits for: it
is served again with its columns as they are now. What is gone is only shown.
With --declared the columns come from a document of kind DataSource instead.`,
		example: "stead register lake\nstead register lake --table demo.hr_data --yes\nstead register lake --declared hr_data.yaml"},
		func(ctx context.Context, r *remote, args []string) error {
			if declared != "" {
				return e.apply(ctx, r, &applying{paths: []string{declared}, dryRun: g.dryRun})
			}
			return g.run(ctx, e, r, args[0])
		})
	f := c.Flags()
	f.StringArrayVar(&g.tables, "table", nil, "schema.table to register (may be repeated; default: all)")
	f.BoolVar(&g.yes, "yes", false, "do not ask")
	f.BoolVar(&g.dryRun, "dry-run", false, "only show")
	f.StringVar(&declared, "declared", "", "file with a document of kind DataSource that declares the columns")
	c.MarkFlagsMutuallyExclusive("table", "declared")
	return c
}

func (g *registration) run(ctx context.Context, e *env, r *remote, connection string) error {
	found, err := crawl(ctx, r, connection)
	if err != nil {
		return err
	}
	if found, err = g.named(connection, found); err != nil {
		return err
	}
	var todo []finding
	for _, f := range found {
		if f.Status == "new" || f.Status == "changed" {
			todo = append(todo, f)
		}
	}
	if e.output == "json" {
		return g.runJSON(ctx, e, r, found, todo)
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
	for _, f := range todo {
		if err := e.change(ctx, r, http.MethodPut, sourceOf(&f.Source), &f.Source); err != nil {
			return err
		}
	}
	return nil
}

func joinNothing(e *env, err error) error {
	if err == nil {
		_, err = fmt.Fprintln(e.out, "nothing was registered")
	}
	return err
}

func (g *registration) runJSON(ctx context.Context, e *env, r *remote, found, todo []finding) error {
	changes := []Change{}
	if g.yes && !g.dryRun {
		for _, f := range todo {
			t := sourceOf(&f.Source)
			var c Change
			if _, err := r.call(ctx, http.MethodPut, t.path, t.query, &f.Source, &c); err != nil {
				return err
			}
			changes = append(changes, c)
		}
	}
	return e.printJSON(map[string]any{"found": found, "changes": changes})
}

func sourceOf(d *stead.DataSource) target {
	return target{path: sourcePath(d.Object())}
}

// named keeps the tables that were asked for; one that was not found is an error.
func (g *registration) named(connection string, found []finding) ([]finding, error) {
	if len(g.tables) == 0 {
		return found, nil
	}
	var out []finding
	for _, t := range g.tables {
		i := slices.IndexFunc(found, func(f finding) bool { return strings.Join(f.Source.Path, ".") == t })
		if i < 0 {
			return nil, stead.Errorf(stead.NotFound, "%s has no table %s", connection, t).WithHint("`stead register %s --dry-run` shows what there is", connection)
		}
		out = append(out, found[i])
	}
	return out, nil
}

func (e *env) printFindings(found []finding) error {
	rows := make([][]string, len(found))
	for i, f := range found {
		rows[i] = []string{f.Status, strings.Join(f.Source.Path, "."), fmt.Sprint(len(f.Source.Columns)), f.Source.Location, strings.Join(f.Changes, "; ")}
	}
	return e.table([]string{"STATUS", "TABLE", "COLUMNS", "LOCATION", "CHANGES"}, rows)
}
