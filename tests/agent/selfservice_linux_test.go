package agent

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/internal/testneed"
)

// nobody is an ordinary user that every system has.
const nobody = 65534

// A visitor is an ordinary user with a browser that runs no script.
type visitor struct {
	*site
	jar, host, folder string
}

// asNobody makes a command one of that user.
func (s *site) asNobody(program string, args ...string) *exec.Cmd {
	cmd := s.command(program, args...)
	cmd.Dir = s.path("home")
	cmd.Env = append(cmd.Env, "HOME="+cmd.Dir, "MUSTER_KEY=", "MUSTER_CERT=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

// visit starts the page as an ordinary user, and begins the session.
func (s *site) visit() *visitor {
	s.Helper()
	cmd := s.asNobody(s.muster, "self-service", "--print-url")
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { s.stop(cmd, syscall.SIGTERM) })
	line, err := bufio.NewReader(out).ReadString('\n')
	url := strings.TrimSpace(line)
	m := regexp.MustCompile(`^(http://127\.0\.0\.1:[0-9]+)/enter/`).FindStringSubmatch(url)
	if err != nil || m == nil {
		s.Fatalf("%q, %v", line, err)
	}
	v := &visitor{site: s, jar: s.path("home/jar"), host: m[1]}
	if body := s.runs(exec.Command("curl", "-s", url)); !strings.Contains(body, "not for you") {
		s.Errorf("root, who is another user, gets %s", body)
	}
	f := regexp.MustCompile(`url=(/[A-Z0-9]+/)"`).FindStringSubmatch(v.curl(url))
	if f == nil {
		s.Fatal("the page does not lead on")
	}
	v.folder = f[1]
	return v
}

func (s *site) runs(cmd *exec.Cmd) string {
	s.Helper()
	out, err := cmd.Output()
	if err != nil {
		s.Fatalf("%v: %v", cmd.Args, err)
	}
	return string(out)
}

func (v *visitor) curl(args ...string) string {
	v.Helper()
	return v.runs(v.asNobody("curl", append([]string{"-s", "-L", "-b", v.jar, "-c", v.jar}, args...)...))
}

func (v *visitor) get(page string) string { v.Helper(); return v.curl(v.host + v.folder + page) }

func (v *visitor) post(form string, fields ...string) string {
	v.Helper()
	args := []string{v.host + v.folder + form}
	for _, f := range fields {
		args = append(args, "--data-urlencode", f)
	}
	return v.curl(args...)
}

// bring builds a package of these files and publishes it in the folder repo.
func (s *site) bring(name, version, control string, files ...string) {
	s.Helper()
	recipe := s.path("recipe-" + name + version)
	head := fmt.Sprintf("package: %s\nversion: %s\narchitecture: all\nos: all\ndescription: the %s\nmaintainer: Alice <a@example.org>\n%s", name, version, name, control)
	for i := 0; i+1 < len(files); i += 2 {
		file := filepath.Join(recipe, files[i])
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[i+1]), 0o755); err != nil {
			s.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(recipe, "control"), []byte(head), 0o644); err != nil {
		s.Fatal(err)
	}
	s.run(s.muster, "build", recipe)
	s.run(s.muster, "repo", "publish", "repo", fmt.Sprintf("%s_%s_all_all.mpk", name, version))
}

