package httpsig

import (
	"bufio"
	"bytes"
	"encoding/asn1"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// print prints in as parseInput reads it, from what it took out of the text.
// Parameters may stand in any order: that of params.
func (in *input) print() string {
	inner := "()"
	if len(in.components) > 0 {
		inner = list(in.components)
	}
	s := in.label + "=" + inner
	for _, p := range strings.Split(strings.TrimPrefix(in.params, inner), ";")[1:] {
		name, _, _ := strings.Cut(p, "=")
		switch name {
		case "created":
			s += ";created=" + strconv.FormatInt(in.created, 10)
		case "expires":
			s += ";expires=" + strconv.FormatInt(in.expires, 10)
		case "nonce":
			s += `;nonce="` + in.nonce + `"`
		case "keyid":
			s += `;keyid="` + in.keyID + `"`
		case "alg":
			s += `;alg="` + in.alg + `"`
		case "tag":
			s += `;tag="` + in.tag + `"`
		}
	}
	return s
}

func FuzzSignatureInput(f *testing.F) {
	for _, c := range rfcMessages {
		f.Add(c.input)
	}
	f.Add(`muster=` + list(counted) + `;created=0;expires=1;nonce="";keyid="~";alg="a";tag=" "`)
	f.Add(`*=()`)
	f.Add(`a="b"`)
	f.Fuzz(func(t *testing.T, text string) {
		var in input
		if parseInput(&in, text) != nil {
			return
		}
		if strings.ContainsRune(in.nonce+in.keyID+in.alg+in.tag, ';') {
			return // print looks for them
		}
		if got := in.print(); got != text || !strings.HasSuffix(text, "="+in.params) {
			t.Errorf("%q was read as %q", text, got)
		}
	})
}

func FuzzSignature(f *testing.F) {
	for _, c := range rfcMessages {
		f.Add(c.signature)
	}
	f.Add("a=:AB==:")
	f.Add("a=:\nAAAA:")
	f.Fuzz(func(t *testing.T, text string) {
		label, sig, err := parseSignature(nil, text)
		if err == nil && label+"=:"+b64(sig)+":" != text {
			t.Errorf("%q was read as %q, %x", text, label, sig)
		}
	})
}

func FuzzDigest(f *testing.F) {
	f.Add(printDigest([32]byte{1}))
	f.Add("sha-256=:AAAA:")
	f.Add(rfcDigest)
	f.Fuzz(func(t *testing.T, text string) {
		if digest, err := parseDigest(text); err == nil && printDigest(digest) != text {
			t.Errorf("%q was read as %x", text, digest)
		}
	})
}

func FuzzCounter(f *testing.F) {
	f.Add("1")
	f.Add("999999999999999")
	f.Add("007")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseCounter(text); err == nil && (strconv.FormatUint(n, 10) != text || n == 0 || n > maxInteger) {
			t.Errorf("%q was read as %d", text, n)
		}
	})
}

// FuzzTarget holds that of two requests that mean something else at most one is
// signed: path and query can be read out of what is, and are those of net/http.
func FuzzTarget(f *testing.F) {
	f.Add("/api/v1/checkin?a=%20&b")
	f.Add("/a%2Fb//c/...?")
	f.Add("/.well-known/%C3%A9")
	f.Add("/..")
	f.Fuzz(func(t *testing.T, target string) {
		if checkTarget(target) != nil {
			return
		}
		s := source{&http.Request{Method: "GET"}, target}
		base, err := s.appendBase(nil, []string{"@path", "@query"}, "()")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(base), "\n")
		if len(lines) != 3 {
			t.Fatalf("signed is %q", base)
		}
		path := strings.TrimPrefix(lines[0], `"@path": `)
		query := strings.TrimPrefix(lines[1], `"@query": ?`)
		if path+"?"+query != target && path != target {
			t.Errorf("%q became %q and %q", target, path, query)
		}
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")))
		if err != nil {
			return
		}
		if req.URL.RawQuery != query {
			t.Errorf("the query %q is %q to net/http", query, req.URL.RawQuery)
		}
		if strings.HasPrefix(target, "//") { // net/http reads an authority, and routes by the rest
			return
		}
		if got, want := req.URL.EscapedPath(), path; got != want && req.URL.RawPath != want {
			t.Errorf("the path %q is %q to net/http", want, got)
		}
	})
}

// FuzzRequest changes requests byte by byte. What is accepted is what was
// signed, whatever else the request says.
func FuzzRequest(f *testing.F) {
	key := testKey(eddsa)
	p := host(4711)
	wire := func(p Params) string {
		req := request(f, key, p, "POST", "/api/v1/checkin?x=1", `{"etag":"x"}`)
		var b bytes.Buffer
		if err := req.Write(&b); err != nil {
			f.Fatal(err)
		}
		return b.String()
	}
	good := wire(p)
	f.Add(good)
	f.Add(strings.Replace(good, `"@method" "@path"`, "\"@method\"\r\n \"@path\"", 1)) // folded at a space: the same
	f.Add(strings.Replace(good, "Muster-Counter: 4711", "Muster-Counter: 4711\r\nMuster-Counter: 4712", 1))
	f.Add(strings.Replace(good, "/api/v1", "//api/v1", 1))
	f.Add(strings.Replace(good, "POST /api", "POST http://other/api", 1))
	f.Add(strings.Replace(good, "Content-Length: 12", "Transfer-Encoding: chunked", 1))
	p.Counter = 0
	f.Add(wire(p))
	f.Fuzz(func(t *testing.T, text string) {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		m, body, err := take(req, key.Public(), testNow)
		if err != nil {
			return
		}
		if req.Method != "POST" || req.RequestURI != "/api/v1/checkin?x=1" || string(body) != `{"etag":"x"}` {
			t.Errorf("accepted %s %s with %q", req.Method, req.RequestURI, body)
		}
		if m.KeyID != testHost || m.Counter != 4711 && m.Counter != 0 || !m.Created.Equal(testNow) || !m.Expires.IsZero() {
			t.Errorf("accepted %+v", m)
		}
	})
}

// FuzzDER holds both directions against encoding/asn1.
func FuzzDER(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add(bytes.Repeat([]byte{0xff}, 96))
	f.Add(append(make([]byte, 31), bytes.Repeat([]byte{0x80}, 33)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := rawFromDER(raw, 32); err == nil && raw[0] != 0x30 {
			t.Errorf("%x is no sequence", raw)
		}
		if len(raw) != 64 && len(raw) != 96 {
			return
		}
		half := len(raw) / 2
		want, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
		if err != nil {
			t.Fatal(err)
		}
		der := appendDER(nil, raw)
		if !bytes.Equal(der, want) {
			t.Errorf("%x became %x, not %x", raw, der, want)
		}
		again, err := rawFromDER(der, half)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%x became %x again, error %v", raw, again, err)
		}
	})
}
