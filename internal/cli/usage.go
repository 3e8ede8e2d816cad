package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"muster"
)

// exitText stands in every help and on every manual page.
const exitText = `0 done, 1 failed, 2 wrong use, 3 nothing to do (with --exit-code),
4 refused for want of trust or rights, 5 busy, 6 stale repository, 130 interrupted`

// environment are the variables that stand for options, or for what is never
// one.
var environment = []struct{ name, text string }{
	{"MUSTER_ROOT", "the root or area that commands work on"},
	{"MUSTER_KEY", "private key to sign with"},
	{"MUSTER_CERT", "certificate of that key, or of that of the command, with those of its issuers"},
	{"MUSTER_SIGN_COMMAND", "command that signs in place of a key"},
	{"MUSTER_KEY_PASSWORD", "password of private keys, where nobody can be asked; of musterd collect too"},
	{"MUSTER_NEW_KEY_PASSWORD", "the new one, for muster key password"},
	{"MUSTER_SERVER", "server that commands go to, where there are sessions on several"},
	{"MUSTER_PASSWORD", "password of a person on a server, where nobody can be asked"},
	{"MUSTER_OLD_PASSWORD", "the one before, for muster people password"},
	{"MUSTER_TOKEN", "token of a program on the server, in place of a session"},
	{"MUSTER_CA", "with it, the authority of the server's certificate: a file or sha256:..."},
	{"MUSTER_MAINTAINER", "whom muster new names as maintainer"},
	{"MUSTER_REPO_URL", "repository that the following are for; they are sent to no other"},
	{"MUSTER_REPO_USER", "name of a user of that repository"},
	{"MUSTER_REPO_PASSWORD", "password of that user"},
	{"MUSTER_REPO_TOKEN", "bearer token, in place of user and password"},
}

const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$commands := .Commands}}{{if eq (len .Groups) 0}}

Commands:{{range $commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{else}}{{range $group := .Groups}}

{{.Title}}{{range $commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Options:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Options of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

{{.CommandPath}} COMMAND --help says more about a command.{{end}}

Exit codes: ` + exitText + `.
`

// Tidy gives a command and those below it what all have: complaints about
// arguments that are usage errors, and an answer to commands that are not.
func Tidy(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(flagError)
	cmd.DisableFlagsInUseLine = true
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, chooseCommand
	} else {
		check := cmd.Args
		cmd.Args = func(cmd *cobra.Command, args []string) error { return checkArgs(cmd, args, check) }
	}
	for _, sub := range cmd.Commands() {
		Tidy(sub)
	}
}

// IsUsage reports whether an error is a wrong use of the command line.
func IsUsage(err error) bool { return isUsage(err) }

// flagError is the complaint about a flag. Where the command is unknown, its
// flags are so, too.
func flagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
		return unknownCommand(cmd, cmd.Flags().Arg(0))
	}
	return muster.WithHint(usageError{err}, "%s --help", cmd.CommandPath())
}

// chooseCommand runs where a command is needed that cobra did not find.
func chooseCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, args[0])
}

func unknownCommand(cmd *cobra.Command, name string) error {
	err := usagef("unknown command %q", cmd.CommandPath()+" "+name)
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return muster.WithHint(err, "%s %s", cmd.CommandPath(), strings.Join(near, ", or "))
	}
	return muster.WithHint(err, "%s --help", cmd.CommandPath())
}

// checkArgs turns complaints about arguments into usage errors that show how
// the command is used. Required flags are complained about first: who forgot
// one reads the usage anyhow.
func checkArgs(cmd *cobra.Command, args []string, check cobra.PositionalArgs) error {
	err := missingFlags(cmd)
	switch {
	case err != nil:
	case check == nil || check(cmd, args) == nil:
		return nil
	case tooFew(cmd, args, check):
		err = usagef("an argument is missing; usage: %s", cmd.UseLine())
	default:
		err = usagef("too many arguments; usage: %s", cmd.UseLine())
	}
	return muster.WithHint(err, "%s --help", cmd.CommandPath())
}

// tooFew reports whether more arguments would do.
func tooFew(cmd *cobra.Command, args []string, check cobra.PositionalArgs) bool {
	for n := len(args); len(args) < n+3; {
		if args = append(args, "x"); check(cmd, args) == nil {
			return true
		}
	}
	return false
}

func missingFlags(cmd *cobra.Command) error {
	err := cmd.ValidateRequiredFlags()
	if err == nil {
		return nil
	}
	names := strings.Split(strings.TrimSuffix(strings.TrimPrefix(err.Error(), `required flag(s) "`), `" not set`), `", "`)
	return usagef("give --%s; usage: %s", strings.Join(names, " and --"), cmd.UseLine())
}

// helpCommand is cobra's, but for topics that it does not know, and with the
// reference of helpers below it.
func helpCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Show the help of a command, the helpers of recipes, or how to search",
		Example:           "  muster help repo publish\n  muster help helpers run",
		ValidArgsFunction: matching(commandNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(of, rest[0])
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
	cmd.AddCommand(helpersCommand(a), queriesCommand(a))
	return cmd
}

// commandNames completes to the commands below the one that the arguments name.
func commandNames(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	of, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, sub := range of.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, fmt.Sprintf("%s\t%s", sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
