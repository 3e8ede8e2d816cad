package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/demo"
	"muster/internal/repo"
)

type demoOptions struct {
	dir    string
	listen string
	once   bool
}

func demoCommand(a *app) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole way from a recipe to a host, and back",
		Long: `Make an authority and a packager's certificate, build two versions of a real
tool from source, sign them, publish them on a local web server, and install,
upgrade, check, undo and remove them in a folder that stands for a host.

Every step is a command that is printed first and can be typed again. The
folder stays, to play in. On a terminal the web server goes on afterwards until
it is interrupted, unless --once is given.

Needed are Go, which builds the tool, and its module proxy.`,
		Example: "  muster demo\n  muster demo --once --dir /tmp/demo",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.dir, "dir", "muster-demo", "folder to make; an earlier demonstration in it is replaced")
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:0", "address of the web server")
	cmd.Flags().BoolVar(&o.once, "once", false, "end after the last step; exit with 1 if one fails")
	return cmd
}

// A localDemo is a demonstration under way.
type localDemo struct {
	*app
	*demo.Stage
	url string
}

func (a *app) demo(ctx context.Context, o demoOptions) error {
	stage, err := demo.Open(ctx, o.dir, "muster", a.out)
	if err != nil {
		return err
	}
	d := &localDemo{app: a, Stage: stage}
	server, err := d.serve(o.listen)
	if err != nil {
		return err
	}
	defer server.Close()
	start := time.Now()
	if err := d.Play(d.story()); err != nil {
		return err
	}
	d.farewell(time.Since(start))
	if o.once || !a.interactive() {
		return nil
	}
	a.print("The web server goes on at %s until you press Ctrl-C.", d.url)
	<-ctx.Done()
	return nil
}

// serve offers the repository, which does not exist yet, on a local address.
func (d *localDemo) serve(listen string) (*http.Server, error) {
	l, err := listenAt(listen)
	if err != nil {
		return nil, err
	}
	d.url = "http://" + l.Addr().String()
	server := &http.Server{Handler: repo.Handler(filepath.Join(d.Dir, "repo")), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l)
	return server, nil
}

// story is the demonstration, in the order in which a site would do it.
func (d *localDemo) story() []func() error {
	return []func() error{
		d.Say("Somebody in the site is the authority, somebody else makes packages."),
		d.muster("ca", "init", "--name", "Example Authority", "--out", "ca", "--no-password"),
		d.muster("ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice Martin", "--out", "alice", "--no-password"),
		d.Say("A recipe becomes a signed package: here a real tool, from source, in two versions, and what it depends on."),
		d.muster("build", "recipes/age", "--set", "version=1.3.1", "--out", "out", "--key", "alice.key", "--cert", "alice.crt"),
		d.muster("build", "recipes/age", "--set", "version=1.3.2", "--out", "out", "--key", "alice.key", "--cert", "alice.crt"),
		d.muster("build", "recipes/age-examples", "--out", "out", "--key", "alice.key", "--cert", "alice.crt"),
		d.Say("A repository is a folder that any web server can offer."),
		d.muster("repo", "init", "repo", "--key", "alice.key", "--cert", "alice.crt"),
		d.publish("age_1.3.1-1_*", "age-examples_*"),
		d.Say("A host knows the repository and whom to believe. This one is a folder; it could be a machine."),
		d.muster("setup", "--root", "host", "--area", "--repo", d.url, "--trust", "ca.crt"),
		d.muster("update", "--root", "host"),
		d.muster("plan", "install", "age", "--root", "host"),
		d.muster("install", "age", "--root", "host", "--yes"),
		d.Age("host", "1.3.1"),
		d.Say("A newer version is published. The host looks for news, shows the plan, and upgrades."),
		d.publish("age_1.3.2-1_*"),
		d.muster("update", "--root", "host"),
		d.muster("plan", "upgrade", "--root", "host"),
		d.muster("upgrade", "--root", "host", "--yes"),
		d.Age("host", "1.3.2"),
		d.muster("why", "age-examples", "--root", "host"),
		d.fails("why-not", "age>=2", "--root", "host"),
		d.muster("audit", "--root", "host"),
		d.Say("Somebody damages a file. It is found, and mended: the upgrade is taken back, to the byte."),
		d.damage,
		d.refused(exitFailed, "check", "--root", "host"),
		d.muster("undo", "--root", "host"),
		d.muster("check", "--root", "host"),
		d.Age("host", "1.3.1"),
		d.muster("history", "--root", "host"),
		d.Say("And everything goes again."),
		d.muster("remove", "age", "--autoremove", "--root", "host", "--yes"),
		d.empty,
	}
}

