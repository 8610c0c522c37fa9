package cli

import (
	"context"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"stead"
)

func groups() *resource[stead.Group] {
	return &resource[stead.Group]{path: "/v1/groups", header: []string{"NAME", "MEMBERS", "DESCRIPTION"},
		row: func(g *stead.Group) []string {
			return []string{g.Fact(), strconv.Itoa(len(g.Members)), g.Description}
		}}
}

func groupCommand(e *env) *cobra.Command {
	const example = "analysts"
	list := groups()
	return nounCommand("group", "Groups of users, agents and other groups",
		list.listCommand(e, "group", "groups"),
		showCommand[stead.Group](e, "group", example, groupTarget, list.names),
		groupCreateCommand(e),
		deleteCommand(e, "group", example, groupTarget, list.names),
		memberCommand(e, "group", example, groupTarget, list.names, func(g *stead.Group) *[]stead.Principal { return &g.Members }),
		attributeCommand(e, "group", example, groupTarget, list.names, func(g *stead.Group) *stead.Attributes { return &g.Attributes }),
	)
}

func groupCreateCommand(e *env) *cobra.Command {
	var description, email string
	var pairs, users, below []string
	c := e.verbCommand(verb{use: "create NAME", short: "Create a group", args: cobra.ExactArgs(1),
		example: "stead group create analysts --user ana@example.com --user bo@example.com"},
		func(ctx context.Context, r *remote, args []string) error {
			t, err := groupTarget(args[0])
			if err != nil {
				return err
			}
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
			return e.create(ctx, r, t, g)
		})
	f := c.Flags()
	f.StringVar(&description, "description", "", "what it is for")
	f.StringVar(&email, "email", "", "e-mail address")
	f.StringArrayVar(&pairs, "attribute", nil, "key=value that every member holds (may be repeated)")
	f.StringArrayVar(&users, "user", nil, "user or agent that is a member (may be repeated)")
	f.StringArrayVar(&below, "group", nil, "group that is a member (may be repeated)")
	return c
}

// memberCommand adds and removes members of what has them.
func memberCommand[T any](e *env, noun, example string, at func(string) (target, error), complete completion, of func(*T) *[]stead.Principal) *cobra.Command {
	verbFor := func(use, short string, change func(members, named []stead.Principal) []stead.Principal) *cobra.Command {
		var users, below []string
		c := e.verbCommand(verb{use: use + " NAME", short: short, args: cobra.ExactArgs(1), complete: complete,
			example: "stead " + noun + " member " + use + " " + example + " --user ana@example.com"},
			func(ctx context.Context, r *remote, args []string) error {
				named, err := principals(users, below)
				if err != nil {
					return err
				}
				if len(named) == 0 {
					return stead.Errorf(stead.Invalid, "nobody is named").WithHint("name members with --user and --group")
				}
				t, err := at(args[0])
				if err != nil {
					return err
				}
				return alter(ctx, e, r, t, func(doc *T) error {
					members := of(doc)
					*members = change(*members, named)
					return nil
				})
			})
		c.Flags().StringArrayVar(&users, "user", nil, "user or agent (may be repeated)")
		c.Flags().StringArrayVar(&below, "group", nil, "group (may be repeated)")
		return e.completeFlag(e.completeFlag(c, "user", identities().names), "group", groups().names)
	}
	without := func(members, named []stead.Principal) []stead.Principal {
		return slices.DeleteFunc(members, func(p stead.Principal) bool { return slices.Contains(named, p) })
	}
	return nounCommand("member", "Members",
		verbFor("add", "Add members", func(members, named []stead.Principal) []stead.Principal {
			return append(without(members, named), named...)
		}),
		verbFor("remove", "Remove members", without))
}
