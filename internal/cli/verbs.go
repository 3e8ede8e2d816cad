package cli

import "github.com/spf13/cobra"

// A group is a heading of the help with its verbs, in the order shown.
type group struct {
	id, title string
	commands  []func(*app) *cobra.Command
}

func groups() []group {
	return []group{
		{"hosts", "Hosts and areas:", []func(*app) *cobra.Command{
			setupCommand, joinCommand, leaveCommand, agentCommand, updateCommand, planCommand, installCommand, upgradeCommand, removeCommand, downloadCommand,
			listCommand, showCommand, searchCommand, filesCommand, ownsCommand, whyCommand, whyNotCommand, settingsCommand,
			pinCommand, unpinCommand, historyCommand, undoCommand, resumeCommand,
			checkCommand, auditCommand, sessionSetupCommand, collectCommand, cleanCommand, selfServiceCommand, tuiCommand,
		}},
		{"fleet", "Fleet (needs a server):", []func(*app) *cobra.Command{
			loginCommand, logoutCommand, whoamiCommand, consoleCommand, peopleCommand, rightsCommand, apitokensCommand,
			hostsCommand, hostCommand, groupsCommand, unitsCommand, profilesCommand, tokensCommand,
			changesCommand, rolloutCommand, sendCommand, actionsCommand, actionCommand, inventoryCommand, softwareCommand, versionsCommand, auditlogCommand, webhooksCommand, exportCommand, reportsCommand,
			sitesCommand, advisoriesCommand, referenceCommand,
		}},
		{"authors", "Packages:", []func(*app) *cobra.Command{
			newCommand, importCommand, buildCommand, testCommand, signCommand, inspectCommand, verifyCommand, keyCommand, caCommand,
		}},
		{"repositories", "Repositories:", []func(*app) *cobra.Command{repoCommand}},
		{"more", "More:", []func(*app) *cobra.Command{demoCommand, manCommand, versionCommand}},
	}
}
