package cli

import (
	"context"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

func purposes() *resource[stead.Purpose] {
	return &resource[stead.Purpose]{list: (*client.Client).Purposes, header: []string{"PURPOSE", "DESCRIPTION"},
		row: func(p *stead.Purpose) []string { return []string{p.Key, p.Description} }}
}

func purposeCommand(e *env) *cobra.Command {
	const example = "Research.Oncology"
	list := purposes()
	var description, acknowledgement string
	create := e.verbCommand(verb{use: "create NAME", short: "Create a purpose; names are dotted", args: cobra.ExactArgs(1),
		example: "stead purpose create " + example + ` --description "studies of tumours"`},
		func(ctx context.Context, c *client.Client, args []string) error {
			p := stead.Purpose{Key: args[0], Description: description, Acknowledgement: acknowledgement}
			return e.create(func(w client.With) (*client.Change, error) { return c.PutPurpose(ctx, p, w) })
		})
	create.Flags().StringVar(&description, "description", "", "what it is")
	create.Flags().StringVar(&acknowledgement, "acknowledgement", "", "what somebody acting under it agrees to")
	return nounCommand("purpose", "Purposes, which say why data is used",
		list.listCommand(e, "purpose", "purposes"),
		showCommand(e, "purpose", example, keyed((*client.Client).Purpose), list.names),
		create,
		deleteCommand(e, "purpose", example, unkeyed((*client.Client).DeletePurpose), list.names),
	)
}
