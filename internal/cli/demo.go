package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/repo"
	"muster/recipes"
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

// demoMark is a file that says that a folder is a demonstration and may be
// replaced by another one.
const demoMark = ".muster-demo"

// A demo is a demonstration under way.
type demo struct {
	*app
	ctx  context.Context
	dir  string // absolute
	url  string
	step int
}

func (a *app) demo(ctx context.Context, o demoOptions) error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return muster.WithHint(muster.Errorf(muster.NotFound, "the demonstration builds a tool from source and needs Go: %w", err),
			"install Go from https://go.dev/dl, or your system's package golang")
	}
	if err := freshFolder(dir); err != nil {
		return err
	}
	d := &demo{app: a, ctx: ctx, dir: dir}
	server, err := d.serve(o.listen)
	if err != nil {
		return err
	}
	defer server.Close()
	start := time.Now()
	if err := d.run(); err != nil {
		return fmt.Errorf("step %d of the demonstration: %w", d.step, err)
	}
	d.farewell(time.Since(start))
	if o.once || !a.interactive() {
		return nil
	}
	a.print("The web server goes on at %s until you press Ctrl-C.", d.url)
	<-ctx.Done()
	return nil
}

// freshFolder makes the folder, in place of an earlier demonstration only.
func freshFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, demoMark)); err != nil {
			return muster.WithHint(muster.Errorf(muster.Conflict, "%q is not empty, and no earlier demonstration", dir),
				"muster demo --dir ANOTHER")
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, demoMark), nil, 0o644); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(dir, "recipes"), recipes.Demo)
}

// serve offers the repository, which does not exist yet, on a local address.
func (d *demo) serve(listen string) (*http.Server, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("cannot start the web server: %w", err)
	}
	d.url = "http://" + l.Addr().String()
	server := &http.Server{Handler: repo.Handler(filepath.Join(d.dir, "repo")), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l)
	return server, nil
}

// run is the demonstration, in the order in which a site would do it.
func (d *demo) run() error {
	script := []func() error{
		d.say("Somebody in the site is the authority, somebody else makes packages."),
		d.muster("ca", "init", "--name", "Example Authority", "--out", "ca", "--no-password"),
		d.muster("ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice Martin", "--out", "alice", "--no-password"),
		d.say("A recipe becomes a signed package: here a real tool, from source, in two versions, and what it depends on."),
		d.muster("build", "recipes/age", "--set", "version=1.3.1", "--out", "out", "--key", "alice.key", "--cert", "alice.crt"),
		d.muster("build", "recipes/age", "--set", "version=1.3.2", "--out", "out", "--key", "alice.key", "--cert", "alice.crt"),
		d.muster("build", "recipes/age-examples", "--out", "out", "--key", "alice.key", "--cert", "alice.crt"),
		d.say("A repository is a folder that any web server can offer."),
		d.muster("repo", "init", "repo", "--key", "alice.key", "--cert", "alice.crt"),
		d.publish("age_1.3.1-1_*", "age-examples_*"),
		d.say("A host knows the repository and whom to believe. This one is a folder; it could be a machine."),
		d.muster("setup", "--root", "host", "--area", "--repo", d.url, "--trust", "ca.crt"),
		d.muster("update", "--root", "host"),
		d.muster("plan", "install", "age", "--root", "host"),
		d.muster("install", "age", "--root", "host", "--yes"),
		d.program("1.3.1"),
		d.say("A newer version is published. The host looks for news, shows the plan, and upgrades."),
		d.publish("age_1.3.2-1_*"),
		d.muster("update", "--root", "host"),
		d.muster("plan", "upgrade", "--root", "host"),
		d.muster("upgrade", "--root", "host", "--yes"),
		d.program("1.3.2"),
		d.muster("why", "age-examples", "--root", "host"),
		d.fails("why-not", "age>=2", "--root", "host"),
		d.muster("audit", "--root", "host"),
		d.say("Somebody damages a file. It is found, and mended: the upgrade is taken back, to the byte."),
		d.damage,
		d.refused(exitFailed, "check", "--root", "host"),
		d.muster("undo", "--root", "host"),
		d.muster("check", "--root", "host"),
		d.program("1.3.1"),
		d.muster("history", "--root", "host"),
		d.say("And everything goes again."),
		d.muster("remove", "age", "--autoremove", "--root", "host", "--yes"),
		d.empty,
	}
	for _, do := range script {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) say(text string) func() error {
	return func() error {
		d.print("\n# %s", text)
		return nil
	}
}

// muster runs one command as if it had been typed in the folder.
func (d *demo) muster(args ...string) func() error { return d.refused(0, args...) }

// refused is a command that must end with this exit code.
func (d *demo) refused(want int, args ...string) func() error {
	return func() error {
		if code := d.invoke(args); code != want {
			return fmt.Errorf("muster %s ended with %d, not %d", quoted(args), code, want)
		}
		return nil
	}
}

// fails is a command whose exit code does not matter.
func (d *demo) fails(args ...string) func() error {
	return func() error {
		d.invoke(args)
		return nil
	}
}

func (d *demo) invoke(args []string) int {
	d.step++
	d.print("$ muster %s", quoted(args))
	old, err := os.Getwd()
	if err == nil {
		err = os.Chdir(d.dir)
	}
	if err != nil {
		d.print("%v", err)
		return exitFailed
	}
	defer os.Chdir(old)
	sub := &app{in: strings.NewReader(""), out: d.out, err: d.err, now: d.now}
	cmd := sub.command()
	cmd.SetArgs(args)
	return sub.exit(cmd.ExecuteContext(d.ctx))
}

// publish publishes the packages whose file names match.
func (d *demo) publish(patterns ...string) func() error {
	return func() error {
		args := []string{"repo", "publish", "repo"}
		for _, p := range patterns {
			files, err := filepath.Glob(filepath.Join(d.dir, "out", p))
			if err != nil || len(files) == 0 {
				return fmt.Errorf("no package %q was built", p)
			}
			for _, f := range files {
				args = append(args, filepath.ToSlash(filepath.Join("out", filepath.Base(f))))
			}
		}
		return d.refused(0, append(args, "--key", "alice.key", "--cert", "alice.crt")...)()
	}
}

// program runs the installed tool: its version, and a file there and back.
func (d *demo) program(version string) func() error {
	return func() error {
		out, err := d.tool("age", "", "--version")
		if err != nil {
			return err
		}
		if strings.TrimSpace(out) != "v"+version {
			return fmt.Errorf("the installed age says it is %q, not v%s", out, version)
		}
		key := filepath.Join(d.dir, fmt.Sprintf("key-%d.txt", d.step))
		if _, err := d.tool("age-keygen", "", "-o", key); err != nil {
			return err
		}
		recipient, err := d.tool("age-keygen", "", "-y", key)
		if err != nil {
			return err
		}
		secret, err := d.tool("age", "attack at dawn", "-r", strings.TrimSpace(recipient))
		if err != nil {
			return err
		}
		plain, err := d.tool("age", secret, "-d", "-i", key)
		if err != nil {
			return err
		}
		d.print("(%d encrypted bytes are %q again)", len(secret), plain)
		if plain != "attack at dawn" {
			return fmt.Errorf("the installed age gave back %q", plain)
		}
		return nil
	}
}

// tool runs an installed program.
func (d *demo) tool(name, stdin string, args ...string) (string, error) {
	d.step++
	path := filepath.Join("host", "usr", "bin", name)
	var shown []string
	for _, arg := range args {
		shown = append(shown, strings.TrimPrefix(arg, d.dir+string(filepath.Separator)))
	}
	d.print("$ %s %s", path, quoted(shown))
	cmd := exec.CommandContext(d.ctx, filepath.Join(d.dir, path), args...)
	cmd.Stdin = strings.NewReader(stdin)
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", path, err, talk.String())
	}
	if stdin == "" && len(out) > 0 {
		io.WriteString(d.out, string(out))
	}
	return string(out), nil
}

