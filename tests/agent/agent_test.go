// Package agent holds the built programs together: a server, a packager, and a host
// whose agent runs as it does on a machine.
package agent

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/internal/testneed/built"
)

// A site is a server, an administrator's desk, and a host, each in a folder.
type site struct {
	*testing.T
	dir, muster, musterd string
	address              string
}

func newSite(t *testing.T) *site {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("sends signals")
	}
	s := &site{T: t, dir: t.TempDir()}
	s.muster, s.musterd = s.build("muster"), s.build("musterd")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	l.Close()
	return s
}

func (s *site) build(name string) string {
	s.Helper()
	path, err := built.Program(s.path("bin"), name)
	if err != nil {
		s.Fatal(err)
	}
	return path
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"HOME=" + s.dir, "PATH=" + os.Getenv("PATH"), "MUSTER_ROOT=" + s.path("pc"),
		"MUSTER_KEY=" + s.path("alice.key"), "MUSTER_CERT=" + s.path("alice.crt"), "MUSTERD_LISTEN=" + s.address}
	return cmd
}

// run runs a command that has to succeed, and returns what it prints.
func (s *site) run(program string, args ...string) string {
	s.Helper()
	out, err := s.command(program, args...).CombinedOutput()
	if err != nil {
		s.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts a program that runs on until the test ends or stops it.
func (s *site) start(program string, args ...string) *exec.Cmd {
	s.Helper()
	cmd := s.command(program, args...)
	log, err := os.Create(s.path(filepath.Base(program) + ".log"))
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { s.stop(cmd, syscall.SIGTERM) })
	return cmd
}

func (s *site) stop(cmd *exec.Cmd, sig syscall.Signal) {
	if cmd.ProcessState == nil {
		cmd.Process.Signal(sig)
		cmd.Wait()
	}
}

// until waits for something that processes bring about, for at most a minute.
func (s *site) until(what string, so func() bool) {
	s.Helper()
	for end := time.Now().Add(40 * time.Second); !so(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(end) {
			agent, _ := os.ReadFile(s.path("muster.log"))
			server, _ := os.ReadFile(s.path("musterd.log"))
			s.Fatalf("never: %s\nagent:\n%s\nserver:\n%s", what, agent, server)
		}
	}
}

func (s *site) there(name string) bool {
	_, err := os.Stat(s.path(filepath.Join("pc", name)))
	return err == nil
}

func (s *site) answers() bool {
	c, err := net.Dial("tcp", s.address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// publish builds and publishes a package with one program.
func (s *site) publish(name, version string) {
	s.Helper()
	recipe := s.path("recipe-" + name + version)
	if err := os.MkdirAll(filepath.Join(recipe, "root", "bin"), 0o755); err != nil {
		s.Fatal(err)
	}
	control := fmt.Sprintf("package: %s\nversion: %s\nkind: base\narchitecture: all\nos: all\ndescription: a test\n", name, version)
	for file, text := range map[string]string{"control": control, filepath.Join("root", "bin", name): version} {
		if err := os.WriteFile(filepath.Join(recipe, file), []byte(text), 0o755); err != nil {
			s.Fatal(err)
		}
	}
	s.run(s.muster, "build", recipe)
	s.run(s.muster, "repo", "publish", "https://"+s.address, fmt.Sprintf("%s_%s_all_all.mpk", name, version))
}

// TestFleet is a day of a host: it joins by a token, is put into a group and has its
// packages at once, upgrades them by itself, goes on when its agent is killed and
// when its server is away, and loses what it is no longer assigned.
func TestFleet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(s.muster, "ca", "init", "--name", "Authority", "--out", "ca", "--no-password")
	s.run(s.muster, "ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice", "--out", "alice", "--no-password")
	data := s.path("server")
	ca := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(s.run(s.musterd, "init", "--data", data))
	s.run(s.musterd, "trust", "add", "--data", data, "ca.crt")
	server := s.start(s.musterd, "serve", "--data", data)
	s.until("the server answers", s.answers)
	url := "https://" + s.address
	s.run(s.muster, "login", url, "--ca", ca)
	s.run(s.muster, "repo", "init", url, "--key", "ca.key", "--cert", "ca.crt")
	s.publish("tool", "1.0-1")
	join := regexp.MustCompile(`(?m)^muster (join .*)$`).FindStringSubmatch(s.run(s.muster, "tokens", "create", "--uses", "1"))
	if join == nil {
		t.Fatal("tokens create printed no command")
	}
	s.run(s.muster, append(strings.Fields(join[1]), "--area", "--name", "pc-1")...)
	s.run(s.muster, "tokens", "create", "--uses", "1") // the first is used up; another does no harm

	agent := s.start(s.muster, "agent", "run", "--now")
	s.until("the agent has told the server", func() bool {
		out, err := s.command(s.muster, "agent", "status").Output()
		return err == nil && strings.Contains(string(out), "the server was told")
	})
	s.run(s.muster, "groups", "edit", "lab", "--add", "pc-1", "--install", "tool")
	s.until("tool is installed", func() bool { return s.there("bin/tool") })

	// The agent is killed, and comes back as its service would have it.
	s.stop(agent, syscall.SIGKILL)
	s.publish("tool", "1.1-1")
	agent = s.start(s.muster, "agent", "run", "--now")
	s.until("tool is upgraded", func() bool {
		text, err := os.ReadFile(s.path("pc/bin/tool"))
		return err == nil && string(text) == "1.1-1"
	})

	// The server is away; the host is as it was, and says that it could not tell.
	s.stop(server, syscall.SIGTERM)
	s.command(s.muster, "agent", "look").Run()
	if !s.there("bin/tool") {
		t.Error("without its server the host lost what it had")
	}
	s.start(s.musterd, "serve", "--data", data)
	s.until("the server answers again", s.answers)
	s.run(s.muster, "groups", "edit", "lab", "--remove", "pc-1")
	s.run(s.muster, "agent", "look")
	s.until("tool has left", func() bool { return !s.there("bin/tool") })
	if out := s.run(s.muster, "hosts", "--json"); !strings.Contains(out, "pc-1") {
		t.Errorf("the server knows %s", out)
	}
	s.stop(agent, syscall.SIGTERM)
}