// TestSelfService: an ordinary user, with a browser that runs no script, installs a
// package that is allowed, is refused another, and puts an upgrade off; over a restart
// of the agent it waits, until the deadline that was signed forces it.
func TestSelfService(t *testing.T) {
	t.Parallel()
	testneed.Root(t)
	testneed.Program(t, "curl")
	s := &site{T: t, dir: t.TempDir()}
	s.muster = s.build("muster")
	for _, dir := range []string{filepath.Dir(s.dir), s.dir, s.path("bin")} { // others come here too
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.path("home"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(s.path("home"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	s.run(s.muster, "ca", "init", "--name", "Authority", "--out", "ca", "--no-password")
	s.run(s.muster, "ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice", "--out", "alice", "--no-password")
	s.run(s.muster, "repo", "init", "repo")
	const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8"/></svg>`
	s.bring("tool", "1", "title: The Tool\nkeywords: office\n", "root/bin/tool", "1", "icon.svg", picture)
	s.bring("other", "1", "", "root/bin/other", "1")
	s.bring("shop", "1", "kind: self-service\n", "policy", "who: nobody\npackages: tool\n")
	s.bring("office", "1", "kind: config\n", "policy", "postpone-by: nobody\n")
	s.run(s.muster, "setup", "--root", "pc", "--repo", s.path("repo"), "--trust", "ca.crt")
	s.run(s.muster, "update")
	s.run(s.muster, "install", "shop", "office")
	agent := s.start(s.muster, "agent", "run", "--now")
	s.until("the agent has looked", func() bool { _, err := os.Stat(s.path("pc/var/lib/muster/host/shelf.json")); return err == nil })

	v := s.visit()
	page := v.get("")
	icon := regexp.MustCompile(`icon/[0-9a-f]{64}`).FindString(page)
	if !strings.Contains(page, "The Tool") || strings.Contains(page, "other") || icon == "" || v.get(icon) != picture {
		t.Errorf("the catalogue:\n%s", page)
	}
	if body := v.post("do", "op=install", "name=tool"); !strings.Contains(body, "Installing tool") && !strings.Contains(body, "tool 1 installed") {
		t.Errorf("a button was pressed:\n%s", body)
	}
	s.until("tool is installed", func() bool { return s.there("bin/tool") })
	s.until("the page says so", func() bool { return strings.Contains(v.get("history"), "tool 1 installed") })
	v.post("do", "op=install", "name=other")
	s.until("another package is refused", func() bool { return strings.Contains(v.get(""), "You may not do this here.") })
	if s.there("bin/other") {
		t.Error("another package is installed")
	}

	// An upgrade that waits for a program to be closed, and must be there at a signed time.
	forced := time.Now().Add(30 * time.Second).UTC().Truncate(time.Second)
	program := s.hold("heldprogram")
	s.bring("tool", "2", "title: The Tool\nimpacted-processes: heldprogram\nforced-install-on: "+forced.Format(time.RFC3339)+"\n", "root/bin/tool", "2")
	s.run(s.muster, "agent", "look")
	s.until("the upgrade waits", func() bool { return strings.Contains(v.get("updates"), "Waiting for heldprogram to be closed") })
	if body := v.post("postpone", "seconds=3600", "back=updates"); !strings.Contains(body, "Put off until") {
		t.Errorf("put off:\n%s", body)
	}
	s.stop(program, syscall.SIGKILL)
	s.stop(agent, syscall.SIGKILL)
	s.start(s.muster, "agent", "run", "--now")
	s.until("the upgrade waits after a restart", func() bool {
		out, err := s.command(s.muster, "agent", "status").Output()
		return err == nil && strings.Contains(string(out), "a person who put it off")
	})
	version := func() string { data, _ := os.ReadFile(s.path("pc/bin/tool")); return string(data) }
	if at := time.Now(); at.Before(forced) && version() != "1" {
		t.Errorf("at %s, before %s, tool is %s", at, forced, version())
	}
	s.until("the deadline forces it", func() bool { return version() == "2" })
	if at := time.Now(); at.Before(forced) {
		t.Errorf("upgraded at %s, before %s", at, forced)
	}
	// The agent lays the history out when the change is over, after its files are there.
	s.until("the history has both", func() bool {
		body := v.get("history")
		return strings.Contains(body, "automatically") && strings.Contains(body, "by you")
	})
}

// hold starts a program of that name, which runs until it is stopped.
func (s *site) hold(name string) *exec.Cmd {
	s.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		s.Fatal(err)
	}
	data, err := os.ReadFile(sleep)
	if err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), data, 0o755); err != nil {
		s.Fatal(err)
	}
	return s.start(s.path(name), "600")
}
