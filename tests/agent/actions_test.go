package agent

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestActions: a person has a host that waits do something, and sees what came of
// it; a second one approves what needs two.
func TestActions(t *testing.T) {
	t.Parallel() // they wait for agents more than they compute
	s := newSite(t)
	s.run(s.muster, "ca", "init", "--name", "Authority", "--out", "ca", "--no-password")
	s.run(s.muster, "ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice", "--out", "alice", "--no-password")
	s.run(s.muster, "ca", "issue", "--ca", "ca", "--rights", "deploy", "--name", "Bob", "--out", "bob", "--no-password")
	data := s.path("server")
	config := "actions:\n  approvals:\n    reboot: 2\n"
	if err := os.WriteFile(s.path("musterd.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(s.run(s.musterd, "init", "--data", data))
	s.run(s.musterd, "trust", "add", "--data", data, "ca.crt")
	s.run(s.musterd, "trust", "add", "--data", data, "alice.crt") // who may administer
	s.start(s.musterd, "serve", "--config", s.path("musterd.yaml"), "--data", data)
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
	s.until("the agent has told the server", func() bool {
		out, err := s.command(s.muster, "agent", "status").Output()
		return err == nil && strings.Contains(string(out), "the server was told")
	})

	out := s.run(s.muster, "send", "install", "tool", "--to", "name:pc-1", "--reason", "ticket 12", "--follow", "--yes")
	if !strings.Contains(out, "pc-1  done") || !strings.Contains(out, "1 done") || !s.there("bin/tool") {
		t.Errorf("send install printed %s", out)
	}
	if err := os.WriteFile(s.path("slow.star"), []byte("def main():\n    print('begun')\n    run(['sh', '-c', 'sleep 5'])\n    print('over')\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out = s.run(s.muster, "send", "run", "--script", "slow.star", "--all", "--follow", "--yes")
	if !strings.Contains(out, "pc-1  started") || !strings.Contains(out, "pc-1  | begun") || !strings.Contains(out, "pc-1  done") {
		t.Errorf("send run printed %s", out)
	}
	if out, err := s.command(s.muster, "send", "install", "nothing", "--all", "--follow", "--yes").CombinedOutput(); err == nil || !strings.Contains(string(out), "pc-1  failed") {
		t.Errorf("send install of nothing: %v, %s", err, out)
	}
	// Bob may deploy, and not send code.
	if out, err := s.command(s.muster, "send", "run", "--script", "slow.star", "--all", "--yes", "--key", "bob.key", "--cert", "bob.crt").CombinedOutput(); err == nil || !strings.Contains(string(out), "may not sign code") {
		t.Errorf("code by Bob: %v, %s", err, out)
	}
	held := s.run(s.muster, "send", "reboot", "--all", "--yes")
	id := regexp.MustCompile(`[0-9a-f]{32}`).FindString(held)
	if !strings.Contains(held, "2 persons") || !strings.Contains(s.run(s.muster, "actions", "--state", "held"), id[:12]) {
		t.Errorf("send reboot printed %s", held)
	}
	s.run(s.muster, "action", "approve", id[:8], "--yes", "--key", "bob.key", "--cert", "bob.crt")
	if out, err := s.command(s.muster, "action", "follow", id).CombinedOutput(); err == nil || !strings.Contains(string(out), "pc-1  failed") {
		t.Errorf("an area was started anew: %v, %s", err, out)
	}
	later := regexp.MustCompile(`[0-9a-f]{32}`).FindString(s.run(s.muster, "send", "update", "--all", "--in", "2h", "--yes"))
	s.run(s.muster, "action", "cancel", later, "--yes")
	if out := s.run(s.muster, "action", "show", later); !strings.Contains(out, "1 cancelled") {
		t.Errorf("action show printed %s", out)
	}
	if out := s.run(s.muster, "action", "show", id, "pc-1"); !strings.Contains(out, "own root") {
		t.Errorf("action show printed %s", out)
	}
}
