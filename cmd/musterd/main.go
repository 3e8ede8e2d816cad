// Command musterd is the server: hosts enrol, report and ask what they should
// have, people see and decide, and packages stand in a repository.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/cli"
	"muster/internal/db"
	"muster/internal/db/mysql"
	"muster/internal/db/postgres"
	"muster/internal/db/sqlite"
	"muster/internal/script"
	"muster/internal/server"
)

// drivers are the databases that this program speaks to.
func drivers() []db.Driver {
	return []db.Driver{sqlite.Driver{}, postgres.Driver{}, mysql.Driver{}}
}

func main() {
	script.Child() // when this process runs a package's action, in the demonstration
	if name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"); name == "muster" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) // so is its command line
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// An app is one invocation of the program.
type app struct {
	out, err io.Writer
	config   string
	data     string
}

// run is the program with its arguments.
func run(args []string, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{out: out, err: errw}
	cmd := a.command()
	cmd.SetArgs(args)
	return a.exit(cmd.ExecuteContext(ctx))
}

// Exit codes, stable for scripts: those of muster.
func (a *app) exit(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(a.err, "musterd: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n         "))
	if hint := muster.HintOf(err); hint != "" {
		fmt.Fprintf(a.err, "hint: %s\n", hint)
	}
	switch muster.KindOf(err) {
	case muster.Denied:
		return 4
	case muster.Busy:
		return 5
	}
	if usage := (usageError{}); errors.As(err, &usage) || cli.IsUsage(err) {
		return 2
	}
	return 1
}

// usageError is a wrong use of the command line.
type usageError struct{ error }

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "musterd",
		Short: "The server of muster",
		Long: `musterd serves a fleet of hosts: they enrol, report what they have, and learn
what they should have. It needs no configuration: 'musterd serve' begins with a
database and keys of its own in /var/lib/musterd.`,
		Version:       server.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.config, "config", "c", "", "read the configuration in `FILE` ($MUSTERD_CONFIG; default: "+defaultConfig+", where it is there)")
	flags.StringVar(&a.data, "data", "", "use the data folder `DIR`, whatever the configuration says")
	for _, make := range []func() *cobra.Command{a.serveCommand, a.demoCommand, a.initCommand, a.configCommand, a.trustCommand, a.peopleCommand, a.doctorCommand,
		a.backupCommand, a.restoreCommand, a.migrateCommand, a.collectCommand, a.sitesCommand, a.simulateCommand} {
		root.AddCommand(make())
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cli.Tidy(root)
	return root
}

const defaultConfig = "/etc/musterd.yaml"

// settings reads the configuration.
func (a *app) settings() (server.Config, error) {
	env := os.Environ()
	if a.data != "" {
		data, err := filepath.Abs(a.data)
		if err != nil {
			return server.Config{}, err
		}
		env = append(env, "MUSTERD_DATA="+data)
	}
	return server.ReadConfig(a.configFile(), env)
}

// readFile reads a file that somebody named; hint is what to do where there is none.
func readFile(name, hint string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithHint(muster.WithKind(muster.NotFound, err), "%s", hint)
	}
	return data, muster.WithKind(muster.Unavailable, err)
}

func (a *app) print(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }

// logger writes JSON to the standard error.
func (a *app) logger(c *server.Config) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(c.Log.Level)) //nolint:errcheck // checked with the configuration
	return slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: level}))
}
