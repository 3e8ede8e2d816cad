package cli

import "github.com/spf13/cobra"

// The verbs of each group, in the order of the help.
var (
	hostCommands = []func(*app) *cobra.Command{
		setupCommand, updateCommand, planCommand, installCommand, upgradeCommand, removeCommand, downloadCommand,
		listCommand, showCommand, searchCommand, filesCommand, ownsCommand, whyCommand, whyNotCommand,
		pinCommand, unpinCommand, historyCommand, undoCommand, resumeCommand,
		checkCommand, auditCommand, sessionSetupCommand, cleanCommand,
	}
	authorCommands     = []func(*app) *cobra.Command{}
	repositoryCommands = []func(*app) *cobra.Command{}
	moreCommands       = []func(*app) *cobra.Command{}
)
