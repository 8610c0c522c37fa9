package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"stead"
)

func purposes() *resource[stead.Purpose] {
	return &resource[stead.Purpose]{path: "/v1/purposes", header: []string{"PURPOSE", "DESCRIPTION"},
		row: func(p *stead.Purpose) []string { return []string{p.Key, p.Description} }}
}

func purposeCommand(e *env) *cobra.Command {
	const example = "Research.Oncology"
	list, at := purposes(), keyTarget("/v1/purposes")
	var description, acknowledgement string
	create := e.verbCommand(verb{use: "create NAME", short: "Create a purpose; names are dotted", args: cobra.ExactArgs(1),
		example: "stead purpose create " + example + ` --description "studies of tumours"`},
		func(ctx context.Context, r *remote, args []string) error {
			return e.create(ctx, r, target{path: "/v1/purposes/" + url.PathEscape(args[0])},
				&stead.Purpose{Key: args[0], Description: description, Acknowledgement: acknowledgement})
		})
	create.Flags().StringVar(&description, "description", "", "what it is")
	create.Flags().StringVar(&acknowledgement, "acknowledgement", "", "what somebody acting under it agrees to")
	return nounCommand("purpose", "Purposes, which say why data is used",
		list.listCommand(e, "purpose", "purposes"),
		showCommand[stead.Purpose](e, "purpose", example, at, list.names),
		create,
		deleteCommand(e, "purpose", example, at, list.names),
	)
}
