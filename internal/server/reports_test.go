package server

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/api"
	"muster/internal/sites"
	"muster/internal/testneed"
	"muster/sign"
	"muster/sitereport"
)

// TestReports sends reports in each way of docs/formats/report.md.
func TestReports(t *testing.T) {
	w := newReporting(t)
	r := node("NIKHEF", "node1.example.org", "bash 5.2", "libc6 2.36")
	status, body := w.post(w.sealed(r))
	wantAnswer(t, status, body, http.StatusOK, "OK\n")
	if got := w.has("NIKHEF", "node1.example.org"); got != "bash 5.2, libc6 2.36" {
		t.Errorf("the host has %s", got)
	}
	status, body = w.post(w.sealed(r))
	wantAnswer(t, status, body, http.StatusConflict, "ERROR ")

	signer := must(administrator())(t)
	must(w.sites.AddCert(t.Context(), time.Now(), "NIKHEF", sites.Key{Cert: signer.Leaf()}))(t)
	for name, site := range map[string]string{"node2": "NIKHEF", "node3": ""} {
		der := must(sign.Sign(text(t, node(site, name, "bash 5.3")), false, time.Now(), signer))(t)
		status, body := w.post(must(sign.Seal(must(sitereport.Pack(der))(t), w.id.Leaf()))(t))
		wantAnswer(t, status, body, http.StatusOK, "OK\n")
		if got := w.has("NIKHEF", name); got != "bash 5.3" {
			t.Errorf("%s has %s", name, got)
		}
	}
	status, body = w.post(must(sign.Seal(text(t, node("OPEN", "node4", "bash 1")), w.id.Leaf()))(t))
	wantAnswer(t, status, body, http.StatusOK, "OK\n")
	status, body = w.post(text(t, node("OPEN", "node4", "bash 1")))
	wantAnswer(t, status, body, http.StatusForbidden, "ERROR the report is not sealed")
	cert := must(w.http.Get(w.url + api.RouteReportCert))(t)
	defer cert.Body.Close()
	if want := must(os.ReadFile(w.cert))(t); cert.StatusCode != http.StatusOK || cert.ContentLength != int64(len(want)) {
		t.Errorf("the certificate: %s, %d bytes, not %d", cert.Status, cert.ContentLength, len(want))
	}
}

// TestReportsRefused sends what is not to be believed, in every way, and finds that
// nothing was kept.
func TestReportsRefused(t *testing.T) {
	w := newReporting(t)
	seal := func(data []byte) []byte { return must(sign.Seal(data, w.id.Leaf()))(t) }
	other := sitereport.Key{ID: w.key.ID, Secret: strings.Repeat("x", 40)}
	unknown := sitereport.Key{ID: "nobody", Secret: w.key.Secret}
	changed := w.sealed(node("NIKHEF", "n", "bash 1"))
	changed[len(changed)-40] ^= 1
	ahead := node("NIKHEF", "n", "bash 1")
	ahead.Time += 7200
	bare := node("NIKHEF", "n", "bash 1")
	bare.Time, bare.Nonce = 0, ""
	bomb := new(bytes.Buffer)
	z := gzip.NewWriter(bomb)
	for range 100 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	for name, c := range map[string]struct {
		body   []byte
		status int
	}{
		"nothing":                   {nil, 403},
		"one byte":                  {[]byte{0x30}, 403},
		"garbage":                   {bytes.Repeat([]byte("x"), 10_000), 403},
		"a seal of garbage":         {seal(bytes.Repeat([]byte("x"), 10_000)), 400},
		"a seal in a seal":          {seal(w.sealed(node("NIKHEF", "n", "bash 1"))), 400},
		"sealed to somebody else":   {must(sign.Seal([]byte("x"), must(administrator())(t).Leaf()))(t), 403},
		"changed on the way":        {changed, 403},
		"a bomb":                    {seal(bomb.Bytes()), 400},
		"no proof":                  {seal(text(t, node("NIKHEF", "n", "bash 1"))), 403},
		"another secret":            {seal(other.Prove(text(t, node("NIKHEF", "n", "bash 1")))), 403},
		"a key that is not there":   {seal(unknown.Prove(text(t, node("NIKHEF", "n", "bash 1")))), 403},
		"another site":              {seal(w.key.Prove(text(t, node("OPEN", "n", "bash 1")))), 403},
		"a proof of something else": {seal(bytes.Replace(w.key.Prove(text(t, node("NIKHEF", "n", "bash 1"))), []byte("bash"), []byte("cash"), 1)), 403},
		"from ahead":                {w.sealed(ahead), 400},
		"without time and nonce":    {w.sealed(bare), 400},
	} {
		status, body := w.post(c.body)
		if status != c.status || !strings.HasPrefix(body, "ERROR") {
			t.Errorf("%s: answered %d %q, not %d", name, status, body, c.status)
		}
	}
	if hosts := must(w.sites.Hosts(t.Context(), sites.Filter{}, sites.Page{}))(t); len(hosts) != 0 {
		t.Errorf("kept %+v", hosts)
	}
	status, body := w.post(w.sealed(node("NIKHEF", "n", "bash 1")))
	wantAnswer(t, status, body, http.StatusOK, "OK\n")
}

