package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rings are two, of which nobody is in the first.
const rings = `ring: pilot
group: pilot

ring: all
percent: 100
success: 100
at-least: 100
max-errors: 0
`

// TestRollout: a version that serves comes to a host by its ring, one that fails
// is halted by the server itself, and a person has the host go back.
func TestRollout(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(s.muster, "ca", "init", "--name", "Authority", "--out", "ca", "--no-password")
	s.run(s.muster, "ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice", "--out", "alice", "--no-password")
	data := s.path("server")
	ca := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(s.run(s.musterd, "init", "--data", data))
	s.run(s.musterd, "trust", "add", "--data", data, "ca.crt")
	s.run(s.musterd, "trust", "add", "--data", data, "alice.crt")
	s.start(s.musterd, "serve", "--data", data)
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
	s.start(s.muster, "agent", "run", "--now")
	s.run(s.muster, "groups", "edit", "lab", "--add", "pc-1", "--install", "tool")
	has := func(version string) func() bool {
		return func() bool {
			text, err := os.ReadFile(s.path("pc/bin/tool"))
			return err == nil && string(text) == version
		}
	}
	s.until("tool is installed", has("1.0-1"))

	s.write("tool.rings", rings)
	s.rollout("1.1-1", "", "1.0-1")
	s.until("tool is upgraded", has("1.1-1"))
	if out := s.run(s.muster, "rollout", "status", "rollout-tool-1.1-1"); !strings.Contains(out, "ring 2") {
		t.Errorf("status printed %s", out)
	}
	s.until("the rollout is completed", func() bool {
		s.command(s.muster, "rollout", "pause", "rollout-tool-1.1-1").Run()
		s.command(s.muster, "rollout", "resume", "rollout-tool-1.1-1").Run() // looks at once, not in a minute
		return strings.Contains(s.run(s.muster, "rollout", "list"), "completed")
	})

	s.rollout("1.2-1", "def install():\n    fail('no luck')\n", "1.1-1")
	s.until("the rollout halts", func() bool {
		out := s.run(s.muster, "rollout", "status", "rollout-tool-1.2-1")
		return strings.Contains(out, "halted") && strings.Contains(out, "1 of 1 hosts failed") && strings.Contains(out, "no luck")
	})
	if !has("1.1-1")() {
		t.Error("the host has a version that failed")
	}
	s.run(s.muster, "rollout", "abort", "rollout-tool-1.1-1", "--return", "--yes", "--reason", "it was no better")
	s.run(s.muster, "update")
	s.run(s.muster, "upgrade") // the agent, whose last upgrade failed, takes its time
	if !has("1.0-1")() {
		t.Error("tool is not as it was")
	}
}

// write makes a file on the desk.
func (s *site) write(name, text string) {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}

// rollout builds a version of tool and starts its rollout.
func (s *site) rollout(version, actions, from string) {
	s.Helper()
	recipe := "rolled-" + version
	s.write(recipe+"/control", fmt.Sprintf("package: tool\nversion: %s\nkind: base\narchitecture: all\nos: all\ndescription: a test\n", version))
	s.write(recipe+"/root/bin/tool", version)
	if actions != "" {
		s.write(recipe+"/actions.star", actions)
	}
	s.run(s.muster, "build", s.path(recipe))
	s.run(s.muster, "rollout", "start", "tool="+version, fmt.Sprintf("tool_%s_all_all.mpk", version), "--rings", "tool.rings", "--from", from)
}
