package reporter

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"muster/internal/testneed/built"
	"muster/sitereport"
)

// maxProgram is what the program may have: sites copy it to every host.
const maxProgram = 10_000_000

// TestProgram builds the program, and has it report through the proxy that the
// environment names.
func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	program, err := built.Program(t.TempDir(), "muster-report")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxProgram {
		t.Errorf("the program has %d bytes, more than %d", info.Size(), maxProgram)
	}
	c := newCollector(t, "ecdsa-p256")
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		c.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	n := newNode(t, c)
	cmd := exec.Command(program, "--collector", "http://collector.example.org", "--cert", n.path("collector.crt"), "--root", n.root, "--spool", n.path("spool"), "--json")
	cmd.Env = []string{"HTTP_PROXY=" + proxy.URL, "http_proxy=" + proxy.URL}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"sent"`) {
		t.Errorf("%v: %s", err, out)
	}
	if asked != "http://collector.example.org/api/v1/reports?mode=store-only" || c.count() != 1 {
		t.Errorf("the proxy was asked for %q", asked)
	}
	// It needs no home, no folder of its own, and nothing in its environment.
	cmd = exec.Command(program, "--print", "--root", n.root)
	cmd.Env, cmd.Dir = []string{}, "/"
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(pipe)
	if err != nil || cmd.Wait() != nil {
		t.Fatal(err)
	}
	if _, err := sitereport.Parse(text); err != nil {
		t.Error(err)
	}
	cmd = exec.Command(program, "--nothing")
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != exitUsage {
		t.Errorf("exit code %d", cmd.ProcessState.ExitCode())
	}
}
