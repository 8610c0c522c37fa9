package cli

import (
	"context"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func settings() *resource[stead.Setting] {
	return &resource[stead.Setting]{list: (*client.Client).Settings, header: []string{"SETTING", "VALUE"},
		row: func(s *stead.Setting) []string { return []string{s.Name, s.Value} }}
}

func settingCommand(e *env) *cobra.Command {
	known := func(context.Context, *client.Client) ([]string, error) {
		return []string{stead.ImpersonateAdministrators, stead.GatewayImpersonators, stead.GatewaySingleImpersonation}, nil
	}
	put := func(ctx context.Context, c *client.Client, name, value string) error {
		return e.done(c.PutSetting(ctx, stead.Setting{Name: name, Value: value}, client.With{}))
	}
	return nounCommand("setting", "Settings of the governed world",
		settings().listCommand(e, "setting", "settings that differ from their defaults"),
		e.verbCommand(verb{use: "set NAME VALUE", short: "Set a setting", args: cobra.ExactArgs(2), complete: known,
			example: "stead setting set " + stead.GatewaySingleImpersonation + " true"},
			func(ctx context.Context, c *client.Client, args []string) error { return put(ctx, c, args[0], args[1]) }),
		e.verbCommand(verb{use: "unset NAME", short: "Go back to the default", args: cobra.ExactArgs(1), complete: known,
			example: "stead setting unset " + stead.GatewaySingleImpersonation},
			func(ctx context.Context, c *client.Client, args []string) error { return put(ctx, c, args[0], "") }),
	)
}
