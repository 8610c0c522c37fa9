package cli

import "github.com/spf13/cobra"

// commands lists every command there is.
func commands(e *env) []*cobra.Command {
	return []*cobra.Command{
		serveCommand(e),
		configCommand(e),
		versionCommand(e),
	}
}
