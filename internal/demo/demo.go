// Package demo shows the whole system on one machine, on real packages: a
// server, an administrator, and three hosts that get software, lose it again and
// say what they have.
//
// Start with [Run]; a [Stage] is what other demonstrations have in common with it. Every step is a command that is printed first and can be typed
// again; it runs as a process of its own, as it would on a real site.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"muster"
)

// Options say how to show.
type Options struct {
	Dir    string // to make; an earlier demonstration in it is replaced
	Listen string // address of the server; port 0 takes a free one
	Once   bool   // end after the last step
	// Self is the running program: musterd, and under the name muster the command
	// line.
	Self     string
	Out, Err io.Writer
}

// Hosts are the names of the hosts.
var Hosts = []string{"pc-1", "pc-2", "pc-3"}

// A demo is a demonstration under way.
type demo struct {
	*Stage
	opts    Options
	url     string
	token   string
	running []*process
}

// Run shows everything, step after step, and fails at the first that does not do
// what it should. Without Once it then goes on until ctx ends.
func Run(ctx context.Context, o Options) error {
	stage, err := Open(ctx, o.Dir, "musterd", o.Out)
	if err != nil {
		return err
	}
	d := &demo{Stage: stage, opts: o}
	if err := os.Mkdir(filepath.Join(d.Dir, "home"), 0o755); err != nil {
		return err
	}
	if err := programs(o.Self, filepath.Join(d.Dir, "bin")); err != nil {
		return err
	}
	defer d.stop()
	if err := d.configure(); err != nil {
		return err
	}
	start := time.Now()
	if err := d.Play(d.story()); err != nil {
		return fmt.Errorf("%w%s", err, d.logs())
	}
	d.farewell(time.Since(start))
	if !o.Once {
		<-ctx.Done()
	}
	return nil
}

// configure chooses the server's address and writes its configuration.
func (d *demo) configure() error {
	l, err := net.Listen("tcp", d.opts.Listen)
	if err != nil {
		return muster.WithHint(muster.Errorf(muster.Unavailable, "cannot listen at %s: %w", d.opts.Listen, err), "musterd demo --listen 127.0.0.1:0")
	}
	d.opts.Listen = l.Addr().String()
	d.url = "https://" + d.opts.Listen
	if err := l.Close(); err != nil {
		return err
	}
	text := "data: " + filepath.Join(d.Dir, "server") + "\nname: demonstration\nlisten: " + d.opts.Listen +
		"\ntls: {names: [127.0.0.1, localhost]}\nhosts: {interval: 1m}\nrepository: {reserve: 16M}\n"
	return os.WriteFile(filepath.Join(d.Dir, "musterd.yaml"), []byte(text), 0o644)
}

// A process is a server or an agent.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan error
}

// environment is that of somebody whose home is in the folder.
func (d *demo) environment() []string {
	home := filepath.Join(d.Dir, "home")
	return append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"), "APPDATA="+home,
		"GOPATH="+gopath(), "GOCACHE="+gocache(), "MUSTER_KEY=alice.key", "MUSTER_CERT=alice.crt", "MUSTER_SERVER=")
}

// gopath and gocache stay those of the user: what was fetched and compiled once
// need not be again.
func gopath() string { return goenv("GOPATH") }

func gocache() string { return goenv("GOCACHE") }

func goenv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// start runs a program beside the story; what it says goes to NAME.log.
func (d *demo) start(name string, args ...string) func() error {
	return func() error {
		d.Step++
		d.Print("$ %s &", d.Shown(args))
		log, err := os.OpenFile(filepath.Join(d.Dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer log.Close()
		cmd := exec.Command(d.program(args), args[1:]...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.Dir, d.environment(), log, log
		aside(cmd)
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("cannot start %s: %w", name, err)
		}
		p := &process{name, cmd, make(chan error, 1)}
		go func() { p.done <- cmd.Wait() }()
		d.running = append(d.running, p)
		return nil
	}
}

// stop ends everything that was started, the last first.
func (d *demo) stop() {
	for len(d.running) > 0 {
		p := d.running[len(d.running)-1]
		d.running = d.running[:len(d.running)-1]
		if p.cmd.Process.Signal(os.Interrupt) != nil {
			p.cmd.Process.Kill()
		}
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			p.cmd.Process.Kill()
			<-p.done
		}
	}
}

// logs are the ends of what server and agents said, for who must find out why a
// step failed.
func (d *demo) logs() string {
	var text strings.Builder
	for _, p := range d.running {
		data, err := os.ReadFile(filepath.Join(d.Dir, p.name+".log"))
		if err == nil && len(data) > 0 {
			fmt.Fprintf(&text, "\n%s.log ends:\n%s", p.name, data[max(0, len(data)-2000):])
		}
	}
	return text.String()
}

// muster runs one command as if it had been typed in the folder.
func (d *demo) muster(args ...string) func() error {
	return d.typed(append([]string{"muster"}, args...)...)
}

// program is the file of the program that args begin with.
func (d *demo) program(args []string) string {
	return filepath.Join(d.Dir, "bin", args[0]+filepath.Ext(d.opts.Self))
}

// programs puts both programs into dir: go run would delete its own.
func programs(self, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	for _, name := range []string{"muster", "musterd"} {
		if err := os.WriteFile(filepath.Join(dir, name+filepath.Ext(self)), data, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// typed runs a program with arguments.
func (d *demo) typed(args ...string) func() error {
	return func() error {
		d.Step++
		d.Print("$ %s", d.Shown(args))
		_, err := d.run(args, d.Out, d.opts.Err)
		return err
	}
}

func (d *demo) run(args []string, out, errw io.Writer) (string, error) {
	var kept strings.Builder
	cmd := exec.CommandContext(d.Ctx, d.program(args), args[1:]...)
	cmd.Dir, cmd.Env = d.Dir, d.environment()
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&kept, out), errw
	if err := cmd.Run(); err != nil {
		return kept.String(), fmt.Errorf("%s: %w", d.Shown(args), err)
	}
	return kept.String(), nil
}

// patience is how long hosts may take to do what they should.
const patience = 90 * time.Second

// until repeats a command until its answer matches, then shows it once.
func (d *demo) until(pattern string, args ...string) func() error {
	re := regexp.MustCompile("(?m)" + pattern)
	return func() error {
		d.Step++
		args := append([]string{"muster"}, args...)
		d.Print("$ %s", d.Shown(args))
		ctx, cancel := context.WithTimeout(d.Ctx, patience)
		defer cancel()
		for {
			var talk strings.Builder
			out, err := d.run(args, io.Discard, &talk)
			if err == nil && re.MatchString(out) {
				io.WriteString(d.Out, out)
				return nil
			}
			select {
			case <-ctx.Done():
				return errors.Join(fmt.Errorf("%s did not show %q within %v:\n%s%s", d.Shown(args), pattern, patience, out, talk.String()), err)
			case <-time.After(300 * time.Millisecond):
			}
		}
	}
}
