package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"muster"
)

func TestSignAndVerify(t *testing.T) {
	for _, alg := range []algorithm{ecdsaP256, ecdsaP384, rsaSHA256, eddsa} {
		for _, counter := range []uint64{0, 1, maxInteger} {
			key := testKey(alg)
			req := request(t, key, host(counter), "POST", "/api/v1/checkin?a=1&b=%20x", `{"etag":"x"}`)
			m, body, err := take(req, key.Public(), testNow.Add(time.Minute))
			if err != nil {
				t.Errorf("%s, counter %d: %v", alg, counter, err)
				continue
			}
			if string(body) != `{"etag":"x"}` {
				t.Errorf("%s: body %q", alg, body)
			}
			if m.KeyID != testHost || m.Counter != counter || !m.Created.Equal(testNow) || (m.Nonce == "") != (counter > 0) {
				t.Errorf("%s: read %+v", alg, m)
			}
		}
	}
}

// TestSignedText holds the profile to its letters: hosts of older versions
// write them.
func TestSignedText(t *testing.T) {
	req := request(t, testKey(ecdsaP256), host(4711), "POST", "/api/v1/checkin", "{}")
	want := map[string]string{
		"Content-Digest":  "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:",
		"Muster-Server":   testServer,
		"Muster-Counter":  "4711",
		"Signature-Input": `muster=("@method" "@path" "@query" "content-digest" "muster-server" "muster-counter");created=1795255088;keyid="` + testHost + `";alg="ecdsa-p256-sha256";tag="muster"`,
	}
	for name, value := range want {
		if got := req.Header.Get(name); got != value {
			t.Errorf("%s: %s\nnot %s", name, got, value)
		}
	}
	m, err := Parse(req, testServer)
	if err != nil {
		t.Fatal(err)
	}
	base := `"@method": POST
"@path": /api/v1/checkin
"@query": ?
"content-digest": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:
"muster-server": ` + testServer + `
"muster-counter": 4711
"@signature-params": ` + strings.TrimPrefix(want["Signature-Input"], "muster=")
	if string(m.base) != base {
		t.Errorf("signed was\n%s\nnot\n%s", m.base, base)
	}
	if !strings.Contains(document(t), "```\n"+base+"\n```") {
		t.Errorf("the document does not show\n%s", base)
	}
}

// resigned is a request whose Signature-Input was changed by who has the key.
func resigned(t testing.TB, req *http.Request, key crypto.Signer, old, new string) {
	t.Helper()
	text := strings.Replace(req.Header.Get(headerInput), old, new, 1)
	if text == req.Header.Get(headerInput) {
		t.Fatalf("%s has no %s", text, old)
	}
	req.Header.Set(headerInput, text)
	var in input
	if parseInput(&in, text) != nil {
		return // nobody can sign what nobody can read
	}
	s := source{req, req.RequestURI}
	base, err := s.appendBase(nil, in.components, in.params)
	if err != nil {
		return
	}
	sig, err := algorithmOf(key.Public()).sign(key, base)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(headerSignature, in.label+"=:"+b64(sig)+":")
}

