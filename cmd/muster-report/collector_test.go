package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/testneed"
	"muster/internal/testneed/built"
)

// programs is the folder of those that tests run.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "muster-report"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(programs)
	os.Exit(code)
}

// build builds the programs, once for all tests.
var build = sync.OnceValue(func() error {
	for _, name := range []string{"musterd", "muster-report"} {
		if _, err := built.Program(programs, name); err != nil {
			return err
		}
	}
	return nil
})

// A collector is a built musterd that takes reports of site EXAMPLE, and of site OLD
// without a proof.
type collector struct {
	t        testing.TB
	dir      string
	musterd  string
	reporter string
	url      string
	server   *exec.Cmd
}

// newCollector prepares a server. settings are lines of its configuration below
// collector.
func newCollector(t testing.TB, settings string) *collector {
	t.Helper()
	if testing.Short() {
		t.Skip("builds programs")
	}
	c := &collector{t: t, dir: t.TempDir()}
	c.musterd, c.reporter = filepath.Join(programs, "musterd"), filepath.Join(programs, "muster-report")
	if err := build(); err != nil {
		t.Fatal(err)
	}
	c.file("musterd.yaml", fmt.Sprintf("data: %s\nlisten: 127.0.0.1:0\ncollector:\n%s", c.path("data"), settings))
	c.file("host/var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2\n")
	c.file("host/etc/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n")
	c.admin("init")
	c.admin("sites", "add", "EXAMPLE")
	c.admin("sites", "add", "OLD", "--open")
	c.file("site.key", c.admin("sites", "key", "add", "EXAMPLE"))
	return c
}

func (c *collector) path(name string) string { return filepath.Join(c.dir, name) }

func (c *collector) file(name, text string) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(c.path(name)), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// admin runs a command of musterd.
func (c *collector) admin(words ...string) string {
	c.t.Helper()
	cmd := exec.Command(c.musterd, append([]string{"--config", c.path("musterd.yaml")}, words...)...)
	cmd.Env = append(os.Environ(), "MUSTERD_CONFIG=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("musterd %v: %v\n%s", words, err, stderr.Bytes())
	}
	return string(out)
}

// start serves until the test ends or stop is called.
func (c *collector) start() {
	c.t.Helper()
	cmd := exec.Command(c.musterd, "--config", c.path("musterd.yaml"), "serve")
	log, err := cmd.StderrPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.server = cmd
	c.t.Cleanup(c.stop)
	var said []string
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		said = append(said, lines.Text())
		var l struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "serving" {
			c.url = "https://" + l.Address
			go io.Copy(io.Discard, log) //nolint:errcheck // until the server ends
			return
		}
	}
	c.t.Fatalf("the server does not serve: %v\n%s", lines.Err(), strings.Join(said, "\n"))
}

func (c *collector) stop() {
	if c.server != nil {
		c.server.Process.Kill() //nolint:errcheck // it may have ended
		c.server.Wait()         //nolint:errcheck // it was killed
		c.server = nil
	}
}

