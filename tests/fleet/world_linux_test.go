package fleet

import (
	"bytes"
	"fmt"
	"io"
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

// programs holds the built muster and musterd.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "fleet-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		programs = dir
		return m.Run()
	}())
}

func build(t *testing.T) {
	t.Helper()
	for _, name := range []string{"muster", "musterd"} {
		if _, err := os.Stat(filepath.Join(programs, name)); err == nil {
			continue
		}
		if _, err := built.Program(programs, name); err != nil {
			t.Fatal(err)
		}
	}
}

// A world is a network of three namespaces: the server's, in which the
// administrator sits too, and that of each host, with a cable to the server's.
//
//	host1  10.99.1.2 ── 10.99.1.1  server  10.99.2.1 ── 10.99.2.2  host2
//
// On the second cable the server's side has an nginx that ends TLS.
type world struct {
	name    string // begins the names of the namespaces
	dir     string
	env     []string
	running map[string]*exec.Cmd
}

const (
	near = "10.99.1.1" // musterd itself
	far  = "10.99.2.1" // nginx in front of it
	port = "8443"
)

func (w *world) namespace(who string) string { return w.name + who }

// network makes the namespaces, or explains why it cannot.
func (w *world) network() error {
	for _, who := range []string{"s", "1", "2"} {
		if err := ip("netns", "add", w.namespace(who)); err != nil {
			return err
		}
		if err := ip("-n", w.namespace(who), "link", "set", "lo", "up"); err != nil {
			return err
		}
	}
	for _, host := range []string{"1", "2"} {
		ours, theirs := "s"+host, "h"+host
		steps := [][]string{
			{"link", "add", ours, "netns", w.namespace("s"), "type", "veth", "peer", "name", theirs, "netns", w.namespace(host)},
			{"-n", w.namespace("s"), "address", "add", "10.99." + host + ".1/24", "dev", ours},
			{"-n", w.namespace(host), "address", "add", "10.99." + host + ".2/24", "dev", theirs},
			{"-n", w.namespace("s"), "link", "set", ours, "up"},
			{"-n", w.namespace(host), "link", "set", theirs, "up"},
		}
		for _, step := range steps {
			if err := ip(step...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) close() {
	for name := range w.running {
		w.end(name, syscall.SIGKILL)
	}
	for _, who := range []string{"1", "2", "s"} {
		ip("netns", "delete", w.namespace(who))
	}
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// within are the words before a program in the namespace of who. "ip netns exec"
// would copy all mounts too, and so keep other tests from unmounting theirs.
func (w *world) within(who, program string, args []string) []string {
	return append([]string{"nsenter", "--net=/run/netns/" + w.namespace(who), program}, args...)
}

// command prepares a program in the namespace of who.
func (w *world) command(who, program string, args ...string) *exec.Cmd {
	line := w.within(who, program, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = w.dir
	cmd.Env = w.env
	return cmd
}

// start runs a program that goes on, with its talk in NAME.log.
func (w *world) start(name, who, program string, args ...string) error {
	log, err := os.OpenFile(filepath.Join(w.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := w.command(who, program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	w.running[name] = cmd
	return nil
}

// end sends a program a signal and waits for its end. nsenter becomes the program,
// so the process is its own.
func (w *world) end(name string, sig syscall.Signal) error {
	cmd := w.running[name]
	if cmd == nil {
		return fmt.Errorf("%s does not run", name)
	}
	delete(w.running, name)
	cmd.Process.Signal(sig)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if sig == syscall.SIGKILL {
			return nil
		}
		return err
	case <-time.After(20 * time.Second):
		cmd.Process.Kill()
		return fmt.Errorf("%s did not end within 20 s of %v", name, sig)
	}
}

// await waits until something listens at the address, seen from who.
func (w *world) await(who, address string) error {
	host, p, _ := net.SplitHostPort(address)
	var err error
	for range 100 {
		if err = w.command(who, "bash", "-c", "exec 3<>/dev/tcp/"+host+"/"+p).Run(); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond) // another process: there is nothing to wait on
	}
	return fmt.Errorf("nothing listens at %s", address)
}

// TestScripts runs the scripts beside it. Beside the usual commands a script has
//
//	admin ARGS...            muster, as the administrator, in the namespace of the server
//	as NAME ARGS...          muster, as another person
//	h1 ARGS... , h2 ARGS...  muster on a host
//	in1 PROGRAM ARGS...      another program on a host (in2: on the other)
//	musterd ARGS...          musterd, in the server's namespace
//	up NAME, down NAME       start and stop: server, proxy, agent1, agent2; crash NAME ends at once
//	until SECONDS REGEXP COMMAND...   repeat one of admin, h1, h2 until it succeeds and prints that
//	keep NAME REGEXP         set $NAME to the first group in the last output
func TestScripts(t *testing.T) {
	testneed.Root(t)
	for _, p := range []string{"ip", "nsenter", "setpriv", "nginx", "openssl", "bash"} {
		testneed.Program(t, p)
	}
	build(t)
	worlds := map[string]*world{}
	testscript.Run(t, testscript.Params{
		Dir:                ".",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			w := &world{name: fmt.Sprintf("mf%d-%d", os.Getpid()%100000, len(worlds)), dir: env.WorkDir, running: map[string]*exec.Cmd{}}
			worlds[env.WorkDir] = w
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("NEAR", "https://"+near+":"+port)
			env.Setenv("FAR", "https://"+far)
			env.Setenv("PATH", programs+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("MUSTER_KEY", filepath.Join(env.WorkDir, "alice.key"))
			env.Setenv("MUSTER_CERT", filepath.Join(env.WorkDir, "alice.crt"))
			env.Setenv("TZ", "UTC")
			w.env = append(env.Vars, "XDG_CONFIG_HOME="+filepath.Join(env.WorkDir, "config"))
			env.Defer(w.close)
			// A person without rights has to come to the programs and the host.
			for _, dir := range []string{programs, filepath.Dir(env.WorkDir), env.WorkDir} {
				if err := os.Chmod(dir, 0o755); err != nil {
					return err
				}
			}
			if err := w.network(); err != nil {
				return err
			}
			return w.configure()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"admin": on(worlds, "s"), "as": as(worlds), "h1": on(worlds, "1"), "h2": on(worlds, "2"),
			"in1": in(worlds, "1"), "in2": in(worlds, "2"),
			"musterd": func(ts *testscript.TestScript, neg bool, args []string) {
				of(worlds, ts).run(ts, neg, "s", "musterd", append(args, "--config", "musterd.yaml"))
			},
			"up": up(worlds), "down": down(worlds, syscall.SIGTERM), "crash": down(worlds, syscall.SIGKILL),
			"until": until(worlds), "keep": keep,
		},
	})
}

// configure writes what server and proxy need. The server's certificate is its
// own; the proxy has one of another authority, web.crt.
func (w *world) configure() error {
	config := "data: " + filepath.Join(w.dir, "data") + "\nname: test\nlisten: 0.0.0.0:" + port +
		"\ntls: {mode: own, names: [" + near + "]}\ntrusted-proxies: [127.0.0.1/32]\nhosts: {interval: 1m}\n" +
		"repository: {reserve: 16M}\n"
	if err := os.WriteFile(filepath.Join(w.dir, "musterd.yaml"), []byte(config), 0o644); err != nil {
		return err
	}
	cert := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=proxy", "-addext", "subjectAltName=IP:"+far, "-keyout", "web.key", "-out", "web.crt")
	cert.Dir = w.dir
	if out, err := cert.CombinedOutput(); err != nil {
		return fmt.Errorf("openssl: %w\n%s", err, out)
	}
	nginx := `daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path nginx-body; proxy_temp_path nginx-proxy; fastcgi_temp_path nginx-f; uwsgi_temp_path nginx-u; scgi_temp_path nginx-s;
  server {
    listen ` + far + `:443 ssl;
    ssl_certificate web.crt; ssl_certificate_key web.key;
    client_max_body_size 0;
    location / {
      proxy_pass https://127.0.0.1:` + port + `;
      proxy_http_version 1.1;
      proxy_read_timeout 15m;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`
	return os.WriteFile(filepath.Join(w.dir, "nginx.conf"), []byte(nginx), 0o644)
}

func of(worlds map[string]*world, ts *testscript.TestScript) *world {
	return worlds[ts.Getenv("WORK")]
}

// on is muster as somebody; a host has its root.
func on(worlds map[string]*world, who string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		of(worlds, ts).run(ts, neg, who, "muster", args)
	}
}

func in(worlds map[string]*world, who string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		of(worlds, ts).run(ts, neg, who, args[0], args[1:])
	}
}

func (w *world) run(ts *testscript.TestScript, neg bool, who, program string, args []string) {
	ts.Setenv("MUSTER_ROOT", filepath.Join(w.dir, "root"+who))
	line := w.within(who, program, args)
	err := ts.Exec(line[0], line[1:]...)
	if err != nil && !neg {
		ts.Fatalf("%s %s: %v", program, strings.Join(args, " "), err)
	}
	if err == nil && neg {
		ts.Fatalf("%s %s succeeded", program, strings.Join(args, " "))
	}
}

func up(worlds map[string]*world) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		w := of(worlds, ts)
		for _, name := range args {
			var err error
			switch name {
			case "server":
				if err = w.start(name, "s", "musterd", "serve", "--config", "musterd.yaml"); err == nil {
					err = w.await("s", near+":"+port)
				}
			case "proxy":
				if err = w.start(name, "s", "nginx", "-p", w.dir, "-c", "nginx.conf"); err == nil {
					err = w.await("s", far+":443")
				}
			case "agent1", "agent2":
				who := strings.TrimPrefix(name, "agent")
				err = w.start(name, who, "muster", "agent", "run", "--now", "--root", filepath.Join(w.dir, "root"+who))
			default:
				ts.Fatalf("up: there is no %q", name)
			}
			if err != nil {
				log, _ := os.ReadFile(filepath.Join(w.dir, name+".log"))
				ts.Fatalf("%s: %v\n%s", name, err, log)
			}
		}
	}
}

func down(worlds map[string]*world, sig syscall.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		for _, name := range args {
			if err := of(worlds, ts).end(name, sig); err != nil {
				ts.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// until repeats a command: agents and server act in their own time.
func until(worlds map[string]*world) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if len(args) < 3 {
			ts.Fatalf("usage: until SECONDS REGEXP COMMAND...")
		}
		seconds, err := strconv.Atoi(args[0])
		ts.Check(err)
		want, err := regexp.Compile("(?m)" + args[1])
		ts.Check(err)
		who := map[string]string{"admin": "s", "h1": "1", "h2": "2"}[args[2]]
		w := of(worlds, ts)
		var out []byte
		for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
			cmd := w.command(who, "muster", args[3:]...)
			cmd.Env = append(cmd.Env, "MUSTER_ROOT="+filepath.Join(w.dir, "root"+who))
			out, err = cmd.CombinedOutput()
			if (err == nil && want.Match(out)) != neg {
				io.Copy(ts.Stdout(), bytes.NewReader(out))
				return
			}
			time.Sleep(200 * time.Millisecond) // other processes: there is nothing to wait on
		}
		for _, name := range []string{"server", "agent1", "agent2"} {
			log, _ := os.ReadFile(filepath.Join(w.dir, name+".log"))
			ts.Logf("== %s.log\n%s", name, log[max(0, len(log)-4000):])
		}
		ts.Fatalf("not within %d s: %s\nlast it was (%v):\n%s", seconds, args[1], err, out)
	}
}

// keep takes something out of the last output.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: keep NAME REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("nothing in the output matches %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}
