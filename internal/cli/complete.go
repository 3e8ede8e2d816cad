package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/repo"
	"muster/internal/script"
)

// A completion offers values for what is being typed.
type completion = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// words completes to one of a few.
func words(all ...string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// files completes to files with one of the endings.
func files(endings ...string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// first completes the first argument in one way and the others in another.
func first(one, others completion) completion {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return one(cmd, args, toComplete)
		}
		return others(cmd, args, toComplete)
	}
}

func none(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// published completes to the names of packages in the repository that is the
// first argument, if it is a folder: nobody waits for the web.
func published(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	_, x, err := (&repo.Publisher{Dir: args[0]}).Contents()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, e := range x.Entries() {
		if len(names) == 0 || names[len(names)-1] != e.Name {
			names = append(names, e.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func helperNames(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	for _, h := range script.Helpers() {
		names = append(names, h.Name+"\t"+h.Summary)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// matching leaves out what does not begin as what is typed: not every shell does.
func matching(c completion) completion {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		all, how := c(cmd, args, toComplete)
		if how&cobra.ShellCompDirectiveFilterFileExt == 0 {
			all = slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, toComplete) })
		}
		return all, how
	}
}

// argumentsOf says how arguments are completed, where a verb does not itself.
var argumentsOf = map[string]completion{
	"muster build":        folders,
	"muster sign":         files("mpk"),
	"muster inspect":      first(files("mpk"), none),
	"muster verify":       files("mpk"),
	"muster key password": first(files("key"), none),
	"muster repo init":    first(folders, none),
	"muster repo publish": first(folders, files("mpk")),
	"muster repo list":    first(folders, published),
	"muster repo show":    first(folders, published),
	"muster repo remove":  first(folders, published),
	"muster repo refresh": first(folders, none),
	"muster repo revoke":  first(folders, files("crt", "pem", "mpk")),
	"muster repo check":   first(folders, none),
	"muster repo gc":      first(folders, none),
	"muster repo serve":   first(folders, none),
	"muster help helpers": first(helperNames, none),
}

// valuesOf says how the values of options are completed, whichever verb has
// them.
var valuesOf = map[string]completion{
	"key":          files("key", "pem"),
	"cert":         files("crt", "pem"),
	"anchor":       files("crt", "pem"),
	"request":      files("csr", "pem", "crt", "pub"),
	"rights":       words("code\tmay sign what runs on hosts", "deploy\tmay sign packages without code", "issue\tmay issue certificates"),
	"alg":          words("ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096"),
	"kind":         words(kinds()...),
	"target":       words(append(platforms(), "all")...),
	"platform":     words(platforms()...),
	"dir":          folders,
	"name":         none,
	"days":         none,
	"expires":      none,
	"need":         none,
	"listen":       none,
	"maintainer":   none,
	"sign-command": none,
}

func kinds() (all []string) {
	for _, k := range muster.Kinds {
		all = append(all, string(k))
	}
	return all
}

func platforms() (all []string) {
	for _, os := range muster.OSes {
		for _, arch := range muster.Arches {
			all = append(all, fmt.Sprintf("%s/%s", os, arch))
		}
	}
	return all
}

// complete gives a command and those below it the completions of the tables.
func complete(cmd *cobra.Command) {
	if c, ok := argumentsOf[cmd.CommandPath()]; ok && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = matching(c)
	}
	for name, c := range valuesOf {
		if cmd.LocalFlags().Lookup(name) != nil && !strings.HasPrefix(cmd.CommandPath(), "muster completion") {
			cmd.RegisterFlagCompletionFunc(name, matching(c)) // fails where the verb has its own
		}
	}
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
}
