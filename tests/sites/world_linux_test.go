package sites

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"muster/internal/testneed"
	"muster/internal/testneed/built"
)

// programs holds the built programs.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sites-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		programs = dir
		return m.Run()
	}())
}

// A world is the server of a script.
type world struct {
	dir     string
	address string
	server  *exec.Cmd
}

// TestScripts runs the scripts beside it. Beside the usual commands a script has
//
//	up, down                  start and stop the server
//	as NAME ARGS...           muster as another person than the administrator
//	until SECONDS REGEXP ARGS...  repeat muster until it succeeds and prints that; with ! until it does not
//	keep NAME REGEXP          set $NAME to the first group in the last output
//	keepfile FILE             write the last output into a file
//
// $RELEASE is the release of Debian that runs, $REPORT_SH the reporter of shell, and
// $LATE a PATH in which it is two days ago, as far as date +%s goes.
func TestScripts(t *testing.T) {
	for _, p := range []string{"sh", "awk", "gzip", "openssl", "curl", "dpkg-query"} {
		testneed.Program(t, p)
	}
	release := debian(t)
	for _, name := range []string{"muster", "musterd", "muster-report"} {
		if _, err := built.Program(programs, name); err != nil {
			t.Fatal(err)
		}
	}
	worlds := map[string]*world{}
	testscript.Run(t, testscript.Params{
		Dir:                ".",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			w := &world{dir: env.WorkDir}
			worlds[env.WorkDir] = w
			env.Defer(w.kill)
			env.Setenv("RELEASE", release)
			return w.setup(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": func(ts *testscript.TestScript, _ bool, _ []string) { worlds[ts.Getenv("WORK")].up(ts) },
			"down": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(worlds[ts.Getenv("WORK")].down())
			},
			"as": as, "until": until, "keep": keep, "keepfile": keepFile,
		},
	})
}

// debian is the release that runs: the reporter of shell asks the system what it is, and
// advisories are for that.
func debian(t *testing.T) string {
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^VERSION_ID="?(\d+)`).FindSubmatch(data)
	if m == nil || !regexp.MustCompile(`(?m)^ID=debian$`).Match(data) {
		if os.Getenv("MUSTER_TEST_FULL") != "" {
			t.Fatal("this system is no Debian with a release")
		}
		t.Skip("this system is no Debian with a release")
	}
	return string(m[1])
}

func (w *world) setup(env *testscript.Env) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	w.address = "127.0.0.1:" + port
	script, err := filepath.Abs("../../docs/report.sh")
	if err != nil {
		return err
	}
	cert := filepath.Join(w.dir, "data", "tls", "cert.pem")
	for k, v := range map[string]string{
		"HOME": w.dir, "XDG_CONFIG_HOME": filepath.Join(w.dir, "config"), "TZ": "UTC", "REPORT_SH": script, "SERVER": "https://" + w.address,
		"PATH":       programs + string(os.PathListSeparator) + os.Getenv("PATH"),
		"MUSTER_KEY": filepath.Join(w.dir, "alice.key"), "MUSTER_CERT": filepath.Join(w.dir, "alice.crt"),
		"CURL_CA_BUNDLE": cert, "CA": cert, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1",
	} {
		env.Setenv(k, v)
	}
	config := "data: " + filepath.Join(w.dir, "data") + "\nname: test\nlisten: " + w.address +
		"\ntls: {mode: own, names: [127.0.0.1]}\nrepository: {reserve: 16M}\ncollector: {mode: open}\n"
	if err := os.WriteFile(filepath.Join(w.dir, "musterd.yaml"), []byte(config), 0o644); err != nil {
		return err
	}
	return w.shells(env)
}

// shells makes two paths for the reporter of shell: dpkg-query tells what a file of the
// script says, and in one of them it is two days ago.
func (w *world) shells(env *testscript.Env) error {
	date, err := exec.LookPath("date")
	if err != nil {
		return err
	}
	query := "#!/bin/sh\ncat \"$PACKAGES\"\n"
	ago := "#!/bin/sh\nif [ \"$1\" = +%s ]; then echo $(($(" + date + " +%s) - 172800)); else exec " + date + " \"$@\"; fi\n"
	for name, all := range map[string]map[string]string{"now": {"dpkg-query": query}, "late": {"dpkg-query": query, "date": ago}} {
		dir := filepath.Join(w.dir, "bin-"+name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		for program, text := range all {
			if err := os.WriteFile(filepath.Join(dir, program), []byte(text), 0o755); err != nil {
				return err
			}
		}
		env.Setenv(strings.ToUpper(name), dir+string(os.PathListSeparator)+env.Getenv("PATH"))
	}
	return nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// up starts the server and waits until it listens.
func (w *world) up(ts *testscript.TestScript) {
	log, err := os.OpenFile(filepath.Join(w.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	defer log.Close()
	cmd := exec.Command(filepath.Join(programs, "musterd"), "serve", "--config", "musterd.yaml")
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ts.Check(cmd.Start())
	w.server = cmd
	for range 200 {
		c, err := net.Dial("tcp", w.address)
		if err == nil {
			c.Close()
			return
		}
		time.Sleep(100 * time.Millisecond) // another process: there is nothing to wait on
	}
	text, _ := os.ReadFile(log.Name())
	ts.Fatalf("the server does not listen:\n%s", text)
}

func (w *world) down() error {
	cmd := w.server
	w.server = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return cmd.Wait()
}

func (w *world) kill() {
	if w.server != nil {
		w.server.Process.Kill()
		w.server.Wait()
	}
}

// as is muster as a person with a home of their own.
func as(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: as NAME ARGS...")
	}
	theirs := map[string]string{"XDG_CONFIG_HOME": filepath.Join(ts.Getenv("WORK"), "config-"+args[0]), "MUSTER_KEY": "", "MUSTER_CERT": ""}
	for k, v := range theirs {
		before := ts.Getenv(k)
		ts.Setenv(k, v)
		defer ts.Setenv(k, before)
	}
	err := ts.Exec("muster", args[1:]...)
	if (err != nil) != neg {
		ts.Fatalf("muster %s: %v", strings.Join(args[1:], " "), err)
	}
}

// until repeats a command: the server follows reports and advisories in its own time.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: until SECONDS REGEXP ARGS...")
	}
	seconds, err := strconv.Atoi(args[0])
	ts.Check(err)
	want := regexp.MustCompile("(?m)" + args[1])
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
		err = ts.Exec("muster", args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) != neg {
			return
		}
		time.Sleep(200 * time.Millisecond) // another process: there is nothing to wait on
	}
	log, _ := os.ReadFile(filepath.Join(ts.Getenv("WORK"), "server.log"))
	ts.Fatalf("not within %d s: %s (%v)\n%s", seconds, args[1], err, log[max(0, len(log)-4000):])
}

// keep takes something out of the last output.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: keep NAME REGEXP")
	}
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("nothing in the output matches %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

func keepFile(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: keepfile FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile("stdout")), 0o600))
}
