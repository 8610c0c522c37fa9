package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func groups() *resource[stead.Group] {
	return &resource[stead.Group]{list: (*client.Client).Groups, header: []string{"NAME", "MEMBERS", "DESCRIPTION"},
		row: func(g *stead.Group) []string {
			return []string{g.Fact(), strconv.Itoa(len(g.Members)), g.Description}
		}}
}

func groupCommand(e *env) *cobra.Command {
	const example = "analysts"
	list := groups()
	return nounCommand("group", "Groups of users, agents and other groups",
		list.listCommand(e, "group", "groups"),
		showCommand(e, "group", example, getGroup, list.names),
		groupCreateCommand(e),
		deleteCommand(e, "group", example, deleteGroup, list.names),
		memberCommand(e, "group", example, list.names, getGroup, (*client.Client).PutGroup, func(g *stead.Group) *[]stead.Principal { return &g.Members }),
		attributeCommand(e, "group", example, list.names, getGroup, (*client.Client).PutGroup, func(g *stead.Group) *stead.Attributes { return &g.Attributes }),
	)
}

func getGroup(ctx context.Context, c *client.Client, text string) (*stead.Group, string, error) {
	iam, name, err := groupName(text)
	if err != nil {
		return nil, "", err
	}
	return c.Group(ctx, iam, name)
}

func deleteGroup(ctx context.Context, c *client.Client, text string) (*client.Change, error) {
	iam, name, err := groupName(text)
	if err != nil {
		return nil, err
	}
	return c.DeleteGroup(ctx, iam, name, client.With{})
}

func groupCreateCommand(e *env) *cobra.Command {
	var description, email string
	var pairs, users, below []string
	cmd := e.verbCommand(verb{use: "create NAME", short: "Create a group", args: cobra.ExactArgs(1),
		example: "stead group create analysts --user ana@example.com --user bo@example.com"},
		func(ctx context.Context, c *client.Client, args []string) error {
			var err error
			g := &stead.Group{Description: description, Email: email}
			if g.IAM, g.Name, err = groupName(args[0]); err != nil {
				return err
			}
			if g.Attributes, err = attributes(pairs); err != nil {
				return err
			}
			if g.Members, err = principals(users, below); err != nil {
				return err
			}
			return e.create(func(w client.With) (*client.Change, error) { return c.PutGroup(ctx, *g, w) })
		})
	f := cmd.Flags()
	f.StringVar(&description, "description", "", "what it is for")
	f.StringVar(&email, "email", "", "e-mail address")
	f.StringArrayVar(&pairs, "attribute", nil, "key=value that every member holds (may be repeated)")
	f.StringArrayVar(&users, "user", nil, "user or agent that is a member (may be repeated)")
	f.StringArrayVar(&below, "group", nil, "group that is a member (may be repeated)")
	return cmd
}