// TestRefused changes one thing of a good request at a time. Those with input
// are signed again after the change: the profile alone refuses them.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*http.Request) // on the way
		old    string              // in Signature-Input,
		new    string              // by the signer
		kind   muster.ErrorKind
		says   string
	}{
		{name: "nothing"},
		{name: "counter not covered", old: ` "muster-counter")`, new: `);nonce="MXJ3SODBAJGPEKQ3"`, kind: muster.Denied, says: `does not cover "muster-counter"`},
		{name: "neither counter nor nonce", old: ` "muster-counter"`, kind: muster.Denied, says: "nonce"},
		{name: "short nonce", old: ` "muster-counter")`, new: `);nonce="MXJ3SODBAJGPEKQ"`, kind: muster.Denied, says: "nonce"},
		{name: "query not covered", old: ` "@query"`, kind: muster.Denied, says: `does not cover "@query"`},
		{name: "digest not covered", old: ` "content-digest"`, kind: muster.Denied, says: `does not cover "content-digest"`},
		{name: "server not covered", old: ` "muster-server"`, kind: muster.Denied, says: `does not cover "muster-server"`},
		{name: "nothing covered", old: list(counted), new: "()", kind: muster.Denied, says: `does not cover "@method"`},
		{name: "other order", old: `"@path" "@query"`, new: `"@query" "@path"`, kind: muster.Denied, says: "another order"},
		{name: "one more", old: `"@path" `, new: `"@path" "@authority" `, kind: muster.Denied, says: "other components"},
		{name: "one twice", old: `"@path" `, new: `"@path" "@path" `, kind: muster.Invalid, says: "twice"},
		{name: "parameter of a component", old: `"@path" `, new: `"@path";req `, kind: muster.Invalid, says: "has a parameter"},
		{name: "no tag", old: `;tag="muster"`, kind: muster.Denied, says: "tag"},
		{name: "other tag", old: `;tag="muster"`, new: `;tag="web-bot-auth"`, kind: muster.Denied, says: "tag"},
		{name: "other label", old: "muster=", new: "sig1=", kind: muster.Denied, says: "label"},
		{name: "no key", old: `;keyid="` + testHost + `"`, kind: muster.Denied, says: "keyid"},
		{name: "no time", old: ";created=1795255088", kind: muster.Denied, says: "created"},
		{name: "no algorithm", old: `;alg="ecdsa-p256-sha256"`, kind: muster.Denied, says: "alg"},
		{name: "other algorithm", old: "ecdsa-p256-sha256", new: "rsa-v1_5-sha256", kind: muster.Denied, says: "algorithm"},
		{name: "symmetric algorithm", old: "ecdsa-p256-sha256", new: "hmac-sha256", kind: muster.Denied, says: "algorithm"},
		{name: "unknown parameter", old: ";tag=", new: `;scope="all";tag=`, kind: muster.Invalid, says: "scope"},
		{name: "parameter twice", old: ";tag=", new: ";created=1795255088;tag=", kind: muster.Invalid, says: "twice"},
		{name: "created in the past", old: "1795255088", new: "1795254787", kind: muster.Denied, says: "signed at"},
		{name: "created in the future", old: "1795255088", new: "1795255389", kind: muster.Denied, says: "signed at"},
		{name: "created before 1970", old: "1795255088", new: "-1", kind: muster.Invalid, says: "integer"},
		{name: "created with a zero", old: "1795255088", new: "01795255088", kind: muster.Invalid, says: "integer"},
		{name: "expired", old: ";tag=", new: ";expires=1795255088;tag=", kind: muster.Denied, says: "expired"},
		{name: "space", old: ";created", new: "; created", kind: muster.Invalid},
		{name: "two spaces", old: `"@method" `, new: `"@method"  `, kind: muster.Invalid},
		{name: "tab", old: `"@method" `, new: "\"@method\"\t", kind: muster.Invalid},
		{name: "escape", old: `tag="muster"`, new: `tag="mus\ter"`, kind: muster.Invalid},
		{name: "two inputs in one line", old: "muster=", new: `proxy=("@method");created=1, muster=`, kind: muster.Invalid, says: "more than one"},
		{name: "trailing data", old: `tag="muster"`, new: `tag="muster" `, kind: muster.Invalid, says: "end"},

		{name: "not signed", change: del(headerInput, headerSignature), kind: muster.Denied, says: "not signed"},
		{name: "no input", change: del(headerInput), kind: muster.Invalid, says: headerInput},
		{name: "no signature", change: del(headerSignature), kind: muster.Invalid, says: headerSignature},
		{name: "no digest", change: del(headerDigest), kind: muster.Invalid, says: headerDigest},
		{name: "no server", change: del(headerServer), kind: muster.Invalid, says: headerServer},
		{name: "no counter", change: del(headerCounter), kind: muster.Invalid, says: headerCounter},
		{name: "two inputs", change: add(headerInput, "x=()"), kind: muster.Invalid, says: "more than once"},
		{name: "two signatures", change: add(headerSignature, "x=:AA==:"), kind: muster.Invalid, says: "more than once"},
		{name: "two digests", change: add(headerDigest, printDigest([32]byte{})), kind: muster.Invalid, says: "more than once"},
		{name: "two servers", change: add(headerServer, testServer), kind: muster.Invalid, says: "more than once"},
		{name: "two counters", change: add(headerCounter, "4711"), kind: muster.Invalid, says: "more than once"},
		{name: "two signatures in one line", change: more(headerSignature, ", x=:AA==:"), kind: muster.Invalid, says: "more than one"},
		{name: "two digests in one line", change: more(headerDigest, ", sha-512=:AA==:"), kind: muster.Invalid, says: "more than one"},
		{name: "data after the signature", change: more(headerSignature, "A"), kind: muster.Invalid, says: "end"},
		{name: "data after the digest", change: more(headerDigest, ";q=1"), kind: muster.Invalid, says: "end"},
		{name: "signature of another label", change: set(headerSignature, "proxy=:AA==:"), kind: muster.Invalid, says: "has no bytes"},
		{name: "empty signature", change: set(headerSignature, "muster=::"), kind: muster.Denied, says: "not of the key"},
		{name: "zero signature", change: set(headerSignature, "muster=:"+b64(make([]byte, 64))+":"), kind: muster.Denied, says: "not of the key"},
		{name: "long signature", change: set(headerSignature, "muster=:"+b64(make([]byte, 65))+":"), kind: muster.Denied, says: "not of the key"},
		{name: "signature with bits to spare", change: set(headerSignature, "muster=:AB==:"), kind: muster.Invalid, says: "base64"},
		{name: "signature with a line break", change: set(headerSignature, "muster=:AAAA\nAAAA:"), kind: muster.Invalid, says: "base64"},
		{name: "huge input", change: more(headerInput, strings.Repeat(";a", 4000)), kind: muster.Invalid, says: "more than 2048"},
		{name: "huge signature", change: set(headerSignature, "muster=:"+strings.Repeat("A", 1<<20)+":"), kind: muster.Invalid, says: "more than 2048"},
		{name: "huge digest", change: set(headerDigest, "sha-256=:"+strings.Repeat("A", 1<<20)+":"), kind: muster.Invalid, says: "more than 2048"},
		{name: "huge path", change: target("/" + strings.Repeat("a", 1<<20)), kind: muster.Invalid, says: "more than 8192"},
		{name: "huge server", change: set(headerServer, strings.Repeat("a", 1<<20)), kind: muster.Denied, says: "not for this one"},

		{name: "other method", change: func(r *http.Request) { r.Method = "PUT" }, kind: muster.Denied, says: "not of the key"},
		{name: "method in lower case", change: func(r *http.Request) { r.Method = "post" }, kind: muster.Denied, says: "not of the key"},
		{name: "other path", change: target("/api/v1/checkout?x=1"), kind: muster.Denied, says: "not of the key"},
		{name: "other query", change: target("/api/v1/checkin?x=2"), kind: muster.Denied, says: "not of the key"},
		{name: "no query", change: target("/api/v1/checkin"), kind: muster.Denied, says: "not of the key"},
		{name: "query in the path", change: target("/api/v1/checkin%3Fx=1"), kind: muster.Denied, says: "not of the key"},
		{name: "slash added", change: target("//api/v1/checkin?x=1"), kind: muster.Denied, says: "not of the key"},
		{name: "encoded letter", change: target("/api/v1/%63heckin?x=1"), kind: muster.Invalid, says: "normal form"},
		{name: "lower-case escape", change: target("/api/v1/checkin?x=1%c3"), kind: muster.Invalid, says: "normal form"},
		{name: "half an escape", change: target("/api/v1/checkin?x=1%C"), kind: muster.Invalid, says: "normal form"},
		{name: "dot segment", change: target("/api/./v1/checkin?x=1"), kind: muster.Invalid, says: "normal form"},
		{name: "dots at the end", change: target("/api/v1/checkin/.."), kind: muster.Invalid, says: "normal form"},
		{name: "fragment", change: target("/api/v1/checkin?x=1#y"), kind: muster.Invalid, says: "character"},
		{name: "space in the path", change: target("/api/v1/checkin?x= 1"), kind: muster.Invalid, says: "character"},
		{name: "absolute form", change: target("http://other/api/v1/checkin?x=1"), kind: muster.Invalid, says: "no path"},
		{name: "asterisk form", change: target("*"), kind: muster.Invalid, says: "no path"},
		{name: "other server", change: set(headerServer, testHost), kind: muster.Denied, says: "not for this one"},
		{name: "server in upper case", change: set(headerServer, strings.ToUpper(testServer)), kind: muster.Denied, says: "not for this one"},
		{name: "other counter", change: set(headerCounter, "4712"), kind: muster.Denied, says: "not of the key"},
		{name: "counter 0", change: set(headerCounter, "0"), kind: muster.Invalid, says: "begin with 1"},
		{name: "counter with a zero", change: set(headerCounter, "04711"), kind: muster.Invalid, says: "integer"},
		{name: "counter with a sign", change: set(headerCounter, "+4711"), kind: muster.Invalid, says: "integer"},
		{name: "counter of 16 digits", change: set(headerCounter, "1000000000000000"), kind: muster.Invalid, says: "integer"},
		{name: "folded counter", change: set(headerCounter, "47 11"), kind: muster.Invalid, says: "end"},
		{name: "other digest", change: set(headerDigest, printDigest([32]byte{})), kind: muster.Denied, says: "not of the key"},
		{name: "digest of SHA-512", change: set(headerDigest, "sha-512=:"+b64(make([]byte, 64))+":"), kind: muster.Invalid, says: "not of SHA-256"},
		{name: "short digest", change: set(headerDigest, "sha-256=:AAAA:"), kind: muster.Invalid, says: "32 bytes"},
		{name: "other body", change: body("{}"), kind: muster.Denied, says: "body"},
		{name: "longer body", change: body(`{"etag":"x"}` + "\n"), kind: muster.Denied, says: "body"},
		{name: "no body", change: body(""), kind: muster.Denied, says: "body"},
		{name: "large body", change: body(strings.Repeat("a", 1<<20+1)), kind: muster.Invalid, says: "more than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := testKey(ecdsaP256)
			req := request(t, key, host(4711), "POST", "/api/v1/checkin?x=1", `{"etag":"x"}`)
			if c.old != "" {
				resigned(t, req, key, c.old, c.new)
			}
			if c.change != nil {
				c.change(req)
			}
			_, _, err := take(req, key.Public(), testNow)
			if muster.KindOf(err) != c.kind || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("kind %q, error %v", muster.KindOf(err), err)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("an error of %d characters", len(err.Error()))
			}
		})
	}
}

