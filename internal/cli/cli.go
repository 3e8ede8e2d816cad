// Package cli is the command line of muster: one file a verb.
//
// Every verb is a cobra command whose RunE parses nothing itself: it calls a
// function with a context and options that tests can call as well. Answers go
// to stdout, talk to stderr; with --json the answer is one JSON document.
// Errors have a kind, from which the exit code follows, and often a hint, the
// next command to type.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/sign"
)

// Version is what `muster version` prints; releases set it at link time.
var Version = "0.1.0-dev"

// Exit codes, stable for scripts.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitNothing = 3
	exitDenied  = 4
	exitBusy    = 5
	exitStale   = 6
	exitStopped = 130 // as a shell says of what Ctrl-C ended
)

// errNothing ends a command that was asked, with --exit-code, to tell that
// there was nothing to do.
var errNothing = errors.New("nothing to do")

// usageError is a wrong use of the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// An app is one invocation of the program.
type app struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	quiet    bool
	yes      bool
	rootDir  string
	wait     time.Duration
	rate     string
	timeout  time.Duration
	now      func() time.Time
	held     *sign.Identity // opened already: nothing is asked for
	trusts   *sign.Trust    // gathered already, to verify who signed
	verified *verified      // what of repositories, before
}

func init() { cobra.EnableCommandSorting = false } // verbs are listed in the order of groups

// Main runs the program with its arguments and returns the exit code.
func Main(args []string, in io.Reader, out, errw io.Writer) int {
	log.SetOutput(io.Discard) // net/http prints there what servers send unasked
	a := &app{in: in, out: out, err: errw, now: time.Now}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := a.command()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		return a.stopped(err)
	}
	return a.exit(err)
}

// command is the tree of all verbs.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "muster",
		Short: "Build, publish and install signed packages",
		Long: `muster keeps the software of a fleet: it builds signed packages from recipes,
keeps them in repositories that are plain web folders, and installs, updates,
undoes, checks and removes them, on machines and in areas without root.`,
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print the answer as JSON")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print no progress")
	for _, g := range groups() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, make := range g.commands {
			cmd := make(a)
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommand(helpCommand(a))
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	Tidy(root)
	complete(root)
	return root
}

// exit prints err with its hint and returns the exit code.
func (a *app) exit(err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, errNothing) {
		return exitNothing
	}
	lines(a.err, "muster: "+strings.ReplaceAll(fieldName(err)+err.Error(), "\n", "\n        "))
	if hint := muster.HintOf(err); hint != "" {
		line(a.err, "hint: %s", hint)
	}
	return exitCode(err)
}

// fieldName stands before an error that does not say itself which field it is about, as in
// "quota.hosts: ". What has one letter in the API is what one typed on the command line.
func fieldName(err error) string {
	field := strings.TrimPrefix(muster.FieldOf(err), "/")
	name := strings.TrimRight(field, "/0123456789")
	if len(field) < 2 || strings.Contains(err.Error(), name[strings.LastIndexByte(name, '/')+1:]) {
		return ""
	}
	return strings.ReplaceAll(field, "/", ".") + ": "
}

// stopped tells of a command that a signal ended, with the hint where one is needed.
func (a *app) stopped(err error) int {
	if errors.Is(err, context.Canceled) {
		err = muster.WithHint(errors.New("interrupted"), "%s", muster.HintOf(err))
	}
	a.exit(err)
	return exitStopped
}

func exitCode(err error) int {
	if isUsage(err) {
		return exitUsage
	}
	switch muster.KindOf(err) {
	case muster.Denied:
		return exitDenied
	case muster.Busy:
		return exitBusy
	case muster.Stale:
		return exitStale
	}
	return exitFailed
}

// isUsage reports a wrong use of the command line. Some of cobra's complaints
// have no type, only words.
func isUsage(err error) bool {
	var usage usageError
	if errors.As(err, &usage) {
		return true
	}
	for _, words := range []string{"unknown command", "required flag(s)", "if any flags in the group"} {
		if strings.HasPrefix(err.Error(), words) {
			return true
		}
	}
	return false
}
