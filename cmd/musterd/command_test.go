package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/server"
	"muster/internal/testneed"
	"muster/sign"
)

// said runs the program in this process.
func said(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}

// A server is made, examined, saved and restored from the command line.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	data, copied := filepath.Join(dir, "data"), filepath.Join(dir, "copy")
	alice := filepath.Join(dir, "alice.crt")
	check(t, os.WriteFile(alice, sign.EncodeCerts(must(administrator())(t).Leaf()), 0o600))
	for _, step := range []struct {
		args string
		code int
		want string // in the output
	}{
		{"doctor --data " + data, 1, "ERROR  data folder"},
		{"backup --data " + data + " " + dir, 1, "no data folder of a server"},
		{"init --data " + data, 0, "Nobody is an administrator yet"},
		{"init --data " + data + " --trust " + alice, 0, "administrators alice"},
		{"people --data " + data + " add bob", 2, "give --admin"},
		{"people --data " + data + " add --admin oidc:bob", 0, "oidc:bob administers"},
		{"init --data " + data, 0, "administrators alice, oidc:bob"},
		{"trust --data " + data + " add " + alice, 0, "believed already"},
		{"trust --data " + data + " list", 0, "[code deploy]"},
		{"doctor --data " + data, 0, "OK     administrator alice"},
		{"migrate --data " + data, 0, "up to date"},
		{"backup --data " + data + " " + filepath.Join(dir, "b.tar.zst"), 0, "b.tar.zst"},
		{"restore --data " + data + " " + filepath.Join(dir, "b.tar.zst"), 1, "is not empty"},
		{"restore --data " + copied + " " + filepath.Join(dir, "b.tar.zst"), 0, "restored server"},
		{"trust --data " + copied + " list", 0, "alice"},
		{"restore --force --data " + copied + " " + filepath.Join(dir, "b.tar.zst"), 0, "what was there is in"},
		{"trust --data " + data + " remove " + sign.Fingerprint(must(administrator())(t).Leaf())[:8], 0, `removed "alice"`},
		{"doctor --data " + data, 1, "trust.d is empty"},
		{"config", 0, "listen: \":8443\""},
		{"serve --config /nowhere.yaml", 1, "hint: 'musterd config > /nowhere.yaml' makes one"},
		{"serve --nonsense", 2, "unknown flag"},
		{"nonsense", 2, `unknown command "musterd nonsense"`},
		{"sites key NIKHEF", 2, "hint: musterd sites key --help"},
		{"sites add", 2, "usage: musterd sites add SITE"},
		{"sites --data " + data + " add A --forget 2d --note x", 0, ""},
		{"sites --data " + data + " add A", 1, "hint: musterd sites edit A"},
		{"sites --data " + data + " edit A --hosts 5", 0, ""},
		{"sites --data " + data + " edit B --hosts 5", 1, "musterd sites list"},
		{"sites --data " + data + " key add A --file " + filepath.Join(dir, "absent"), 1, "hint: it has the line ID:SECRET"},
		{"sites --data " + data + " key remove A absent", 1, "musterd sites list"},
		{"collect --key absent.key --cert absent.crt --data " + data, 1, "hint: 'muster key new --name collector"},
	} {
		code, out, errs := said(strings.Fields(step.args)...)
		if code != step.code || !strings.Contains(out+errs, step.want) {
			t.Errorf("musterd %s: %d, want %d\n%s%s", step.args, code, step.code, out, errs)
		}
	}
}

// Systemd hears when the server serves, and when it stops.
func TestNotify(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l := must(net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"}))(t)
	defer l.Close()
	p := newProcess(t, newFolder(t), "NOTIFY_SOCKET="+socket)
	check(t, p.cmd.Process.Signal(os.Interrupt))
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		check(t, l.SetReadDeadline(time.Now().Add(10*time.Second)))
		var b [100]byte
		n, err := l.Read(b[:])
		if err != nil || string(b[:n]) != want {
			t.Errorf("systemd heard %q, %v, want %q", b[:n], err, want)
		}
	}
	<-p.gone
}

// A second server on one folder says so and ends; it sweeps nothing.
func TestSecondServer(t *testing.T) {
	p := newProcess(t, newFolder(t))
	upload := filepath.Join(p.data, "uploads", "under-way.mpk")
	check(t, os.WriteFile(upload, nil, 0o600))
	cmd := command("serve")
	cmd.Env = append(cmd.Env, "MUSTERD_DATA="+p.data, "MUSTERD_LISTEN=127.0.0.1:0")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another musterd serves") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(upload); err != nil {
		t.Error(err)
	}
}

// The unit is one that systemd reads, and gives the server what it needs.
func TestUnit(t *testing.T) {
	data := must(os.ReadFile("../../packaging/systemd/musterd.service"))(t)
	exe := must(os.Executable())(t)
	name := filepath.Join(t.TempDir(), "musterd.service")
	check(t, os.WriteFile(name, bytes.Replace(data, []byte("/usr/bin/musterd"), []byte(exe), 1), 0o644))
	out, err := exec.Command(testneed.Program(t, "systemd-analyze"), "verify", "--man=no", name).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	for _, want := range []string{"Type=notify", "StateDirectory=musterd", "User=musterd"} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("the unit has no %s", want)
		}
	}
	if !strings.HasPrefix(server.Defaults().Data, "/var/lib/musterd") {
		t.Error("the unit's state directory is not that of the defaults")
	}
}
