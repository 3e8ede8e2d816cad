package demo

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// story is the demonstration, in the order in which a site would do it.
func (d *demo) story() []func() error {
	story := []func() error{
		d.Say("Somebody in the site is the authority; Alice makes packages and administers."),
		d.muster("ca", "init", "--name", "Example Authority", "--out", "ca", "--no-password"),
		d.muster("ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice Martin", "--out", "alice", "--no-password"),
		d.Say("Real tools, from source: recipes become signed packages. The key stays with Alice."),
		d.muster("build", "recipes/age", "--set", "version=1.3.1", "--out", "out"),
		d.muster("build", "recipes/age", "--set", "version=1.3.2", "--out", "out"),
		d.muster("build", "recipes/age-examples", "--out", "out"),
		d.muster("build", "recipes/shfmt", "--out", "out"),
		d.muster("build", "recipes/welcome", "--out", "out"),
		d.muster("build", "recipes/welcome", "--set", "version=2", "--set", "text="+tooLong, "--out", "out"),
		d.Say("A server, on SQLite and a folder. It believes the authority, and Alice administers. It cannot\n# sign packages itself."),
		d.typed("musterd", "init", "--config", "musterd.yaml"),
		d.typed("musterd", "trust", "add", "ca.crt", "alice.crt", "--config", "musterd.yaml"),
		d.start("server", "musterd", "serve", "--config", "musterd.yaml"),
		d.login,
		d.muster("repo", "init", d.url, "--key", "ca.key", "--cert", "ca.crt"),
		d.publish("age_1.3.1-1_*", "age-examples_*", "shfmt_*"),
		d.Say("The hosts of the lab should have age. What a group means is a signed package, too."),
		d.muster("groups", "edit", "lab", "--install", "age"),
		d.Say("Three hosts join, by one token. They pin the authority: the server could not give them another."),
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
		d.Age("pc-1", "1.3.1"),
		d.muster("why", "age-examples", "--root", "pc-1"),
		d.Say("The group changes: age goes, with what only it needed, and shfmt comes. Nobody touches a host."),
		d.muster("groups", "edit", "lab", "--remove-package", "age", "--install", "shfmt"),
		d.until("shfmt +3.12.0-1 +OK", "list", "--root", "pc-1"),
		d.until("shfmt +3.12.0-1 +OK", "list", "--root", "pc-3"),
		d.gone("pc-1", "age"),
		d.Say("One host alone gets age, now in the newer version."),
		d.publish("age_1.3.2-1_*"),
		d.muster("host", "edit", "pc-2", "--install", "age>=1.3.2"),
		d.until("age +1.3.2-1 +OK", "list", "--root", "pc-2"),
		d.Age("pc-2", "1.3.2"),
		d.Say("Which hosts have what? Search by anything that hosts tell; the same words make groups."),
		d.until("(?m)^pc-2 ", "hosts", "muster:age>=1.3.2"),
		d.until("(?s)pc-1.*pc-3", "hosts", "muster:shfmt -muster:age"),
		d.muster("groups", "edit", "with-age", "--query", "muster:age"),
		d.Say("And since when? Every change is kept."),
		d.until("removed +age ", "software", "--history", "--host", "pc-1"),
		d.until("installed +shfmt", "inventory", "pc-1", "--diff", "1h"),
		d.muster("changes", "pc-2"),
		d.Say("An order to three hosts at once. Alice signs it; the server cannot make one, nor change it.\n# The hosts verify it for themselves, and sign what came of it."),
		d.muster("send", "check", "--to", "group:lab", "--reason", "after the holidays", "--yes", "--follow"),
		d.muster("actions"),
		d.Say("A new version reaches a few first. This one cannot be installed: the rollout stops by itself."),
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
		d.Say("Who did all that? The log cannot be changed without a trace."),
		d.muster("auditlog", "export", "audit.log"),
		d.muster("auditlog", "verify", "audit.log"),
		d.Say("The server loses its database. The hosts are its memory, their certificates the proof."),
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
		files, err := d.Packages(name + "_" + version + "_*")
		if err != nil {
			return err
		}
		return d.muster("rollout", "start", name+"="+version, files[0], "--rings", "pilot.rings")()
	}
}

// write makes a file, and shows it.
func (d *demo) write(name, text string) func() error {
	return func() error {
		d.Step++
		d.Print("$ cat > %s\n%s^D", name, text)
		return os.WriteFile(filepath.Join(d.Dir, name), []byte(text), 0o644)
	}
}

// login opens Alice's session, as soon as the server answers.
func (d *demo) login() error {
	args := []string{"muster", "login", d.url, "--ca", filepath.Join("server", "tls", "cert.pem")}
	end := time.Now().Add(patience)
	d.Step++
	d.Print("$ %s", d.Shown(args))
	for {
		var talk strings.Builder
		_, err := d.run(args, d.Out, &talk)
		if err == nil || time.Now().After(end) || d.Ctx.Err() != nil {
			if err != nil {
				fmt.Fprint(d.opts.Err, talk.String())
			}
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// publish uploads the packages whose file names match.
func (d *demo) publish(patterns ...string) func() error {
	return func() error {
		files, err := d.Packages(patterns...)
		if err != nil {
			return err
		}
		return d.muster(append([]string{"repo", "publish", d.url}, files...)...)()
	}
}

func (d *demo) createToken() error {
	d.Step++
	args := []string{"muster", "tokens", "create", "--uses", "3", "--group", "lab", "--trust", "ca.crt", "--json"}
	d.Print("$ %s", d.Shown(args))
	out, err := d.run(args, d.Out, d.opts.Err)
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

// gone proves that a removal left no program behind.
func (d *demo) gone(host, name string) func() error {
	return func() error {
		d.Step++
		for _, program := range []string{name, name + ".exe"} {
			if _, err := os.Lstat(filepath.Join(d.Dir, host, "usr", "bin", program)); err == nil {
				return fmt.Errorf("%s is still on %s", program, host)
			}
		}
		d.Print("(%s is gone from %s)", name, host)
		return nil
	}
}

// loseDatabase ends the server without warning and deletes what it knew.
func (d *demo) loseDatabase() error {
	d.Step++
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
	d.Print("(the server is killed, and its database deleted)")
	return nil
}

func (d *demo) farewell(took time.Duration) {
	d.Print("\nDone: %d steps in %.0f s. What was made lies in %s.", d.Step, took.Seconds(), d.Dir)
	if d.opts.Once {
		return
	}
	d.Print(`
The server goes on at %s, and the hosts with it, until you press Ctrl-C.
In another terminal:
`, d.url)
	d.Print("  cd %s", d.Dir)
	d.Print("  export PATH=$PWD/bin:$PATH XDG_CONFIG_HOME=$PWD/home/.config MUSTER_KEY=alice.key MUSTER_CERT=alice.crt")
	for _, line := range []string{"console", "hosts", "host show pc-1", "groups edit lab --install age", "changes --follow", "hosts 'os:" + runtime.GOOS + " seen<1h'", "--help"} {
		d.Print("  muster %s", line)
	}
}
