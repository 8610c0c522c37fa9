package cli

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"stead"
)

func settings() *resource[stead.Setting] {
	return &resource[stead.Setting]{path: "/v1/settings", header: []string{"SETTING", "VALUE"},
		row: func(s *stead.Setting) []string { return []string{s.Name, s.Value} }}
}

func settingCommand(e *env) *cobra.Command {
	at := keyTarget("/v1/settings")
	known := func(context.Context, *remote) ([]string, error) {
		return []string{stead.ImpersonateAdministrators, stead.GatewayImpersonators, stead.GatewaySingleImpersonation}, nil
	}
	put := func(ctx context.Context, r *remote, name, value string) error {
		t, err := at(name)
		if err != nil {
			return err
		}
		return e.change(ctx, r, http.MethodPut, t, map[string]string{"value": value})
	}
	return nounCommand("setting", "Settings of the governed world",
		settings().listCommand(e, "setting", "settings that differ from their defaults"),
		e.verbCommand(verb{use: "set NAME VALUE", short: "Set a setting", args: cobra.ExactArgs(2), complete: known,
			example: "stead setting set " + stead.GatewaySingleImpersonation + " true"},
			func(ctx context.Context, r *remote, args []string) error { return put(ctx, r, args[0], args[1]) }),
		e.verbCommand(verb{use: "unset NAME", short: "Go back to the default", args: cobra.ExactArgs(1), complete: known,
			example: "stead setting unset " + stead.GatewaySingleImpersonation},
			func(ctx context.Context, r *remote, args []string) error { return put(ctx, r, args[0], "") }),
	)
}
