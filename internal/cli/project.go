package cli

import (
	"context"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"stead"
)

func projects() *resource[stead.Project] {
	return &resource[stead.Project]{path: "/v1/projects", header: []string{"KEY", "NAME", "PURPOSES", "MEMBERS"},
		row: func(p *stead.Project) []string {
			return []string{p.Key, p.Name, joined(p.Purposes), spellAll(p.Members)}
		}}
}

func projectCommand(e *env) *cobra.Command {
	const example = "headcount"
	list, at := projects(), keyTarget("/v1/projects")
	return nounCommand("project", "Projects, which join people, data sources and purposes",
		list.listCommand(e, "project", "projects"),
		showCommand[stead.Project](e, "project", example, at, list.names),
		projectCreateCommand(e),
		deleteCommand(e, "project", example, at, list.names),
		memberCommand(e, "project", example, at, list.names, func(p *stead.Project) *[]stead.Principal { return &p.Members }),
		projectSwitchCommand(e, list.names),
	)
}

func projectCreateCommand(e *env) *cobra.Command {
	var name, description string
	var users, below, named, purposes []string
	c := e.verbCommand(verb{use: "create KEY", short: "Create a project", args: cobra.ExactArgs(1),
		example: "stead project create headcount --source lake:demo.hr_data --user pia@example.com"},
		func(ctx context.Context, r *remote, args []string) error {
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
			return e.create(ctx, r, target{path: "/v1/projects/" + url.PathEscape(args[0])}, p)
		})
	f := c.Flags()
	f.StringVar(&name, "name", "", "name for people to read (default: the key)")
	f.StringVar(&description, "description", "", "what it is for")
	f.StringArrayVar(&named, "source", nil, "data source that it has (may be repeated)")
	f.StringArrayVar(&users, "user", nil, "user who is a member (may be repeated)")
	f.StringArrayVar(&below, "group", nil, "group that is a member (may be repeated)")
	f.StringArrayVar(&purposes, "purpose", nil, "purpose that it is for (may be repeated)")
	return e.completeFlag(c, "source", sources().names)
}

func projectSwitchCommand(e *env, complete completion) *cobra.Command {
	return e.verbCommand(verb{use: "switch [KEY]", short: "Act in a project from now on, or in none", args: cobra.MaximumNArgs(1), complete: complete,
		example: "stead project switch headcount\nstead project switch"},
		func(ctx context.Context, r *remote, args []string) error {
			return e.change(ctx, r, http.MethodPut, target{path: "/v1/current-project"}, map[string]string{"project": firstOf(args)})
		})
}

func firstOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