// muster runs one command as if it had been typed in the folder.
func (d *localDemo) muster(args ...string) func() error { return d.refused(0, args...) }

// refused is a command that must end with this exit code.
func (d *localDemo) refused(want int, args ...string) func() error {
	return func() error {
		if code := d.invoke(args); code != want {
			return fmt.Errorf("muster %s ended with %d, not %d", d.Shown(args), code, want)
		}
		return nil
	}
}

// fails is a command whose exit code does not matter.
func (d *localDemo) fails(args ...string) func() error {
	return func() error {
		d.invoke(args)
		return nil
	}
}

func (d *localDemo) invoke(args []string) int {
	d.Step++
	d.Print("$ muster %s", d.Shown(args))
	old, err := os.Getwd()
	if err == nil {
		err = os.Chdir(d.Dir)
	}
	if err != nil {
		d.Print("%v", err)
		return exitFailed
	}
	defer os.Chdir(old)
	sub := &app{in: strings.NewReader(""), out: d.out, err: d.err, now: d.now}
	cmd := sub.command()
	cmd.SetArgs(args)
	return sub.exit(cmd.ExecuteContext(d.Ctx))
}

// publish publishes the packages whose file names match.
func (d *localDemo) publish(patterns ...string) func() error {
	return func() error {
		files, err := d.Packages(patterns...)
		if err != nil {
			return err
		}
		args := append([]string{"repo", "publish", "repo"}, files...)
		return d.muster(append(args, "--key", "alice.key", "--cert", "alice.crt")...)()
	}
}

// damage changes one byte in the middle of the installed program.
func (d *localDemo) damage() error {
	d.Step++
	name := filepath.Join(d.Dir, "host", "usr", "bin", "age")
	if _, err := os.Stat(name); err != nil {
		name += ".exe"
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	d.Print("(one bit of %s is flipped)", filepath.Join("host", "usr", "bin", filepath.Base(name)))
	return os.WriteFile(name, data, 0o755)
}

// empty proves that removal left nothing.
func (d *localDemo) empty() error {
	d.Step++
	entries, err := os.ReadDir(filepath.Join(d.Dir, "host"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != ".muster" {
			return fmt.Errorf("removal left %q", e.Name())
		}
	}
	d.Print("(nothing is left in host but muster's own records)")
	return nil
}

func (d *localDemo) farewell(took time.Duration) {
	d.Print("\nDone: %d steps in %.0f s. What was made lies in %s. To go on from there:\n", d.Step, took.Seconds(), d.Dir)
	program := "muster"
	if name := d.keepProgram(); name != "" {
		program = name
	}
	d.Print("  cd %s", d.Dir)
	for _, line := range []string{
		"repo serve repo --listen " + strings.TrimPrefix(d.url, "http://") + " &",
		"install age --root host",
		"undo --root host",
		"inspect out/age_1.3.2-1_*.mpk --files",
		"--help",
	} {
		d.Print("  %s %s", program, line)
	}
	d.Print("\nThe recipes are in recipes/: change one, and build it.\n")
}

// keepProgram copies the running program, which go run would delete, to the
// folder.
func (d *localDemo) keepProgram() string {
	name := "muster"
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	if ext := filepath.Ext(self); ext == ".exe" {
		name += ext
	}
	in, err := os.Open(self)
	if err != nil {
		return ""
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(d.Dir, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return ""
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err != nil || cerr != nil {
		return ""
	}
	return "." + string(filepath.Separator) + name
}
