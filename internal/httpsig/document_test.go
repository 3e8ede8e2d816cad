package httpsig

import (
	"bufio"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/internal/testneed"
)

// document is docs/formats/requests.md.
func document(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/formats/requests.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the parts of the document in a language.
func blocks(t testing.TB, language string) []string {
	t.Helper()
	text := document(t)
	var all []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestDocumentVectors verifies the requests that the document shows, and signs
// the one again of which there is only one signature.
func TestDocumentVectors(t *testing.T) {
	vectors := blocks(t, "http")
	if len(vectors) != 2 {
		t.Fatalf("the document has %d vectors", len(vectors))
	}
	for i, key := range []string{rfcP256, rfcEd25519} {
		wire := strings.ReplaceAll(strings.TrimSuffix(vectors[i], "\n"), "\n", "\r\n")
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
		if err != nil {
			t.Fatal(err)
		}
		m, body, err := take(req, rfcKey(t, key), testNow)
		if err != nil || string(body) != "{}" {
			t.Errorf("vector %d: body %q, error %v", i, body, err)
			continue
		}
		if _, _, err := take(req, rfcKey(t, key), testNow.Add(testSkew+time.Second)); muster.KindOf(err) != muster.Denied {
			t.Errorf("vector %d, later: %v", i, err)
		}
		if key != rfcEd25519 {
			continue
		}
		sig, err := eddsa.sign(privateKey(t, rfcEd25519Private), m.base)
		if err != nil || string(sig) != string(m.sig) {
			t.Errorf("vector %d: signed again it is %s, error %v", i, b64(sig), err)
		}
	}
}

func privateKey(t testing.TB, text string) crypto.Signer {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(crypto.Signer)
}

// A server does what the document says of servers, with its answers.
type server struct {
	keys map[string]crypto.PublicKey

	mu        sync.Mutex
	taken     map[[32]byte]bool // all messages since the start
	sequences map[string]Sequence
	alarms    int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, body, err := s.accept(r)
	if err == nil {
		fmt.Fprintf(w, "%s %s by %s: %s", r.Method, r.RequestURI, m.KeyID, body)
		return
	}
	status := map[muster.ErrorKind]int{muster.Invalid: 400, muster.Denied: 403, muster.NotFound: 404,
		muster.Conflict: 409, muster.Busy: 429, muster.Unavailable: 503}[muster.KindOf(err)]
	if errors.As(err, new(*http.MaxBytesError)) {
		status = http.StatusRequestEntityTooLarge
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{
		"kind": string(muster.KindOf(err)), "message": err.Error(), "hint": muster.HintOf(err)}})
}

func (s *server) accept(r *http.Request) (*Message, []byte, error) {
	m, err := Parse(r, testServer)
	if err != nil {
		return nil, nil, err
	}
	key := s.keys[m.KeyID]
	if key == nil {
		return nil, nil, muster.Errorf(muster.NotFound, "nobody knows the key of %q", m.KeyID)
	}
	now := time.Now()
	if err := m.Verify(key, now, testSkew); err != nil {
		return nil, nil, err
	}
	body, err := m.Body(r.Body, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[m.ID()] {
		return nil, nil, muster.Errorf(muster.Conflict, "the request came before")
	}
	s.taken[m.ID()] = true
	if m.Counter == 0 {
		return m, body, nil
	}
	next, err := s.sequences[m.KeyID].Next(m)
	if err != nil {
		s.alarms++ // it did not come before, and nothing comes late here
		return nil, nil, err
	}
	s.sequences[m.KeyID] = next
	return m, body, nil
}

// A workshop is a folder with the script of the document, keys of openssl, and a
// server that knows them.
type workshop struct {
	t      *testing.T
	dir    string
	server *server
	url    string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	for _, name := range []string{"bash", "curl", "openssl", "basenc"} {
		testneed.Program(t, name)
	}
	scripts := blocks(t, "bash")
	if len(scripts) != 1 {
		t.Fatalf("the document has %d scripts", len(scripts))
	}
	w := &workshop{t: t, dir: t.TempDir(), server: &server{
		keys: map[string]crypto.PublicKey{}, taken: map[[32]byte]bool{}, sequences: map[string]Sequence{}}}
	w.write("muster-request", scripts[0])
	return w
}

func (w *workshop) write(name, text string) string {
	w.t.Helper()
	name = filepath.Join(w.dir, name)
	if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return name
}

// key has openssl make a key, which the server knows under the name.
func (w *workshop) key(name string, args ...string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name+".pem")
	run(w.t, "openssl", append([]string{"genpkey", "-quiet", "-out", file}, args...)...)
	block, _ := pem.Decode(run(w.t, "openssl", "pkey", "-in", file, "-pubout"))
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	w.server.keys[name] = pub
	return file
}

// open starts the server. Keys are made before.
func (w *workshop) open() {
	web := httptest.NewTLSServer(w.server)
	w.t.Cleanup(web.Close)
	w.url = web.URL
	w.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})))
}