// TestBody holds what a body may cost.
func TestBody(t *testing.T) {
	parse := func(length int64) *Message {
		req := request(t, testKey(ecdsaP256), host(1), "POST", "/", "abc")
		req.ContentLength = length
		m, err := Parse(req, testServer)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	never := iotest.ErrReader(errors.New("somebody read it"))
	for _, c := range []struct {
		name   string
		length int64
		body   io.Reader
		max    int64
		kind   muster.ErrorKind
		large  bool
	}{
		{"right", 3, strings.NewReader("abc"), 3, "", false},
		{"byte by byte", -1, iotest.OneByteReader(strings.NewReader("abc")), 3, "", false},
		{"of a length that is a lie", 1 << 40, strings.NewReader("abc"), 1 << 41, "", false},
		{"announced too long", 1 << 30, never, 1 << 20, muster.Invalid, true},
		{"too long", -1, strings.NewReader("abc"), 2, muster.Invalid, true},
		{"endless", -1, endless{}, 1 << 20, muster.Invalid, true},
		{"cut", 3, strings.NewReader("ab"), 3, muster.Denied, false},
		{"broken off", 3, io.MultiReader(strings.NewReader("ab"), never), 3, muster.Unavailable, false},
	} {
		body, err := parse(c.length).Body(c.body, c.max)
		if muster.KindOf(err) != c.kind || (err == nil) != (string(body) == "abc") {
			t.Errorf("%s: body %q, error %v", c.name, body, err)
		}
		if errors.As(err, new(*http.MaxBytesError)) != c.large {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestNotSigned is what Sign refuses, because nobody could read it.
func TestNotSigned(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*http.Request, *Params) crypto.Signer{
		"small RSA":        func(*http.Request, *Params) crypto.Signer { return small },
		"P-521":            func(*http.Request, *Params) crypto.Signer { return p521 },
		"broken token":     func(*http.Request, *Params) crypto.Signer { return token{testKey(ecdsaP256)} },
		"no key id":        func(_ *http.Request, p *Params) crypto.Signer { p.KeyID = ""; return nil },
		"quoted key id":    func(_ *http.Request, p *Params) crypto.Signer { p.KeyID = `a"b`; return nil },
		"long key id":      func(_ *http.Request, p *Params) crypto.Signer { p.KeyID = strings.Repeat("a", 129); return nil },
		"no server":        func(_ *http.Request, p *Params) crypto.Signer { p.Server = ""; return nil },
		"line in a server": func(_ *http.Request, p *Params) crypto.Signer { p.Server = "a\nb"; return nil },
		"large counter":    func(_ *http.Request, p *Params) crypto.Signer { p.Counter = maxInteger + 1; return nil },
		"no time":          func(_ *http.Request, p *Params) crypto.Signer { p.Created = time.Time{}; return nil },
		"opaque URL":       func(r *http.Request, _ *Params) crypto.Signer { r.URL.Opaque = "a"; return nil },
		"dots":             func(r *http.Request, _ *Params) crypto.Signer { r.URL.Path = "/../a"; return nil },
		"long URL":         func(r *http.Request, _ *Params) crypto.Signer { r.URL.Path = strings.Repeat("/a", 8192); return nil },
	} {
		req := httptest.NewRequest("GET", "/", nil)
		p := host(1)
		key := change(req, &p)
		if key == nil {
			key = testKey(ecdsaP256)
		}
		if err := Sign(req, nil, key, p); muster.KindOf(err) != muster.Invalid || req.Header.Get(headerSignature) != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A token is a signer whose program writes something else.
type token struct{ crypto.Signer }

func (token) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return []byte("PIN?"), nil }

// TestSignAgain holds that a request can be signed anew, also as another sort.
func TestSignAgain(t *testing.T) {
	key := testKey(ecdsaP256)
	req := request(t, key, host(7), "GET", "/api/v1/wake?since=1", "")
	for _, counter := range []uint64{8, 0, 9} {
		if err := Sign(req, nil, key, host(counter)); err != nil {
			t.Fatal(err)
		}
		if m, _, err := take(req, key.Public(), testNow); err != nil || m.Counter != counter {
			t.Errorf("counter %d: %+v, %v", counter, m, err)
		}
	}
}

// TestLittleMemory keeps refusing cheap: a message, and the buffers that escape.
func TestLittleMemory(t *testing.T) {
	req := request(t, testKey(ecdsaP256), host(4711), "POST", "/api/v1/checkin", "")
	if n := testing.AllocsPerRun(100, func() { Parse(req, testServer) }); n > 3 {
		t.Errorf("Parse took memory %v times", n)
	}
}