// TestReportsOneAnswer sends messages that openssl sealed without a check of their
// content, changed at many places: what is wrong with them is not told.
func TestReportsOneAnswer(t *testing.T) {
	openssl := testneed.Program(t, "openssl")
	w := newReporting(t, func(c *Config) { c.Limits.Rates = map[string]float64{"reports": 10_000} })
	w.limits["reports"].strangers = newStrangers(1e6)
	file := filepath.Join(t.TempDir(), "report")
	inside := w.key.Prove(text(t, node("NIKHEF", "n", "bash 1")))
	check(t, os.WriteFile(file, inside, 0o600))
	der := must(exec.Command(openssl, "smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", file, w.cert).Output())(t)
	answers := map[string]int{}
	for at := len(der) - len(inside); at < len(der); at += 3 {
		changed := bytes.Clone(der)
		changed[at] ^= 0x41
		status, body := w.post(changed)
		answers[fmt.Sprint(status, body)]++
	}
	if len(answers) != 1 || answers["403ERROR "+errNotOpened.Error()+"\n"] == 0 {
		t.Errorf("changed messages are answered %v", answers)
	}
	status, body := w.post(der)
	wantAnswer(t, status, body, http.StatusOK, "OK\n")
}

// TestReportModes asks what is published against a report, in all three modes.
func TestReportModes(t *testing.T) {
	w := newReporting(t, func(c *Config) { c.Collector.Clear = true })
	w.collector.finder = published{"bash": {ID: "DSA-1", Tag: "high", Fixed: "5.3"}}
	for _, c := range []struct{ mode, want, has string }{
		{"report-only", "OK\nbash\t5.2\tamd64\tDSA-1\thigh\t5.3\n", `site "NIKHEF" has no host "n"`},
		{"store-only", "OK\n", "bash 5.2, zlib 1"},
		{"store-and-report", "OK\nbash\t5.2\tamd64\tDSA-1\thigh\t5.3\n", "bash 5.2, zlib 1"},
		{"", "OK\n", "bash 5.2, zlib 1"},
	} {
		r := node("NIKHEF", "n", "bash 5.2", "zlib 1")
		r.Time += int64(len(c.mode)) // each is newer: none comes twice
		if c.mode == "" {
			r.Time += 100
		}
		status, body := w.send(api.RouteReports+"?mode="+c.mode, "application/pkcs7-mime", w.sealed(r))
		if status != http.StatusOK || body != c.want {
			t.Errorf("mode %q: %d %q, not %q", c.mode, status, body, c.want)
		}
		if got := w.has("NIKHEF", "n"); got != c.has {
			t.Errorf("mode %q: the host has %s", c.mode, got)
		}
	}
	status, body := w.send(api.RouteReports+"?mode=report-only", "text/plain", text(t, node("NIKHEF", "n", "bash 5.2")))
	wantAnswer(t, status, body, http.StatusForbidden, "ERROR the report does not prove")
	status, body = w.send(api.RouteReports+"?mode=everything", "text/plain", []byte("x"))
	wantAnswer(t, status, body, http.StatusBadRequest, "ERROR ")
}

