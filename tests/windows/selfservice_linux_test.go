package windows

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/testneed/built"
)

// TestSelfService: on a Windows, an agent that answers at its pipe, a person who asks it on
// the command line, and a page on which they install what is offered. The tests of the
// packages that have to do with Windows run there too.
func TestSelfService(t *testing.T) {
	b := newBottle(t)
	t.Run("agent", func(t *testing.T) {
		b.tests(t, "agent", "TestPipe|TestSocket|TestPeer|TestConditions|TestAccount|TestNames|TestGreeter|TestDesk|TestBecomeProgram")
	})
	t.Run("selfservice", func(t *testing.T) {
		b.tests(t, "selfservice", "TestOwn|TestDoor|TestAttacks|TestCatalogue|TestInstall|TestRefused|TestUpdates|TestHistory|TestPictures")
	})
	t.Run("files", func(t *testing.T) {
		b.tests(t, "durable", "TestPrivate")
		b.tests(t, "install", "TestMakeState|TestStateOfOthers")
	})
	s := &shop{bottle: b, dir: t.TempDir()}
	s.open()
	s.visit()
	s.collect()
}

// tests runs tests of a package in Windows.
func (b *bottle) tests(t *testing.T, pkg, names string) {
	b = &bottle{t, b.dir, b.env}
	program := b.build(pkg+".test.exe", "test", "-c", "muster/internal/"+pkg)
	cmd := b.command(program, "-test.v", "-test.run", "^("+names+")")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// A shop is a repository, and a host of it that is a Windows.
type shop struct {
	*bottle
	dir, linux, muster string
}

// linuxRun has muster do something on this system.
func (s *shop) linuxRun(args ...string) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), s.linux, args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "MUSTER_KEY="+filepath.Join(s.dir, "alice.key"), "MUSTER_CERT="+filepath.Join(s.dir, "alice.crt"))
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// bring builds a package of these files, and publishes it.
func (s *shop) bring(name, control string, files ...string) {
	s.Helper()
	recipe := filepath.Join(s.dir, name)
	files = append(files, "control", fmt.Sprintf("package: %s\nversion: 1\narchitecture: all\nos: all\ndescription: the %s\nmaintainer: Alice <a@example.org>\n%s", name, name, control))
	for i := 0; i < len(files); i += 2 {
		file := filepath.Join(recipe, files[i])
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[i+1]), 0o644); err != nil {
			s.Fatal(err)
		}
	}
	s.linuxRun("build", recipe)
	s.linuxRun("repo", "publish", "repo", name+"_1_all_all.mpk")
}

// open makes the repository, sets the Windows up, and starts its agent.
func (s *shop) open() {
	s.Helper()
	var err error
	if s.linux, err = built.Program(s.dir, "muster"); err != nil {
		s.Fatal(err)
	}
	s.linuxRun("ca", "init", "--name", "Authority", "--out", "ca", "--no-password")
	s.linuxRun("ca", "issue", "--ca", "ca", "--rights", "code", "--name", "Alice", "--out", "alice", "--no-password")
	s.linuxRun("repo", "init", "repo")
	s.bring("tool", "title: The Tool\n", "root/bin/tool.txt", "a tool\n")
	s.bring("shop", "kind: self-service\n", "policy", `who: @BUILTIN\Administrators`+"\npackages: tool\n")
	web := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(s.dir, "repo"))))
	s.Cleanup(web.Close)
	s.muster = s.build("muster.exe", "build", "-buildvcs=false", "-ldflags", "-s -w", "muster/cmd/muster")
	s.run(s.muster, "setup", "--repo", web.URL, "--trust", "Z:"+filepath.Join(s.dir, "ca.crt"))
	s.run(s.muster, "update")
	s.run(s.muster, "install", "--yes", "shop")
	s.start("agent", "run", "--now")
	s.until("the agent has looked", func() bool {
		_, err := os.Stat(s.c("ProgramData/muster/host/shelf.json"))
		return err == nil
	})
}

// start starts a muster that goes on until the end of the test.
func (s *shop) start(args ...string) io.Reader {
	s.Helper()
	cmd := s.command(s.muster, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it has ended by itself
		cmd.Wait()         //nolint:errcheck // it was killed
	})
	return out
}

// visit asks the agent, and installs a package on the page.
func (s *shop) visit() {
	s.Helper()
	browser := s.build("browser.exe", "test", "-c", "muster/tests/windows")
	s.browse(browser, "TestFirst", "-")
	if out := s.run(s.muster, "agent", "status"); !strings.Contains(out, "next look") {
		s.Errorf("the agent says %s", out)
	}
	if out, err := s.command(s.muster, "agent", "loop").CombinedOutput(); err == nil || !strings.Contains(string(out), "another agent answers") {
		s.Errorf("a second agent: %v %s", err, out)
	}
	line, err := bufio.NewReader(s.start("self-service", "--print-url")).ReadString('\n')
	page := strings.TrimSpace(line)
	if err != nil || !strings.HasPrefix(page, "http://127.0.0.1:") {
		s.Fatalf("%q, %v", line, err)
	}
	s.strangers(page)
	s.browse(browser, "TestBrowser", page)
	if data, err := os.ReadFile(s.c("bin/tool.txt")); err != nil || string(data) != "a tool\n" {
		s.Errorf("%q, %v", data, err)
	}
}

// collect: what is installed by other means is read from the registry.
func (s *shop) collect() {
	s.Helper()
	const key = `HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\Thing`
	s.run("reg", "add", key, "/v", "DisplayName", "/d", "The Thing", "/f")
	s.run("reg", "add", key, "/v", "DisplayVersion", "/d", "1.2.3", "/f")
	out := strings.Join(strings.Fields(s.run(s.muster, "collect", "--json")), " ")
	for _, want := range []string{`"name": "The Thing", "version": "1.2.3"`, `"os": "windows"`, `"name": "tool"`, `"target": "C:\\"`} {
		if !strings.Contains(out, want) {
			s.Errorf("no %s in %s", want, out)
		}
	}
}

// browse runs a test of this package that is a client on Windows.
func (s *shop) browse(program, test, page string) {
	s.Helper()
	cmd := s.command(program, "-test.run", "^"+test+"$", "-test.v")
	cmd.Env = append(cmd.Env, "MUSTER_TEST_PAGE="+page)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		s.Errorf("%v\n%s", err, out)
	}
}

// strangers: a program that Windows does not know as one of this person gets nothing, though
// it has the address.
func (s *shop) strangers(page string) {
	s.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(s.Context()), http.MethodGet, page, nil)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
		s.Errorf("a program from outside gets %s", resp.Status)
	}
}
