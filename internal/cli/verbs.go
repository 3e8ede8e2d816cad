package cli

import "github.com/spf13/cobra"

// The verbs of each group, in the order of the help.
var (
	hostCommands       = []func(*app) *cobra.Command{}
	authorCommands     = []func(*app) *cobra.Command{}
	repositoryCommands = []func(*app) *cobra.Command{}
	moreCommands       = []func(*app) *cobra.Command{}
)
