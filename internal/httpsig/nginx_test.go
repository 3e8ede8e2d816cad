package httpsig

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/testneed"
)

// A proxy is a real nginx that ends TLS in front of a server that verifies.
type proxy struct {
	address map[string]string // by name of a server block
	client  *http.Client
}

// startProxy starts nginx with three ways to the same server: as the document says
// (plain), with HTTP/2 and bodies that are not kept (h2), and with a URI in
// proxy_pass (rewriting), which makes nginx write the path anew.
func startProxy(t *testing.T, backend string) *proxy {
	t.Helper()
	program := testneed.Program(t, "nginx")
	base := t.TempDir()
	p := &proxy{address: map[string]string{}, client: writeCertificate(t, base)}
	for _, name := range []string{"plain", "h2", "rewriting"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p.address[name] = l.Addr().String()
		l.Close()
	}
	location := strings.Replace(blocks(t, "nginx")[0], "http://127.0.0.1:8080", backend, 1)
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off; merge_slashes on;
	gzip on; gzip_min_length 1; gzip_types *; gzip_proxied any; gunzip on;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	ssl_certificate %[1]s/tls.pem; ssl_certificate_key %[1]s/tls.key;
	server { listen %[3]s ssl; %[6]s }
	server { listen %[4]s ssl http2; location / { proxy_pass %[2]s; proxy_http_version 1.1; proxy_request_buffering off; } }
	server { listen %[5]s ssl; location / { proxy_pass %[2]s/; } }
}
`, base, backend, p.address["plain"], p.address["h2"], p.address["rewriting"], location)
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
	p.wait(t, filepath.Join(base, "error.log"))
	return p
}

// writeCertificate writes what nginx needs for TLS, and returns a client that trusts it.
func writeCertificate(t *testing.T, dir string) *http.Client {
	t.Helper()
	tlsServer := httptest.NewUnstartedServer(nil)
	tlsServer.StartTLS() // for its certificate, which is for 127.0.0.1
	defer tlsServer.Close()
	cert := tlsServer.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		"tls.key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(tlsServer.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// wait waits until nginx listens.
func (p *proxy) wait(t *testing.T, log string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if conn, err := net.Dial("tcp", p.address["rewriting"]); err == nil {
			conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			text, _ := os.ReadFile(log)
			t.Fatalf("nginx does not answer: %s", text)
		}
	}
}

// send sends a signed request through the server block, and returns the answer.
func (p *proxy) send(t *testing.T, block string, req *http.Request, target, body string) string {
	t.Helper()
	u := *req.URL
	u.Scheme, u.Host = "https", p.address[block]
	path, query, _ := strings.Cut(target, "?")
	u.RawQuery = query
	u.RawPath = path
	var err error
	if u.Path, err = url.PathUnescape(path); err != nil {
		t.Fatal(err)
	}
	req.URL, req.RequestURI = &u, ""
	if got := u.RequestURI(); got != target && got+"?" != target {
		t.Fatalf("%q would be sent as %q", target, got)
	}
	p0 := host(0)
	p0.Created = time.Now()
	if err := Sign(req, []byte(body), testKey(ecdsaP256), p0); err != nil {
		t.Fatal(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// verifying is a server that says whether it accepts requests.
func verifying(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, body, err := take(r, testKey(ecdsaP256).Public(), time.Now())
		if err != nil {
			http.Error(w, fmt.Sprintf("%s: %v", muster.KindOf(err), err), http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "accepted %s %s of %s with %d bytes", r.Method, r.RequestURI, m.KeyID, len(body))
	}))
	t.Cleanup(s.Close)
	return s
}

// TestBehindNginx is the table of docs/formats/requests.md: what a signature
// survives.
func TestBehindNginx(t *testing.T) {
	p := startProxy(t, verifying(t).URL)
	for _, c := range []struct {
		target    string
		rewriting bool // also survives a URI in proxy_pass
	}{
		{"/api/v1/checkin", true},
		{"/", true},
		{"/api/v1/wake?since=4&x=%20%2F+&y=%C3%A9", true},
		{"/a?", true}, // net/http and nginx drop the mark, or not: the same to RFC 9421
		{"/a?b?c", true},
		{"/api/v1/groups/a-b_c.d~e", true},
		{"/a;b=c/@d:e,f!$&'()*+=", true},
		{"/api/v1/groups/%C3%A9%20x", true},
		{"/api/v1/groups/a%2Fb", false},
		{"/api//v1", false},
		{"//api", false},
		{"/a%3Fb", true},
		{"/a%25b", true},
		{"/a%3Bb", false},
		{"/.well-known/...", true},
	} {
		for block, survives := range map[string]bool{"plain": true, "h2": true, "rewriting": c.rewriting} {
			for _, body := range []string{"", `{"etag":"x"}`, strings.Repeat("x", 300<<10)} {
				method := "GET"
				if body != "" {
					method = "POST"
				}
				req := httptest.NewRequest(method, "/", strings.NewReader(body))
				got := p.send(t, block, req, c.target, body)
				if strings.HasPrefix(got, "accepted "+method+" ") != survives {
					t.Errorf("%s, %s with %d bytes: %s", block, c.target, len(body), got)
				}
			}
		}
	}
}

// TestBodiesBehindNginx holds that bodies arrive as they were sent.
func TestBodiesBehindNginx(t *testing.T) {
	p := startProxy(t, verifying(t).URL)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(bytes.Repeat([]byte("inventory "), 5000))
	z.Close()
	for _, block := range []string{"plain", "h2"} {
		for name, change := range map[string]func(*http.Request){
			"gzip":             func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") },
			"unknown length":   func(r *http.Request) { r.ContentLength = -1 },
			"expect":           func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
			"other fields":     func(r *http.Request) { r.Header.Set("Via", "1.1 a"); r.Header.Add("Via", "1.0 b") },
			"type of a form":   func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
			"method of WebDAV": func(r *http.Request) { r.Method = "PROPFIND" },
		} {
			req := httptest.NewRequest("POST", "/", bytes.NewReader(packed.Bytes()))
			change(req)
			if got := p.send(t, block, req, "/api/v1/inventory", packed.String()); !strings.HasPrefix(got, "accepted ") {
				t.Errorf("%s, %s: %s", block, name, got)
			}
		}
	}
}

// TestOnTheWire sends requests that no client of net/http sends, to the server
// itself and through nginx.
func TestOnTheWire(t *testing.T) {
	s := verifying(t)
	p := startProxy(t, s.URL)
	direct := func() (net.Conn, error) { return net.Dial("tcp", s.Listener.Addr().String()) }
	nginx := func() (net.Conn, error) {
		return tls.Dial("tcp", p.address["plain"], p.client.Transport.(*http.Transport).TLSClientConfig)
	}
	for _, c := range []struct {
		name, old, new string
		direct, nginx  bool // accepted
	}{
		{"as it is", "", "", true, true},
		{"names in lower case", "Muster-Server", "muster-server", true, true},
		{"spaces around", "Muster-Counter: 4711", "Muster-Counter:  \t 4711  ", true, true},
		{"another Host", "Host: muster.example", "Host: 127.0.0.1:8443", true, true},
		// RFC 9112, section 5.2, lets a server read a folded line as one with a space.
		{"folded at a space", `"@method" `, "\"@method\"\r\n ", true, false},
		{"folded elsewhere", "created=", "created=\r\n ", false, false},
		{"folded counter", ": 4711", ": 47\r\n 11", false, false},
		{"server twice", "Muster-Server", "Muster-Server: other\r\nMuster-Server", false, false},
		{"counter twice", "Muster-Counter", "muster-counter: 4712\r\nMuster-Counter", false, false},
		{"counter twice, the other way round", "Muster-Counter: 4711", "Muster-Counter: 4711\r\nmuster-counter: 4712", false, false},
		{"signature twice", "Signature: ", "Signature: x=:AA==:\r\nSignature: ", false, false},
		{"another name for the counter", "Muster-Counter", "Muster_Counter", false, false},
		{"counter of one hop", "Host:", "Connection: Muster-Counter\r\nHost:", true, true},
		{"method", "POST", "PATCH", false, false},
		{"query", "?x=1", "?x=1&admin=1", false, false},
		{"absolute form", "POST /", "POST http://muster.example/", false, true}, // nginx sends it on as a path
		{"slashes", "POST /api/", "POST //api/", false, false},
		{"dots", "POST /api/", "POST /x/../api/", false, false},
		{"encoded", "POST /api/", "POST /%61pi/", false, false},
		{"body", `{"etag":"x"}`, `{"etag":"y"}`, false, false},
		{"shorter body", "Content-Length: 12", "Content-Length: 11", false, false},
		{"no length", "Content-Length: 12\r\n", "", false, false},
		{"another length in chunks", "Content-Length: 12\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n", false, false},
		{"in chunks", "Content-Length: 12\r\n\r\n" + `{"etag":"x"}`, "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"eta\r\n7\r\ng\":\"x\"}\r\n0\r\n\r\n", true, true},
		{"digest in a trailer", "Content-Length: 12\r\n\r\n" + `{"etag":"x"}`, "Trailer: Content-Digest\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nContent-Digest: sha-256=:AA==:\r\n\r\n", false, false},
		{"large field", "Muster-Counter: ", "X-Large: " + strings.Repeat("x", 2<<20) + "\r\nMuster-Counter: ", false, false},
		{"many fields", "Muster-Counter: ", strings.Repeat("X: x\r\n", 300000) + "Muster-Counter: ", false, false},
	} {
		good := wireRequest(t)
		text := strings.Replace(good, c.old, c.new, 1)
		if c.old != "" && text == good {
			t.Fatalf("%s: the request has no %s", c.name, c.old)
		}
		for name, way := range map[string]func() (net.Conn, error){"direct": direct, "nginx": nginx} {
			got := speak(t, way, text)
			if want := map[string]bool{"direct": c.direct, "nginx": c.nginx}[name]; strings.Contains(got, "accepted POST") != want {
				t.Errorf("%s, %s: %s", c.name, name, got)
			}
		}
	}
}

// wireRequest is a signed request as it is sent.
func wireRequest(t *testing.T) string {
	t.Helper()
	const text = `{"etag":"x"}`
	p := host(4711)
	p.Created = time.Now()
	req := request(t, testKey(ecdsaP256), p, "POST", "/api/v1/checkin?x=1", text)
	req.Host, req.Close = "muster.example", true
	var b strings.Builder
	if err := req.Write(&b); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(b.String(), "\r\n\r\n")
	head = strings.NewReplacer("Connection: close\r\n", "", "Content-Length: 12\r\n", "").Replace(head)
	return head + "\r\nContent-Length: 12\r\n\r\n" + text
}

// speak sends text and returns the answer, whatever it is.
func speak(t *testing.T, dial func() (net.Conn, error), text string) string {
	t.Helper()
	conn, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	go io.WriteString(conn, text) // the answer may come before all of it is sent
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.Status + ": " + string(body)
}
