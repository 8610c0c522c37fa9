package cli

import (
	"context"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func projects() *resource[stead.Project] {
	return &resource[stead.Project]{list: (*client.Client).Projects, header: []string{"KEY", "NAME", "PURPOSES", "MEMBERS"},
		row: func(p *stead.Project) []string {
			return []string{p.Key, p.Name, joined(p.Purposes), spellAll(p.Members)}
		}}
}

func projectCommand(e *env) *cobra.Command {
	const example = "headcount"
	list := projects()
	return nounCommand("project", "Projects, which join people, data sources and purposes",
		list.listCommand(e, "project", "projects"),
		showCommand(e, "project", example, keyed((*client.Client).Project), list.names),
		projectCreateCommand(e),
		deleteCommand(e, "project", example, unkeyed((*client.Client).DeleteProject), list.names),
		memberCommand(e, "project", example, list.names, keyed((*client.Client).Project), (*client.Client).PutProject, func(p *stead.Project) *[]stead.Principal { return &p.Members }),
		projectSwitchCommand(e, list.names),
	)
}

func projectCreateCommand(e *env) *cobra.Command {
	var name, description string
	var users, below, named, purposes []string
	cmd := e.verbCommand(verb{use: "create KEY", short: "Create a project", args: cobra.ExactArgs(1),
		example: "stead project create headcount --source lake:demo.hr_data --user pia@example.com"},
		func(ctx context.Context, c *client.Client, args []string) error {
			p := &stead.Project{Key: args[0], Name: name, Description: description, Purposes: purposes}
			if name == "" {
				p.Name = args[0]
			}
			var err error
			if p.Members, err = principals(users, below); err != nil {
				return err
			}
			for _, s := range named {
				o, err := object(s)
				if err != nil {
					return err
				}
				p.Sources = append(p.Sources, o)
			}
			return e.create(func(w client.With) (*client.Change, error) { return c.PutProject(ctx, *p, w) })
		})
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name for people to read (default: the key)")
	f.StringVar(&description, "description", "", "what it is for")
	f.StringArrayVar(&named, "source", nil, "data source that it has (may be repeated)")
	f.StringArrayVar(&users, "user", nil, "user who is a member (may be repeated)")
	f.StringArrayVar(&below, "group", nil, "group that is a member (may be repeated)")
	f.StringArrayVar(&purposes, "purpose", nil, "purpose that it is for (may be repeated)")
	return e.completeFlag(cmd, "source", sources().names)
}

func projectSwitchCommand(e *env, complete completion) *cobra.Command {
	return e.verbCommand(verb{use: "switch [KEY]", short: "Act in a project from now on, or in none", args: cobra.MaximumNArgs(1), complete: complete,
		example: "stead project switch headcount\nstead project switch"},
		func(ctx context.Context, c *client.Client, args []string) error {
			return e.done(c.SwitchProject(ctx, firstOf(args)))
		})
}

func firstOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