// TestReportOverheard sends again what somebody on the way overheard, and asks what it
// holds: a sealed report does not open itself to them.
func TestReportOverheard(t *testing.T) {
	w := newReporting(t, func(c *Config) { c.TrustedProxies = mustPrefixes("127.0.0.0/8") })
	w.collector.finder = published{"bash": {ID: "DSA-1", Tag: "high"}}
	post := func(path, from string, body []byte) string {
		_, answer := w.request(http.MethodPost, path, "application/octet-stream", body, map[string]string{"X-Forwarded-For": from})
		return answer
	}
	says := func(answer string) bool { return strings.Contains(answer, "DSA-1") }
	stored := w.sealed(node("NIKHEF", "n1", "bash 1"))
	post(api.RouteReports, "192.0.2.1", stored)
	asked := w.sealed(node("NIKHEF", "n2", "bash 1"))
	if answer := post(api.RouteReports+"?mode=report-only", "192.0.2.1", asked); !says(answer) {
		t.Errorf("the host itself hears %q", answer)
	}
	theirs := must(sign.Seal([]byte(pakitiText), w.id.Leaf()))(t)
	for _, mode := range []string{"store-and-report", "report-only"} {
		if answer := post("/feed/?mode="+mode, "192.0.2.1", theirs); !says(answer) {
			t.Errorf("the client of Pakiti hears %q", answer)
		}
	}
	for _, mode := range []string{"report-only", "store-and-report", "report-only", "store-and-report"} {
		for name, body := range map[string][]byte{"one that was stored": stored, "one that was answered": asked} {
			if answer := post(api.RouteReports+"?mode="+mode, "198.51.100.1", body); says(answer) {
				t.Errorf("%s, %s: %q", name, mode, answer)
			}
		}
		if answer := post("/feed/?mode="+mode, "198.51.100.1", theirs); says(answer) {
			t.Errorf("of Pakiti, %s: %q", mode, answer)
		}
	}
}

// TestReportOnlyCounts holds that who only asks uses up the quota of the site too.
func TestReportOnlyCounts(t *testing.T) {
	w := newReporting(t, func(c *Config) { c.Collector.Reports = 2 })
	for i := range 3 {
		status, body := w.send(api.RouteReports+"?mode=report-only", "application/pkcs7-mime", w.sealed(node("NIKHEF", "n", "bash 1")))
		if want := []int{200, 200, 429}[i]; status != want {
			t.Errorf("report %d: %d %q, not %d", i, status, body, want)
		}
	}
}

// TestReportFindsSite asks with a key alone, in a report that does not name the site: what
// is found is for the site of the key, as it ignores some.
func TestReportFindsSite(t *testing.T) {
	w := newReporting(t)
	w.collector.finder = bySite{"NIKHEF": {ID: "DSA-1", Tag: "low"}}
	for _, mode := range []string{"report-only", "store-and-report"} {
		r := node("", "n", "bash 1")
		r.Time += int64(len(mode))
		status, body := w.send(api.RouteReports+"?mode="+mode, "application/pkcs7-mime", w.sealed(r))
		if want := "OK\nbash\t1\tamd64\tDSA-1\tlow\t\n"; status != http.StatusOK || body != want {
			t.Errorf("%s: %d %q, not %q", mode, status, body, want)
		}
	}
}

// TestReportModesInClear asks over plain HTTP, where the network would hear the answer:
// unless a proxy that is trusted says that it ended TLS.
func TestReportModesInClear(t *testing.T) {
	w := newReporting(t, func(c *Config) {
		c.TLS.Mode, c.TrustedProxies = "off", mustPrefixes("127.0.0.0/8")
	})
	w.collector.finder = published{"bash": {ID: "DSA-1", Tag: "high", Fixed: "5.3"}}
	for proto, want := range map[string]string{"": "OK\n", "http": "OK\n", "https": "OK\nbash\t5.2\tamd64\tDSA-1\thigh\t5.3\n"} {
		status, body := w.request(http.MethodPost, api.RouteReports+"?mode=report-only", "application/pkcs7-mime", w.sealed(node("NIKHEF", "n", "bash 5.2")),
			map[string]string{"X-Forwarded-Proto": proto, "X-Forwarded-For": "192.0.2.1"})
		if status != http.StatusOK || body != want {
			t.Errorf("by %q: %d %q, not %q", proto, status, body, want)
		}
	}
}

