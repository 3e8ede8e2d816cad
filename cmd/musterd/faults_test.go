package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"muster/api"
	"muster/internal/testneed"
	"muster/internal/testneed/sqlserver"
)

// A server that is killed while hosts report has, when it runs again, all that
// it ever acknowledged, and hosts go on without anybody's help.
func TestCase40KilledUnderLoad(t *testing.T) {
	for name, env := range map[string]func(testing.TB) []string{
		"sqlite":   func(testing.TB) []string { return nil },
		"postgres": func(t testing.TB) []string { return []string{"MUSTERD_DATABASE=" + sqlserver.Postgres(t)} },
		"mariadb":  func(t testing.TB) []string { return []string{"MUSTERD_DATABASE=" + sqlserver.MariaDB(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, newFolder(t), env(t)...)
			l := work(t, p.url(), p.roots(), 10)
			for range 3 {
				l.more(15)
				p.kill()
				p.start()
			}
			l.more(15)
			l.end(person(t, p.url(), p.roots()))
		})
	}
}

// A server that is told to stop answers what it has begun, tells hosts that wait
// to come back, and ends within five seconds.
func TestStop(t *testing.T) {
	p := newProcess(t, newFolder(t))
	l := work(t, p.url(), p.roots(), 10)
	l.more(15)
	began := time.Now()
	check(t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.gone
	if took := time.Since(began); took > 5*time.Second || !p.cmd.ProcessState.Success() {
		t.Errorf("it took %v to stop: %v", took, p.cmd.ProcessState)
	}
	p.start()
	l.more(15)
	l.end(person(t, p.url(), p.roots()))
}

// While the database is away hosts hear that they should come later, and when it is
// back everything goes on: nothing that was acknowledged is lost.
func TestCase40DatabaseAway(t *testing.T) {
	base := sqlserver.Own(t, sqlserver.PostgreSQL)
	p := newProcess(t, newFolder(t), "MUSTERD_DATABASE="+base.Database(t))
	l := work(t, p.url(), p.roots(), 10)
	l.more(20)
	base.Kill(t)
	resp := health(t, p)
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("health: %s", resp.Status)
	}
	c := must(api.Dial(t.Context(), p.url(), api.Options{CA: p.roots()}))(t) // who it is the server knows without
	defer c.Close()
	_, err := c.Login(t.Context(), must(administrator())(t), time.Now())
	if api.CodeOf(err) != "" || err == nil {
		t.Errorf("login without a database: %v", err)
	}
	base.Start(t)
	l.more(20)
	if resp := health(t, p); resp.StatusCode != http.StatusOK {
		t.Errorf("health: %s", resp.Status)
	}
	l.end(person(t, p.url(), p.roots()))
}

func health(t testing.TB, p *process) *http.Response {
	t.Helper()
	client := &http.Client{Transport: transport(p)}
	resp := must(client.Get(p.url() + api.RouteHealth))(t)
	resp.Body.Close()
	return resp
}

// Two servers on one database behind nginx: one is killed under load, and the
// other does the work of both. What the first acknowledged, the second has.
func TestCase40OneOfTwoKilled(t *testing.T) {
	nginx := testneed.Program(t, "nginx")
	dsn := "MUSTERD_DATABASE=" + sqlserver.Postgres(t)
	env := []string{dsn, "MUSTERD_TLS_MODE=off", "MUSTERD_TRUSTED_PROXIES=127.0.0.1/32"}
	first := newProcess(t, newFolder(t), env...)
	twin := filepath.Join(t.TempDir(), "twin")
	check(t, os.CopyFS(twin, os.DirFS(first.data)))
	second := newProcess(t, twin, env...)
	url := "http://" + proxied(t, nginx, first.address, second.address)
	l := work(t, url, nil, 10)
	l.more(40)
	first.kill()
	l.more(40)
	first.start()
	l.more(40)
	second.kill()
	l.more(40)
	l.end(person(t, first.url(), nil))
}

// proxied is an nginx in front of servers.
func proxied(t testing.TB, program string, servers ...string) string {
	t.Helper()
	base, address := t.TempDir(), free(t)
	list := ""
	for _, s := range servers {
		list += " server " + s + " max_fails=1 fail_timeout=1s;"
	}
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off; client_max_body_size 0; proxy_request_buffering off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	upstream musterd { %[3]s }
	server { listen %[2]s; location / { proxy_pass http://musterd; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_http_version 1.1; } }
}
`, base, address, list)
	check(t, os.WriteFile(filepath.Join(base, "nginx.conf"), []byte(conf), 0o644))
	cmd := exec.Command(program, "-p", base, "-e", filepath.Join(base, "error.log"), "-c", filepath.Join(base, "nginx.conf"))
	check(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // the end of the test
		cmd.Wait()         //nolint:errcheck // as above
	})
	limit := time.After(10 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		select {
		case <-tick.C:
		case <-limit:
			log, _ := os.ReadFile(filepath.Join(base, "error.log"))
			t.Fatalf("nginx does not listen: %s", log)
		}
	}
}

func transport(p *process) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots()}, DisableKeepAlives: true}
}
