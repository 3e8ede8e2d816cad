package demo

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// story is the demonstration, in the order in which a site would do it.
func (d *demo) story() []func() error {
	story := []func() error{
		d.say("Somebody in the site is the authority; Alice makes packages and administers."),
		d.muster("ca", "init", "--name", "Example Authority", "--out", "ca", "--no-password"),
		d.muster("ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice Martin", "--out", "alice", "--no-password"),
		d.say("Real tools, from source: recipes become signed packages. The key stays with Alice."),
		d.muster("build", "recipes/age", "--set", "version=1.3.1", "--out", "out"),
		d.muster("build", "recipes/age", "--set", "version=1.3.2", "--out", "out"),
		d.muster("build", "recipes/age-examples", "--out", "out"),
		d.muster("build", "recipes/shfmt", "--out", "out"),
		d.muster("build", "recipes/welcome", "--out", "out"),
		d.muster("build", "recipes/welcome", "--set", "version=2", "--set", "text="+tooLong, "--out", "out"),
		d.say("A server, on SQLite and a folder. It believes the authority, and Alice administers. It cannot\n# sign packages itself."),
		d.typed("musterd", "init", "--config", "musterd.yaml"),
		d.typed("musterd", "trust", "add", "ca.crt", "alice.crt", "--config", "musterd.yaml"),
		d.start("server", "musterd", "serve", "--config", "musterd.yaml"),
		d.login,
		d.muster("repo", "init", d.url, "--key", "ca.key", "--cert", "ca.crt"),
		d.publish("age_1.3.1-1_*", "age-examples_*", "shfmt_*"),
		d.say("The hosts of the lab should have age. What a group means is a signed package, too."),
		d.muster("groups", "edit", "lab", "--install", "age"),
		d.say("Three hosts join, by one token. They pin the authority: the server could not give them another."),
		d.createToken,
	}
	for _, name := range Hosts {
		story = append(story, d.join(name))
	}
	for _, name := range Hosts {
		story = append(story, d.start(name, "muster", "agent", "run", "--now", "--root", name))
	}
	return append(story,
		d.until(`(?s)pc-1 +OK.*pc-2 +OK.*pc-3 +OK`, "hosts"),
		d.until("age +1.3.1-1 +OK", "list", "--root", "pc-1"),
		d.age("pc-1", "1.3.1"),
		d.muster("why", "age-examples", "--root", "pc-1"),
		d.say("The group changes: age goes, with what only it needed, and shfmt comes. Nobody touches a host."),
		d.muster("groups", "edit", "lab", "--remove-package", "age", "--install", "shfmt"),
		d.until("shfmt +3.12.0-1 +OK", "list", "--root", "pc-1"),
		d.until("shfmt +3.12.0-1 +OK", "list", "--root", "pc-3"),
		d.gone("pc-1", "age"),
		d.say("One host alone gets age, now in the newer version."),
		d.publish("age_1.3.2-1_*"),
		d.muster("host", "edit", "pc-2", "--install", "age>=1.3.2"),
		d.until("age +1.3.2-1 +OK", "list", "--root", "pc-2"),
		d.age("pc-2", "1.3.2"),
		d.say("Which hosts have what? Search by anything that hosts tell; the same words make groups."),
		d.until("(?m)^pc-2 ", "hosts", "muster:age>=1.3.2"),
		d.until("(?s)pc-1.*pc-3", "hosts", "muster:shfmt -muster:age"),
		d.muster("groups", "edit", "with-age", "--query", "muster:age"),
		d.say("And since when? Every change is kept."),
		d.until("removed +age ", "software", "--history", "--host", "pc-1"),
		d.until("installed +shfmt", "inventory", "pc-1", "--diff", "1h"),
		d.muster("changes", "pc-2"),
		d.say("An order to three hosts at once. Alice signs it; the server cannot make one, nor change it.\n# The hosts verify it for themselves, and sign what came of it."),
		d.muster("send", "check", "--to", "group:lab", "--reason", "after the holidays", "--yes", "--follow"),
		d.muster("actions"),
		d.say("A new version reaches a few first. This one cannot be installed: the rollout stops by itself."),
		d.publish("welcome_1-1_*"),
		d.muster("groups", "edit", "lab", "--install", "welcome"),
		d.until("welcome +1-1 +OK", "list", "--root", "pc-1"),
		d.until("welcome +1-1 +OK", "list", "--root", "pc-2"),
		d.write("pilot.rings", pilotRings),
		d.muster("host", "edit", "pc-2", "--add-group", "pilot"),
		d.rollout("welcome", "2-1"),
		d.until("halted", "rollout", "status", "rollout-welcome-2-1"),
		d.muster("list", "--root", "pc-2"),
		d.muster("why-not", "welcome=2-1", "--root", "pc-1"),
		d.muster("rollout", "abort", "rollout-welcome-2-1", "--reason", "a line is too long"),
		d.say("Who did all that? The log cannot be changed without a trace."),
		d.muster("auditlog", "export", "audit.log"),
		d.muster("auditlog", "verify", "audit.log"),
		d.say("The server loses its database. The hosts are its memory, their certificates the proof."),
		d.loseDatabase,
		d.start("server", "musterd", "serve", "--config", "musterd.yaml"),
		d.login,
		d.until(`(?s)pc-1 +OK.*pc-2 +OK.*pc-3 +OK`, "hosts"),
		d.until("(?m)^pc-2 ", "hosts", "muster:age>=1.3.2"),
	)
}

