package repo

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/internal/testneed"
)

// startNginx serves dir on a free port of the loopback interface until the
// test ends. sent sums the bytes that it has sent, heads of answers included,
// as its own log says.
func startNginx(t *testing.T, dir string) (url string, sent func() int64) {
	t.Helper()
	program := testneed.Program(t, "nginx")
	base := t.TempDir()
	os.Chmod(base, 0o755)
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) { // its workers are other users
		os.Chmod(d, 0o755)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	log := filepath.Join(base, "access.log")
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	log_format sent '$bytes_sent'; access_log %[2]s sent;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server { listen %[3]s; root %[4]s; }
}
`, base, log, address, dir)
	if err := os.WriteFile(filepath.Join(base, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-p", base, "-e", filepath.Join(base, "error.log"), "-c", filepath.Join(base, "nginx.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	url = "http://" + address
	waitFor(t, url)
	return url, func() int64 {
		// nginx logs an answer before it takes the next request of a client.
		if r, err := http.Head(url + "/Packages"); err == nil {
			r.Body.Close()
		}
		return sumLog(t, log)
	}
}

// waitFor waits until a server answers.
func waitFor(t *testing.T, url string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if r, err := http.Get(url + "/Packages"); err == nil {
			r.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s does not answer", url)
		}
	}
}

func sumLog(t *testing.T, log string) (sum int64) {
	t.Helper()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(data)) {
		n, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
