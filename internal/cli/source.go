package cli

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stead"
)

func sources() *resource[stead.DataSource] {
	return &resource[stead.DataSource]{path: "/v1/datasources", header: []string{"SOURCE", "STATE", "COLUMNS", "TAGS", "OWNERS"},
		row: func(d *stead.DataSource) []string {
			return []string{d.Object().String(), string(d.State), strconv.Itoa(len(d.Columns)), joined(d.Tags), spellAll(d.Owners)}
		}}
}

// sourcePath is where a data source is on the server.
func sourcePath(o stead.Object) string {
	return "/v1/datasources/" + url.PathEscape(o.Connection) + "/" + url.PathEscape(strings.Join(o.Path, "."))
}

func sourceTarget(text string) (target, error) {
	o, err := object(text)
	if err != nil {
		return target{}, err
	}
	return target{path: sourcePath(o)}, nil
}

func sourceCommand(e *env) *cobra.Command {
	const example = "lake:demo.hr_data"
	list := sources()
	return nounCommand("source", "Registered tables and views",
		list.listCommand(e, "source", "data sources"),
		showCommand[stead.DataSource](e, "source", example, sourceTarget, list.names),
		deleteCommand(e, "source", example, sourceTarget, list.names),
		sourceStateCommand(e, "disable", "Stop serving it", stead.Disabled),
		sourceStateCommand(e, "enable", "Serve it again as it is registered", stead.Active),
		sourceLookCommand(e),
		sourceTagCommand(e),
	)
}

func sourceStateCommand(e *env, use, short string, state stead.SourceState) *cobra.Command {
	var reason string
	c := e.verbCommand(verb{use: use + " SOURCE", short: short, example: "stead source " + use + " lake:demo.hr_data", args: cobra.ExactArgs(1), complete: sources().names},
		func(ctx context.Context, r *remote, args []string) error {
			t, err := sourceTarget(args[0])
			if err != nil {
				return err
			}
			return e.change(ctx, r, http.MethodPut, t.below("state"), map[string]string{"state": string(state), "reason": reason})
		})
	if state == stead.Disabled {
		c.Flags().StringVar(&reason, "reason", "", "why, for its owners to read")
	}
	return c
}

func sourceLookCommand(e *env) *cobra.Command {
	return e.verbCommand(verb{use: "look SOURCE", short: "Register it as it is found now: the look that a changed one waits for",
		example: "stead source look lake:demo.hr_data", args: cobra.ExactArgs(1), complete: sources().names},
		func(ctx context.Context, r *remote, args []string) error {
			t, err := sourceTarget(args[0])
			if err != nil {
				return err
			}
			return e.change(ctx, r, http.MethodPost, t.below("look"), nil)
		})
}

func sourceTagCommand(e *env) *cobra.Command {
	var columns []string
	c := e.verbCommand(verb{use: "tag SOURCE [TAG...]", short: "Replace the tags of a data source and of the columns named",
		args: cobra.MinimumNArgs(1), complete: sources().names,
		example: "stead source tag lake:demo.hr_data HR --column ssn=PII.SSN --column email=PII.Email\nstead source tag lake:demo.hr_data HR --column ssn="},
		func(ctx context.Context, r *remote, args []string) error {
			t, err := sourceTarget(args[0])
			if err != nil {
				return err
			}
			given, err := attributes(columns)
			if err != nil {
				return err
			}
			byColumn := map[string][]string{}
			for column, tags := range given {
				byColumn[column] = []string{}
				for _, tag := range tags {
					if tag != "" {
						byColumn[column] = append(byColumn[column], tag)
					}
				}
			}
			return e.change(ctx, r, http.MethodPut, t.below("tags"), map[string]any{"tags": append([]string{}, args[1:]...), "columns": byColumn})
		})
	c.Flags().StringArrayVar(&columns, "column", nil, "column=tag, column= for none (may be repeated)")
	return c
}