// damage changes one byte in the middle of the installed program.
func (d *demo) damage() error {
	d.step++
	name := filepath.Join(d.dir, "host", "usr", "bin", "age")
	if _, err := os.Stat(name); err != nil {
		name += ".exe"
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	d.print("(one bit of %s is flipped)", filepath.Join("host", "usr", "bin", filepath.Base(name)))
	return os.WriteFile(name, data, 0o755)
}

// empty proves that removal left nothing.
func (d *demo) empty() error {
	d.step++
	entries, err := os.ReadDir(filepath.Join(d.dir, "host"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != ".muster" {
			return fmt.Errorf("removal left %q", e.Name())
		}
	}
	d.print("(nothing is left in host but muster's own records)")
	return nil
}

func quoted(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = arg; arg == "" || strings.ContainsAny(arg, " <>=*'\"$&|;()") && !strings.HasPrefix(arg, "version=") {
			words[i] = "'" + arg + "'"
		}
	}
	return strings.Join(words, " ")
}

func (d *demo) farewell(took time.Duration) {
	d.print("\nDone: %d steps in %.0f s. What was made lies in %s. To go on from there:\n", d.step, took.Seconds(), d.dir)
	program := "muster"
	if name := d.keepProgram(); name != "" {
		program = name
	}
	d.print("  cd %s", d.dir)
	for _, line := range []string{
		"repo serve repo --listen " + strings.TrimPrefix(d.url, "http://") + " &",
		"install age --root host",
		"undo --root host",
		"inspect out/age_1.3.2-1_*.mpk --files",
		"--help",
	} {
		d.print("  %s %s", program, line)
	}
	d.print("\nThe recipes are in recipes/: change one, and build it.\n")
}

// keepProgram copies the running program, which go run would delete, to the
// folder.
func (d *demo) keepProgram() string {
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
	out, err := os.OpenFile(filepath.Join(d.dir, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return ""
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err != nil || cerr != nil {
		return ""
	}
	return "." + string(filepath.Separator) + name
}
