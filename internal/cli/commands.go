package cli

import "github.com/spf13/cobra"

// commands lists every command there is.
func commands(e *env) []*cobra.Command {
	return []*cobra.Command{
		serveCommand(e),
		connectCommand(e),
		registerCommand(e),
		applyCommand(e),
		queryCommand(e),
		explainCommand(e),
		policyCommand(e),
		auditCommand(e),
		userCommand(e),
		agentCommand(e),
		groupCommand(e),
		keyCommand(e),
		connectionCommand(e),
		credentialCommand(e),
		sourceCommand(e),
		subscriptionCommand(e),
		projectCommand(e),
		purposeCommand(e),
		settingCommand(e),
		backupCommand(e),
		restoreCommand(e),
		migrateCommand(e),
		conformanceCommand(e),
		configCommand(e),
		statusCommand(e),
		versionCommand(e),
	}
}