// request runs the script, and returns what it printed.
func (w *workshop) request(args ...string) (string, error) {
	cmd := exec.Command("bash", append([]string{filepath.Join(w.dir, "muster-request"), w.url}, args...)...)
	cmd.Env = append(os.Environ(), "CURL_CA_BUNDLE="+filepath.Join(w.dir, "ca.pem"), "no_proxy=*")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *server) alarmCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alarms
}

// TestByHand runs the script of the document, as somebody would who has no
// program of ours.
func TestByHand(t *testing.T) {
	w := newWorkshop(t)
	ec := w.key(testHost, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	rsa := w.key("person", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")
	body, empty, large := w.write("body", `{"etag":"x"}`), w.write("empty", ""), w.write("large", strings.Repeat("x", 1<<20+1))
	w.open()
	for _, c := range []struct {
		name    string
		args    []string // after the URL
		refused bool
		want    string // in the answer
		alarms  int
	}{
		{"host", []string{testServer, testHost, ec, "41", "POST", "/api/v1/checkin", body}, false, "POST /api/v1/checkin by " + testHost + `: {"etag":"x"}`, 0},
		{"no body", []string{testServer, testHost, ec, "42", "GET", "/api/v1/wake?since=4&x=%20", empty}, false, "GET /api/v1/wake?since=4&x=%20 by", 0},
		{"overtaken", []string{testServer, testHost, ec, "40", "POST", "/api/v1/checkin", body}, false, "POST", 0},
		{"clone", []string{testServer, testHost, ec, "42", "POST", "/api/v1/checkin", body}, true, "conflict", 1},
		{"login", []string{testServer, "person", rsa, "0", "POST", "/api/v1/login", body}, false, "POST /api/v1/login by person", 1},
		{"host without a counter", []string{testServer, testHost, ec, "0", "POST", "/api/v1/enrol", body}, false, "POST /api/v1/enrol", 1},
		{"key of another", []string{testServer, testHost, rsa, "43", "POST", "/api/v1/checkin", body}, true, "denied", 1},
		{"unknown", []string{testServer, "nobody", ec, "43", "POST", "/api/v1/checkin", body}, true, "not-found", 1},
		{"other server", []string{testHost, testHost, ec, "43", "POST", "/api/v1/checkin", body}, true, "denied", 1},
		{"large body", []string{testServer, testHost, ec, "43", "POST", "/api/v1/checkin", large}, true, "more than 1048576 bytes", 1},
		{"not in normal form", []string{testServer, testHost, ec, "43", "POST", "/api/v1/%63heckin", body}, true, "normal form", 1},
		{"dots", []string{testServer, testHost, ec, "43", "POST", "/api/v1/../v1/checkin", body}, true, "normal form", 1},
	} {
		out, err := w.request(c.args...)
		if !strings.Contains(out, c.want) || (err != nil) != c.refused {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
		if n := w.server.alarmCount(); n != c.alarms {
			t.Errorf("%s: %d alarms", c.name, n)
		}
	}
}

func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, stderr.String())
	}
	return out
}
