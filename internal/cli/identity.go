package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
	"stead/internal/session"
)

// identities lists users or agents.
func identities(kinds ...stead.IdentityKind) *resource[stead.Identity] {
	return &resource[stead.Identity]{
		list: (*client.Client).Identities, header: []string{"NAME", "DISPLAY NAME", "PERMISSIONS", "STATE"},
		row: func(i *stead.Identity) []string {
			return []string{spellIdentity(i), i.DisplayName, joined(i.Permissions), stateWord(i.Disabled)}
		},
		keep: func(i *stead.Identity) bool { return len(kinds) == 0 || slices.Contains(kinds, i.Kind) },
	}
}

func spellIdentity(i *stead.Identity) string { return session.FormatName(i.IAM, i.Name) }

func stateWord(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

func userCommand(e *env) *cobra.Command {
	return nounCommand("user", "People and services", append(identityCommands(e, stead.User, "ana@example.com"), passwordCommand(e))...)
}

func agentCommand(e *env) *cobra.Command {
	return nounCommand("agent", "Agents: they have API keys only", identityCommands(e, stead.Agent, "scout@example.com")...)
}

func identityCommands(e *env, kind stead.IdentityKind, example string) []*cobra.Command {
	noun, list := string(kind), identities(kind)
	return []*cobra.Command{
		list.listCommand(e, noun, noun+"s"),
		showCommand(e, noun, example, getIdentity, list.names),
		createIdentityCommand(e, kind, example),
		deleteCommand(e, noun, example, deleteIdentity, list.names),
		switchCommand(e, noun, "disable", "Kill switch: nothing of it works until it is enabled", true, example, list.names),
		switchCommand(e, noun, "enable", "Let it work again", false, example, list.names),
		grantCommand(e, noun, "grant", "Give it permissions", example, list.names),
		grantCommand(e, noun, "revoke", "Take permissions away", example, list.names),
		externalCommand(e, noun, example, list.names),
		attributeCommand(e, noun, example, list.names, getIdentity, (*client.Client).PutIdentity, func(i *stead.Identity) *stead.Attributes { return &i.Attributes }),
	}
}

func getIdentity(ctx context.Context, c *client.Client, text string) (*stead.Identity, string, error) {
	iam, name, err := session.ParseName(text)
	if err != nil {
		return nil, "", err
	}
	return c.Identity(ctx, iam, name)
}

func deleteIdentity(ctx context.Context, c *client.Client, text string) (*client.Change, error) {
	iam, name, err := session.ParseName(text)
	if err != nil {
		return nil, err
	}
	return c.DeleteIdentity(ctx, iam, name, client.With{})
}

// newIdentity are the flags of create.
type newIdentity struct {
	display, email, description, owner string
	permissions, attributes            []string
	users, groups, external            []string
}

func createIdentityCommand(e *env, kind stead.IdentityKind, example string) *cobra.Command {
	n := &newIdentity{}
	noun := string(kind)
	cmd := e.verbCommand(verb{use: "create NAME", short: "Create one; its rights come from groups and attributes", args: cobra.ExactArgs(1),
		long: "Creates a " + noun + ". Make it a key with `stead key create --for NAME --name KEY`.",
		example: "stead " + noun + " create " + example + " --attribute department=Sales --attribute department=Finance\n" +
			"stead " + noun + " create " + example + " --permission IMPERSONATE_USER --impersonates-group analysts"},
		func(ctx context.Context, c *client.Client, args []string) error {
			i, err := n.identity(kind, args[0])
			if err != nil {
				return err
			}
			return e.create(func(w client.With) (*client.Change, error) { return c.PutIdentity(ctx, *i, w) })
		})
	f := cmd.Flags()
	f.StringVar(&n.display, "display-name", "", "name for people to read")
	f.StringVar(&n.email, "email", "", "e-mail address")
	f.StringVar(&n.description, "description", "", "what it is for")
	if kind == stead.Agent {
		f.StringVar(&n.owner, "owner", "", "user who looks after it and may make keys for it")
	}
	f.StringSliceVar(&n.permissions, "permission", nil, "permission (may be repeated)")
	f.StringArrayVar(&n.attributes, "attribute", nil, "key=value (may be repeated)")
	f.StringArrayVar(&n.external, "external", nil, "platform=name: what it is called on a platform, or none (may be repeated; default: its name)")
	f.StringArrayVar(&n.users, "impersonates-user", nil, "narrow IMPERSONATE_USER to this user (may be repeated)")
	f.StringArrayVar(&n.groups, "impersonates-group", nil, "narrow IMPERSONATE_USER to this group (may be repeated)")
	return e.completeFlag(cmd, "permission", everyPermission)
}

func (n *newIdentity) identity(kind stead.IdentityKind, name string) (*stead.Identity, error) {
	iam, name, err := session.ParseName(name)
	if err != nil {
		return nil, err
	}
	i := &stead.Identity{Kind: kind, IAM: iam, Name: name, DisplayName: n.display, Email: n.email, Description: n.description}
	if i.Permissions, err = permissions(n.permissions); err != nil {
		return nil, err
	}
	if i.Attributes, err = attributes(n.attributes); err != nil {
		return nil, err
	}
	externals, err := settingPairs(n.external)
	if err != nil {
		return nil, err
	}
	for platform, name := range externals {
		i.External = setExternal(i.External, platform, name)
	}
	if n.owner != "" {
		owner, err := userPrincipal(n.owner)
		if err != nil {
			return nil, err
		}
		i.Owner = &owner
	}
	if len(n.users)+len(n.groups) == 0 {
		return i, nil
	}
	i.Impersonates = &stead.Impersonates{}
	if i.Impersonates.Users, err = principals(n.users, nil); err != nil {
		return nil, err
	}
	i.Impersonates.Groups, err = principals(nil, n.groups)
	return i, err
}

func everyPermission(context.Context, *client.Client) ([]string, error) {
	var out []string
	for _, p := range stead.Permissions() {
		out = append(out, string(p))
	}
	return out, nil
}

func permissions(names []string) ([]stead.Permission, error) {
	var out []stead.Permission
	for _, n := range names {
		if !slices.Contains(stead.Permissions(), stead.Permission(n)) {
			return nil, stead.Errorf(stead.Invalid, "there is no permission %q", n).WithHint("there are: %s", joined(stead.Permissions()))
		}
		out = append(out, stead.Permission(n))
	}
	return out, nil
}

func switchCommand(e *env, noun, use, short string, disabled bool, example string, complete completion) *cobra.Command {
	return e.verbCommand(verb{use: use + " NAME", short: short, example: "stead " + noun + " " + use + " " + example, args: cobra.ExactArgs(1), complete: complete},
		func(ctx context.Context, c *client.Client, args []string) error {
			iam, name, err := session.ParseName(args[0])
			if err != nil {
				return err
			}
			return e.done(c.DisableIdentity(ctx, iam, name, disabled, client.With{}))
		})
}

func grantCommand(e *env, noun, use, short, example string, complete completion) *cobra.Command {
	return e.verbCommand(verb{use: use + " NAME PERMISSION...", short: short, example: "stead " + noun + " " + use + " " + example + " IMPERSONATE_USER",
		args: cobra.MinimumNArgs(2), complete: complete},
		func(ctx context.Context, c *client.Client, args []string) error {
			named, err := permissions(args[1:])
			if err != nil {
				return err
			}
			i, version, err := getIdentity(ctx, c, args[0])
			return alter(e, i, version, err, func(i *stead.Identity) {
				i.Permissions = slices.DeleteFunc(i.Permissions, func(p stead.Permission) bool { return slices.Contains(named, p) })
				if use == "grant" {
					i.Permissions = append(i.Permissions, named...)
				}
			}, putter(ctx, c, (*client.Client).PutIdentity))
		})
}

// externalCommand says what an identity is called on platforms where people sign in directly.
func externalCommand(e *env, noun, example string, complete completion) *cobra.Command {
	return e.verbCommand(verb{use: "external NAME PLATFORM=LOGIN...", short: "Say what it is called on platforms", args: cobra.MinimumNArgs(2), complete: complete,
		long: `Says by which login of a platform it is known there. An identity for which nothing is said is
known by its own name; "none" says that it does not exist there; PLATFORM= takes back what was said.`,
		example: "stead " + noun + " external " + example + " postgresql=ana\nstead " + noun + " external " + example + " postgresql=none\nstead " + noun + " external " + example + " postgresql="},
		func(ctx context.Context, c *client.Client, args []string) error {
			given, err := settingPairs(args[1:])
			if err != nil {
				return err
			}
			i, version, err := getIdentity(ctx, c, args[0])
			return alter(e, i, version, err, func(i *stead.Identity) {
				for platform, name := range given {
					i.External = setExternal(i.External, platform, name)
				}
			}, putter(ctx, c, (*client.Client).PutIdentity))
		})
}

// setExternal sets or, with an empty name, takes away what is said of a platform.
func setExternal(names map[stead.Platform]string, platform, name string) map[stead.Platform]string {
	if names == nil {
		names = map[stead.Platform]string{}
	}
	names[stead.Platform(platform)] = name
	if name == "" {
		delete(names, stead.Platform(platform))
	}
	return names
}