// tooLong is a text that package welcome refuses to install.
const tooLong = "Welcome to this host, which is kept by muster as all hosts of the site are, day and night."

// pilotRings brings a version to the hosts of one group first.
const pilotRings = `ring: pilot
group: pilot
soak: 1h
max-errors: 0

ring: all
percent: 100
`

// rollout begins to bring a version to hosts, in the rings of pilot.rings.
func (d *demo) rollout(name, version string) func() error {
	return func() error {
		files, err := filepath.Glob(filepath.Join(d.Dir, "out", name+"_"+version+"_*"))
		if err != nil || len(files) != 1 {
			return fmt.Errorf("%d packages %s=%s were built", len(files), name, version)
		}
		return d.muster("rollout", "start", name+"="+version, filepath.ToSlash(filepath.Join("out", filepath.Base(files[0]))), "--rings", "pilot.rings")()
	}
}

// write makes a file, and shows it.
func (d *demo) write(name, text string) func() error {
	return func() error {
		d.step++
		d.print("$ cat > %s\n%s^D", name, text)
		return os.WriteFile(filepath.Join(d.Dir, name), []byte(text), 0o644)
	}
}

// login opens Alice's session, as soon as the server answers.
func (d *demo) login() error {
	args := []string{"muster", "login", d.url, "--ca", filepath.Join("server", "tls", "cert.pem")}
	end := time.Now().Add(patience)
	d.step++
	d.print("$ %s", d.shown(args))
	for {
		var talk strings.Builder
		_, err := d.run(args, d.Out, &talk)
		if err == nil || time.Now().After(end) || d.ctx.Err() != nil {
			if err != nil {
				fmt.Fprint(d.Err, talk.String())
			}
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// publish uploads the packages whose file names match.
func (d *demo) publish(patterns ...string) func() error {
	return func() error {
		args := []string{"repo", "publish", d.url}
		for _, p := range patterns {
			files, err := filepath.Glob(filepath.Join(d.Dir, "out", p))
			if err != nil || len(files) == 0 {
				return fmt.Errorf("no package %q was built", p)
			}
			for _, f := range files {
				args = append(args, filepath.ToSlash(filepath.Join("out", filepath.Base(f))))
			}
		}
		return d.muster(args...)()
	}
}

func (d *demo) createToken() error {
	d.step++
	args := []string{"muster", "tokens", "create", "--uses", "3", "--group", "lab", "--trust", "ca.crt", "--json"}
	d.print("$ %s", d.shown(args))
	out, err := d.run(args, d.Out, d.Err)
	if err != nil {
		return err
	}
	var t struct {
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal([]byte(out), &t); err != nil || t.Secret == "" {
		return fmt.Errorf("tokens create printed no secret: %v", err)
	}
	d.token = t.Secret
	return nil
}

func (d *demo) join(name string) func() error {
	return func() error {
		return d.muster("join", d.url, "--root", name, "--area", "--name", name, "--token", d.token,
			"--trust", "ca.crt", "--ca", filepath.Join("server", "tls", "cert.pem"))()
	}
}

// age runs the installed tool: its version, and a file there and back.
func (d *demo) age(host, version string) func() error {
	return func() error {
		out, err := d.tool(host, "age", "", "--version")
		if err != nil {
			return err
		}
		if strings.TrimSpace(out) != "v"+version {
			return fmt.Errorf("the installed age says it is %q, not v%s", out, version)
		}
		key := filepath.Join(d.Dir, fmt.Sprintf("key-%d.txt", d.step))
		if _, err := d.tool(host, "age-keygen", "", "-o", key); err != nil {
			return err
		}
		recipient, err := d.tool(host, "age-keygen", "", "-y", key)
		if err != nil {
			return err
		}
		secret, err := d.tool(host, "age", "attack at dawn", "-r", strings.TrimSpace(recipient))
		if err != nil {
			return err
		}
		plain, err := d.tool(host, "age", secret, "-d", "-i", key)
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
func (d *demo) tool(host, name, stdin string, args ...string) (string, error) {
	path := filepath.Join(host, "usr", "bin", name)
	d.step++
	d.print("$ %s %s", path, strings.ReplaceAll(strings.Join(args, " "), d.Dir+string(filepath.Separator), ""))
	cmd := exec.CommandContext(d.ctx, filepath.Join(d.Dir, path), args...)
	cmd.Stdin = strings.NewReader(stdin)
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", path, err, talk.String())
	}
	if stdin == "" {
		fmt.Fprint(d.Out, string(out))
	}
	return string(out), nil
}

// gone proves that a removal left no program behind.
func (d *demo) gone(host, name string) func() error {
	return func() error {
		d.step++
		for _, program := range []string{name, name + ".exe"} {
			if _, err := os.Lstat(filepath.Join(d.Dir, host, "usr", "bin", program)); err == nil {
				return fmt.Errorf("%s is still on %s", program, host)
			}
		}
		d.print("(%s is gone from %s)", name, host)
		return nil
	}
}

// loseDatabase ends the server without warning and deletes what it knew.
func (d *demo) loseDatabase() error {
	d.step++
	for i, p := range d.running {
		if p.name != "server" {
			continue
		}
		if err := p.cmd.Process.Kill(); err != nil {
			return err
		}
		<-p.done
		d.running = append(d.running[:i], d.running[i+1:]...)
		break
	}
	files, err := filepath.Glob(filepath.Join(d.Dir, "server", "muster.db*"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there is no database to lose: %w", fs.ErrNotExist)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	d.print("(the server is killed, and its database deleted)")
	return nil
}

func (d *demo) farewell(took time.Duration) {
	d.print("\nDone: %d steps in %.0f s. What was made lies in %s.", d.step, took.Seconds(), d.Dir)
	if d.Once {
		return
	}
	d.print(`
The server goes on at %s, and the hosts with it, until you press Ctrl-C.
In another terminal:
`, d.url)
	d.print("  cd %s", d.Dir)
	d.print("  export PATH=$PWD/bin:$PATH XDG_CONFIG_HOME=$PWD/home/.config MUSTER_KEY=alice.key MUSTER_CERT=alice.crt")
	for _, line := range []string{"console", "hosts", "host show pc-1", "groups edit lab --install age", "changes --follow", "hosts 'os:" + runtime.GOOS + " seen<1h'", "--help"} {
		d.print("  muster %s", line)
	}
}