// report runs muster-report for a host and returns exit code and output.
func (c *collector) report(host string, words ...string) (code int, said string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	all := append([]string{"--collector", c.url, "--cert", c.cert(), "--ca", c.path("data/tls/cert.pem"), "--root", c.path("host"),
		"--spool", c.path("spool"), "--retries", "0", "--json", "--host", host}, words...)
	cmd := exec.CommandContext(ctx, c.reporter, all...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// cert is the file of the certificate to which reports are sealed.
func (c *collector) cert() string {
	if own := c.path("collector.crt"); exists(own) {
		return own
	}
	return c.path("data/collector/cert.pem")
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// reports fails unless muster-report ends with code and says status.
func (c *collector) reports(code int, status, host string, words ...string) {
	c.t.Helper()
	if got, said := c.report(host, words...); got != code || !strings.Contains(said, status) {
		c.t.Errorf("%s: exit code %d, not %d: %s", host, got, code, said)
	}
}

// hosts fails unless site has n hosts.
func (c *collector) hosts(site string, n int) {
	c.t.Helper()
	if list := c.admin("sites", "list"); !strings.Contains(list, fmt.Sprintf("%s  %d hosts", site, n)) {
		c.t.Errorf("not %d hosts of %s: %s", n, site, list)
	}
}

// shell runs a script of its own with docs/report.sh at hand.
func (c *collector) shell(script string, env ...string) string {
	c.t.Helper()
	sh, err := filepath.Abs("../../docs/report.sh")
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), append(env, "REPORT="+sh, "COLLECTOR="+c.url, "CERT="+c.cert(), "CURL_CA_BUNDLE="+c.path("data/tls/cert.pem"))...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// TestCollector reports to the built server in every way that docs/report.md names.
func TestCollector(t *testing.T) {
	c := newCollector(t, "  mode: open\n")
	c.start()
	secret := []string{"--secret-file", c.path("site.key")}
	c.reports(0, `"sent"`, "a.example.org", secret...)
	c.reports(0, `"sent"`, "b.example.org", append(secret, "--site", "EXAMPLE", "--findings")...)
	c.reports(1, "403", "c.example.org", "--site", "EXAMPLE")
	c.reports(1, "403", "c.example.org", append(secret, "--site", "OLD")...)
	c.reports(0, `"sent"`, "o.example.org", "--site", "OLD")
	c.hosts("EXAMPLE", 2)
	c.hosts("OLD", 1)

	for _, program := range []string{"openssl", "curl", "dpkg-query"} {
		testneed.Program(t, program)
	}
	c.shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=site -days 9 -keyout signer.key -out signer.crt 2>/dev/null")
	c.admin("sites", "key", "add", "EXAMPLE", "--cert", c.path("signer.crt"))
	signed := []string{"--key", c.path("signer.key"), "--key-cert", c.path("signer.crt")}
	c.reports(0, `"sent"`, "signed.example.org", signed...)
	for name, script := range map[string]string{
		"d.example.org": `sh "$REPORT"`,
		// What has nothing but openssl smime: CBC, with the proof of the key.
		"e.example.org": `KEY=site.key CERT= OUT=- sh "$REPORT" | openssl smime -encrypt -binary -aes-256-cbc -outform DER -out sealed "$CERT"
			curl -sS --fail --data-binary @sealed "$COLLECTOR/api/v1/reports"`,
		"f.example.org": `CERT= OUT=- KEY= sh "$REPORT" >plain
			openssl cms -sign -binary -nodetach -in plain -outform DER -signer signer.crt -inkey signer.key |
			openssl smime -encrypt -binary -aes-256-cbc -outform DER -out sealed "$CERT"
			curl -sS --fail --data-binary @sealed "$COLLECTOR/api/v1/reports"`,
	} {
		if got := c.shell(script, "NODE="+name, "KEY="+c.path("site.key"), "SITE=EXAMPLE"); got != "OK\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	c.hosts("EXAMPLE", 6)
	// A client of Pakiti, for a site that lets in who proves nothing.
	got := c.shell(`printf '#\nhost: p.example.org\npackager: dpkg\nsite: OLD\nsystem: Debian GNU/Linux 12\nversion: 1\n#\nbash\t5.2.15-2\tamd64\n#\n' |
		openssl smime -encrypt -binary -aes-256-cbc -outform DER -out sealed "$CERT"
		curl -sS --fail --data-binary @sealed "$COLLECTOR/feed/?protocol=5"`)
	if got != "OK\n" {
		t.Errorf("Pakiti: %q", got)
	}
	c.hosts("OLD", 2)

	c.stop()
	c.reports(75, `"spooled"`, "late.example.org", secret...)
	c.start()
	c.reports(0, `"sent"`, "g.example.org", secret...)
	c.hosts("EXAMPLE", 8)
	if left, _ := filepath.Glob(c.path("spool/*.report")); len(left) > 0 {
		t.Errorf("%q wait", left)
	}
}

// TestCollectorWithoutKey reports to a server that cannot open what it is sent.
func TestCollectorWithoutKey(t *testing.T) {
	testneed.Program(t, "openssl")
	dir := t.TempDir()
	make := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-subj", "/CN=collector", "-days", "9",
		"-keyout", filepath.Join(dir, "collector.key"), "-out", filepath.Join(dir, "collector.crt"))
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cert, err := os.ReadFile(filepath.Join(dir, "collector.crt"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCollector(t, "  mode: spool\n  cert: "+filepath.Join(dir, "collector.crt")+"\n")
	c.file("collector.crt", string(cert))
	c.start()
	c.reports(0, `"kept"`, "a.example.org", "--secret-file", c.path("site.key"))
	c.reports(0, `"kept"`, "b.example.org", "--secret-file", c.path("site.key"))
	c.hosts("EXAMPLE", 0)
	c.admin("collect", "--key", filepath.Join(dir, "collector.key"), "--cert", filepath.Join(dir, "collector.crt"), "--once")
	c.hosts("EXAMPLE", 2)
}
