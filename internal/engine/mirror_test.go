package engine

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"muster/internal/install"
	"muster/internal/testneed"
	"muster/rollout"
)

// A mirror is a copy of the repository that rsync keeps and nginx serves. Nothing of
// muster runs there.
type mirror struct {
	*site
	dir, url string
	nginx    *exec.Cmd
}

func (s *site) mirror() *mirror {
	s.Helper()
	base := s.TempDir()
	m := &mirror{site: s, dir: filepath.Join(base, "www")}
	program := testneed.Program(s, "nginx")
	m.sync()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	m.url = "http://" + address
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server { listen %[2]s; root %[3]s; }
}
`, base, address, m.dir)
	name := filepath.Join(base, "nginx.conf")
	if err := os.WriteFile(name, []byte(conf), 0o644); err != nil {
		s.Fatal(err)
	}
	m.nginx = exec.Command(program, "-p", base, "-e", filepath.Join(base, "error.log"), "-c", name)
	if err := m.nginx.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(m.off)
	m.answers()
	return m
}

// answers waits until nginx serves.
func (m *mirror) answers() {
	m.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if r, err := http.Get(m.url + "/Packages.p7m"); err == nil {
			r.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			m.Fatalf("%s does not answer", m.url)
		}
	}
}

// sync brings the copy up to date.
func (m *mirror) sync() {
	m.Helper()
	cmd := exec.Command(testneed.Program(m, "rsync"), "-a", "--delete-after", "--delay-updates", m.path("repo")+"/", m.dir+"/")
	if out, err := cmd.CombinedOutput(); err != nil {
		m.Fatalf("%v: %s", err, out)
	}
}

func (m *mirror) off() {
	if m.nginx.Process.Kill() == nil {
		m.nginx.Wait() //nolint:errcheck // it was killed
	}
}

// alone has the root know the mirror and nothing else.
func (m *mirror) alone() {
	m.Helper()
	m.engine.Root.Config.Repositories = []install.Repository{{URLs: []string{m.url}}}
	if err := m.engine.Root.SaveConfig(); err != nil {
		m.Fatal(err)
	}
	m.open()
}

// A host that sees a mirror alone goes by the same gate as those of the server: it
// follows when the copy has the head that opens its ring, and holds while the mirror
// is behind, or away.
func TestRolloutFromMirror(t *testing.T) {
	s := newSite(t)
	s.publish(s.pack(s.packager, "package: app\nversion: 1\n", "app=one"))
	m := s.mirror()
	m.alone()
	s.update()
	s.assigned("pilot")
	if err := s.install("app"); err != nil {
		t.Fatal(err)
	}
	s.publish(s.pack(s.packager, "package: app\nversion: 2\nrollout: required\n", "app=two"), s.staged(s.deployer, "1", nil))
	s.update()
	s.wantHeld("") // the copy does not have it yet
	s.expect("app 1 OK")
	m.sync()
	s.update()
	s.wantHeld("nobody says yet that it has begun")
	s.gate(rollout.Running, 1)
	s.wantHeld("nobody says yet that it has begun") // the copy is behind
	m.sync()
	s.update()
	s.wantHeld("")
	s.expect("app 1 NEED-UPGRADE")
	s.assigned()
	s.wantHeld("this host is in ring 2 of 2 (all), of which 1 is open")

	m.off()
	s.now = s.now.Add(25 * time.Hour) // the soak is over, and nobody says that its ring is open
	if _, err := s.engine.Update(t.Context()); err == nil {
		t.Error("the mirror is not away")
	}
	s.wantHeld("this host is in ring 2 of 2 (all), of which 1 is open")
	s.open()
	s.wantHeld("of which 1 is open")
	s.expect("app 1 OK")
}

// What was fetched is enough: with its gate open a host that lost the mirror since
// still decides by it, and says what it lacks.
func TestRolloutGateOutlivesMirror(t *testing.T) {
	s := newRollout(t, nil)
	m := s.mirror()
	m.alone()
	s.assigned("pilot")
	s.gate(rollout.Running, 1)
	m.sync()
	s.update()
	m.off()
	s.wantHeld("")
	s.expect("app 1 NEED-UPGRADE")
	if err := s.upgrade(); err == nil {
		t.Error("a package came from a mirror that is away")
	}
	s.expect("app 1 NEED-UPGRADE")
}