// pakitiText is a report as pakiti-client 3 writes it.
const pakitiText = `#
arch: x86_64
cpu: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz
host: wn17.example.org
kernel: 5.14.0-503.el9.x86_64
packager: rpm
site: OPEN
system: AlmaLinux release 9.5 (Teal Serval)
tag: WN
version: 1
#
bash	0:5.1.8-9.el9	x86_64
openssl	1:3.2.2-6.el9	x86_64
#
`

// TestPakiti sends what clients of Pakiti send: with protocol 5 in clear and sealed by
// openssl, with protocol 4 as a form in three ways.
func TestPakiti(t *testing.T) {
	curl, openssl := testneed.Program(t, "curl"), testneed.Program(t, "openssl")
	w := newReporting(t, func(c *Config) { c.Collector.Clear = true })
	w.collector.finder = published{"openssl": {ID: "CVE-2024-1", Tag: "Critical", Fixed: "not said to them"}}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	check(t, os.WriteFile(ca, sign.EncodeCerts(must(w.folder.ownAuthority(time.Now()))(t).Leaf()), 0o600))
	dir := t.TempDir()
	plain, sealed := filepath.Join(dir, "report"), filepath.Join(dir, "report.p7")
	check(t, os.WriteFile(plain, []byte(pakitiText), 0o600))
	// As the client does: standard input, DER, RSA with PKCS #1 padding, CBC.
	cmd := exec.Command(openssl, "smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", w.cert)
	cmd.Stdin = strings.NewReader(strings.Replace(pakitiText, "wn17", "wn18", 1))
	check(t, os.WriteFile(sealed, must(cmd.Output())(t), 0o600))
	send := func(want string, args ...string) {
		t.Helper()
		out, err := exec.Command(curl, append([]string{"--silent", "--show-error", "--cacert", ca}, args...)...).Output()
		if check(t, err); string(out) != want {
			t.Errorf("answered %q, not %q", out, want)
		}
	}
	feed := w.url + "/feed/?mode="
	found := "OK\nopenssl\t1:3.2.2-6.el9\tx86_64\tCVE-2024-1\tCritical\n"
	// --data-binary has curl say that it is a form, as the client does with it.
	send(found, "--data-binary", "@"+plain, feed+"store-and-report&protocol=5")
	send(found, "--data-binary", "@"+plain, feed+"report-only&protocol=5")
	send("OK\n", "--header", "Content-Type: application/octet-stream", "--data-binary", "@"+sealed, feed+"store-only&protocol=5")
	for _, host := range []string{"wn17.example.org", "wn18.example.org"} {
		if got := w.has("OPEN", host); got != "bash 5.1.8-9.el9, openssl 1:3.2.2-6.el9" {
			t.Errorf("%s has %s", host, got)
		}
	}
	h := must(w.sites.HostNamed(t.Context(), "OPEN", "wn17.example.org"))(t)
	if h.Tag != "WN" || h.System.Name != "AlmaLinux release 9.5 (Teal Serval)" || h.System.ID != "" || h.Form != "pakiti5" || h.System.Kernel != "5.14.0-503.el9.x86_64" {
		t.Errorf("the host is %+v", h)
	}

	form := url.Values{"host": {"old1"}, "os": {"Scientific Linux 6"}, "arch": {"x86_64"}, "kernel": {"2.6.32"}, "site": {"OPEN"}, "tag": {"CE"}, "version": {"4"}, "report": {"1"}, "type": {"rpm"},
		"pkgs": {"'openssl' '0:1.0.1e' '48.el6' 'x86_64'\n'gcc-c%2b%2b' '0:4.4' '1' 'x86_64'\n"}}
	found = "OK\nopenssl\t1.0.1e-48.el6\tx86_64\tCVE-2024-1\tCritical\n"
	var urlencoded, parts []string
	for name, v := range form {
		urlencoded = append(urlencoded, "--data-urlencode", name+"="+v[0])
		parts = append(parts, "--form-string", name+"="+v[0])
	}
	send(found, append(urlencoded, w.url+"/feed/")...)
	form.Set("host", "old2")
	for i, p := range parts {
		parts[i] = strings.Replace(p, "host=old1", "host=old2", 1)
	}
	send(found, append(parts, w.url+"/feed")...)
	form.Set("host", "old3")
	send(found, w.url+"/feed/?"+form.Encode())
	for _, host := range []string{"old1", "old2", "old3"} {
		if got := w.has("OPEN", host); got != "gcc-c++ 4.4-1, openssl 1.0.1e-48.el6" {
			t.Errorf("%s has %s", host, got)
		}
	}
	status, body := w.request(http.MethodGet, "/feed/?"+form.Encode(), "", nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
	wantAnswer(t, status, body, http.StatusInternalServerError, "ERROR\n")
	status, body = w.send("/feed/?mode=store-only&protocol=5", "application/octet-stream", []byte(strings.Replace(pakitiText, "OPEN", "NIKHEF", 1)))
	wantAnswer(t, status, body, http.StatusInternalServerError, "ERROR\n")
	status, body = w.send("/feed/?mode=store-only&protocol=5", "application/octet-stream", []byte("#\nhost: x\n"))
	wantAnswer(t, status, body, http.StatusInternalServerError, "ERROR\n")
}

// glpiText is what an agent of GLPI sends, cut to what matters.
const glpiText = `{"action":"inventory","deviceid":"pc1-2026-01-01-00-00-00","itemtype":"Computer","tag":"OPEN","content":{"bios":{"assettag":"x"},
"operatingsystem":{"arch":"x86_64","fqdn":"pc1.example.org","full_name":"Debian GNU/Linux 12 (bookworm)","kernel_version":"6.1.0-28-amd64","name":"Debian GNU/Linux"},
"hardware":{"name":"pc1"},"softwares":[{"arch":"amd64","from":"deb","name":"bash","version":"5.2"},{"from":"deb","name":"zlib1g","version":"1.3","filesize":1}]}}`

// TestGLPIAgent sends what an agent of GLPI sends: a question, then an inventory.
func TestGLPIAgent(t *testing.T) {
	w := newReporting(t)
	compressed := func(text string) []byte {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		z.Write([]byte(text))
		z.Close()
		return b.Bytes()
	}
	agent := map[string]string{"User-Agent": "GLPI-Agent_v1.11", "GLPI-Agent-ID": "3a1b0f4e-0000-4000-8000-000000000001", "Accept": "application/xml, application/json", "Pragma": "no-cache"}
	contact := `{"action":"contact","deviceid":"pc1-2026-01-01-00-00-00","name":"GLPI-Agent","version":"1.11","enabled-tasks":["inventory"]}`
	status, body := w.request(http.MethodPost, "/glpi", "application/json", []byte(contact), agent)
	wantAnswer(t, status, body, http.StatusOK, `{"status":"ok","expiration":24,"tasks":{"inventory":{}}}`)
	status, body = w.request(http.MethodPost, "/glpi/", "application/x-compress-zlib", compressed(glpiText), agent)
	wantAnswer(t, status, body, http.StatusOK, `{"status":"ok","expiration":24}`)
	if got := w.has("OPEN", "pc1.example.org"); got != "bash 5.2, zlib1g 1.3" {
		t.Errorf("the host has %s", got)
	}
	status, body = w.request(http.MethodPost, "/glpi", "application/x-compress-zlib", compressed(strings.Replace(glpiText, "OPEN", "NIKHEF", 1)), agent)
	wantAnswer(t, status, body, http.StatusForbidden, `{"status":"error","message":`)
	status, body = w.request(http.MethodPost, "/glpi", "application/json", []byte(`{"action":"netdiscovery"}`), agent)
	wantAnswer(t, status, body, http.StatusBadRequest, `{"status":"error","message":`)
}

// TestReportShell reports this machine with the shell script of docs/report.sh: with and
// without a key, and in each of the ways that it seals.
func TestReportShell(t *testing.T) {
	shell := testneed.Program(t, "sh")
	for _, program := range []string{"dpkg-query", "openssl", "curl", "awk", "gzip"} {
		testneed.Program(t, program)
	}
	w := newReporting(t)
	w.collector.finder = published{"bash": {ID: "DSA-1", Tag: "high"}}
	dir := t.TempDir()
	ca, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "site.key")
	check(t, os.WriteFile(ca, sign.EncodeCerts(must(w.folder.ownAuthority(time.Now()))(t).Leaf()), 0o600))
	check(t, os.WriteFile(key, w.key.Marshal(), 0o600))
	report := func(env ...string) (string, error) {
		cmd := exec.Command(shell, "../../docs/report.sh")
		cmd.Env = append(os.Environ(), append(env, "COLLECTOR="+w.url, "CERT="+w.cert, "CURL_CA_BUNDLE="+ca, "MODE=store-and-report")...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for node, env := range map[string][]string{"shell1": {"SITE=NIKHEF", "KEY=" + key}, "shell2": {"SITE=OPEN"}} {
		out, err := report(append(env, "NODE="+node)...)
		if err != nil || !strings.HasPrefix(out, "OK\nbash\t") {
			t.Fatalf("report.sh: %v: %s", err, out)
		}
		h := must(w.sites.HostNamed(t.Context(), env[0][len("SITE="):], node))(t)
		installed := must(exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status}\n").Output())(t)
		n := 0
		for status := range strings.Lines(string(installed)) {
			if status == "installed\n" {
				n++
			}
		}
		if h.Packages < n-5 || h.Packages > n+5 || h.System.ID == "" || h.System.Kernel == "" {
			t.Errorf("%s has %d packages of %d: %+v", node, h.Packages, n, h)
		}
	}
	if out, err := report("SITE=NIKHEF", "NODE=shell3"); err == nil {
		t.Errorf("without a key: %s", out)
	}
}

// TestReportWeight holds that what is taken apart at once is bounded by what it becomes, not
// by what it was compressed to, until it is kept.
func TestReportWeight(t *testing.T) {
	w := newReporting(t)
	r := node("OPEN", "n")
	for i := range 20_000 {
		r.Packages = append(r.Packages, sitereport.Package{Manager: "dpkg", Name: fmt.Sprintf("%06d%0200d", i, 0), Version: "1"})
	}
	plain := text(t, r)
	for _, packed := range [][]byte{must(sitereport.Pack(plain))(t), plain[:len(plain)/2]} {
		body := must(sign.Seal(packed, w.id.Leaf()))(t)
		m, err := w.collector.open(t.Context(), letter{body: body, at: time.Now()})
		most := max(maxReportWeight-4*int64(len(plain)), 0)
		if free := w.collector.weight.TryAcquire(most + 1); m != nil && (err != nil || free) {
			t.Errorf("%d bytes of %d weigh less than they become: %v", len(packed), len(plain), err)
		} else if free {
			w.collector.weight.Release(most + 1)
		}
		if m != nil {
			m.done()
		}
		if !w.collector.weight.TryAcquire(maxReportWeight) {
			t.Fatal("memory is not given back")
		}
		w.collector.weight.Release(maxReportWeight)
	}
	status, body := w.send(api.RouteReports, "application/pkcs7-mime", must(sign.Seal(must(sitereport.Pack(text(t, r)))(t), w.id.Leaf()))(t))
	wantAnswer(t, status, body, http.StatusOK, "OK\n")
	check(t, w.collector.weight.Acquire(t.Context(), maxReportWeight))
	w.collector.weight.Release(maxReportWeight)
}

// TestReportFlood has reporters hold everything that they can: those who send slowly, and
// more at once than there are places for. Hosts are served meanwhile.
func TestReportFlood(t *testing.T) {
	w := newReporting(t)
	p := w.person()
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	w.collector.keys <- struct{}{} // the private key is in use, and stays so
	body := w.sealed(node("NIKHEF", "n", "bash 1"))
	done := make(chan int, 200)
	for range 100 {
		go func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteReports, bytes.NewReader(body))
			if err == nil {
				if resp, err := w.http.Do(r); err == nil {
					resp.Body.Close()
					done <- resp.StatusCode
					return
				}
			}
			done <- 0
		}()
	}
	begun := time.Now()
	for range 3 {
		m.report(desktop(3))
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("hosts waited %v for reporters", took)
	}
	<-w.collector.keys
	taken := 0
	for range 100 {
		if <-done == http.StatusOK {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("the same report was taken %d times", taken)
	}
	status, answer := w.post(make([]byte, maxReportBody+1))
	if status != http.StatusRequestEntityTooLarge || !strings.HasPrefix(answer, "ERROR ") {
		t.Errorf("a body above the bound: %d %q", status, answer)
	}
}
