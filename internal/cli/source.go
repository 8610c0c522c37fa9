package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func sources() *resource[stead.DataSource] {
	return &resource[stead.DataSource]{list: (*client.Client).Sources, header: []string{"SOURCE", "STATE", "COLUMNS", "TAGS", "OWNERS"},
		row: func(d *stead.DataSource) []string {
			return []string{d.Object().String(), string(d.State), strconv.Itoa(len(d.Columns)), joined(d.Tags), spellAll(d.Owners)}
		}}
}

func getSource(ctx context.Context, c *client.Client, text string) (*stead.DataSource, string, error) {
	o, err := object(text)
	if err != nil {
		return nil, "", err
	}
	return c.Source(ctx, o.Connection, o.Path)
}

func deleteSource(ctx context.Context, c *client.Client, text string) (*client.Change, error) {
	o, err := object(text)
	if err != nil {
		return nil, err
	}
	return c.DeleteSource(ctx, o.Connection, o.Path, client.With{})
}

func sourceCommand(e *env) *cobra.Command {
	const example = "lake:demo.hr_data"
	list := sources()
	return nounCommand("source", "Registered tables and views",
		list.listCommand(e, "source", "data sources"),
		showCommand(e, "source", example, getSource, list.names),
		deleteCommand(e, "source", example, deleteSource, list.names),
		sourceVisibleCommand(e),
		sourceStateCommand(e, "disable", "Stop serving it", stead.Disabled),
		sourceStateCommand(e, "enable", "Serve it again as it is registered", stead.Active),
		sourceLookCommand(e),
		sourceTagCommand(e),
	)
}

// sourceVisibleCommand lists what the caller may know of; list shows documents, which owners and governors may read.
func sourceVisibleCommand(e *env) *cobra.Command {
	return e.verbCommand(verb{use: "visible CONNECTION", short: "List the tables of a connection that exist for you", args: cobra.ExactArgs(1), complete: connections().names,
		long: `Lists the tables and views of a connection that exist for you as policies decide now: which
rows you see, all or some, and how many columns as they are and masked. One with no rows and
no columns you may know of and not query: stead subscription request SOURCE asks for it. With
-o json each comes with its columns.`,
		example: "stead source visible lake\nstead source visible lake -o json"},
		func(ctx context.Context, c *client.Client, args []string) error {
			found, err := c.Visible(ctx, args[0])
			if err != nil {
				return err
			}
			return visible().print(e, found)
		})
}

func visible() *resource[client.Decision] {
	return &resource[client.Decision]{header: []string{"SOURCE", "ROWS", "COLUMNS", "MASKED"},
		row: func(d *client.Decision) []string {
			by := map[string]int{}
			for _, c := range d.Columns {
				by[c.Access]++
			}
			return []string{d.Object.String(), extentWord(d.Rows), strconv.Itoa(by["clear"]), strconv.Itoa(by["masked"])}
		}}
}

// extentWord is "none" for what is not known.
func extentWord(r *client.Rows) string {
	if r == nil {
		return "none"
	}
	switch r.Extent {
	case "always":
		return "all"
	case "when":
		return "some"
	}
	return "none"
}

func sourceStateCommand(e *env, use, short string, state stead.SourceState) *cobra.Command {
	var reason string
	cmd := e.verbCommand(verb{use: use + " SOURCE", short: short, example: "stead source " + use + " lake:demo.hr_data", args: cobra.ExactArgs(1), complete: sources().names},
		func(ctx context.Context, c *client.Client, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			return e.done(c.SetSourceState(ctx, o.Connection, o.Path, state, reason, client.With{}))
		})
	if state == stead.Disabled {
		cmd.Flags().StringVar(&reason, "reason", "", "why, for its owners to read")
	}
	return cmd
}

func sourceLookCommand(e *env) *cobra.Command {
	return e.verbCommand(verb{use: "look SOURCE", short: "Register it as it is found now: the look that a changed one waits for",
		example: "stead source look lake:demo.hr_data", args: cobra.ExactArgs(1), complete: sources().names},
		func(ctx context.Context, c *client.Client, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			return e.done(c.LookAt(ctx, o.Connection, o.Path, client.With{}))
		})
}

func sourceTagCommand(e *env) *cobra.Command {
	var columns []string
	cmd := e.verbCommand(verb{use: "tag SOURCE [TAG...]", short: "Replace the tags of a data source and of the columns named",
		args: cobra.MinimumNArgs(1), complete: sources().names,
		example: "stead source tag lake:demo.hr_data HR --column ssn=PII.SSN --column email=PII.Email\nstead source tag lake:demo.hr_data HR --column ssn="},
		func(ctx context.Context, c *client.Client, args []string) error {
			o, err := object(args[0])
			if err != nil {
				return err
			}
			given, err := attributes(columns)
			if err != nil {
				return err
			}
			byColumn := map[string][]stead.Tag{}
			for column, tags := range given {
				byColumn[column] = tagsOf(tags)
			}
			return e.done(c.SetTags(ctx, o.Connection, o.Path, tagsOf(args[1:]), byColumn, client.With{}))
		})
	cmd.Flags().StringArrayVar(&columns, "column", nil, "column=tag, column= for none (may be repeated)")
	return cmd
}

// tagsOf leaves the empty one out: it stands for none.
func tagsOf(texts []string) []stead.Tag {
	out := []stead.Tag{}
	for _, t := range texts {
		if t != "" {
			out = append(out, stead.Tag(t))
		}
	}
	return out
}
