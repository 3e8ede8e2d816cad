package httpsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testServer = "5f0c6a0e-2f4b-4d43-9a3e-6f1f0f3c7b11"
	testHost   = "8f7c1d52-0c5e-4b8e-a1f9-3d2b7a6c9e40"
	testSkew   = 5 * time.Minute
)

var testNow = time.Date(2026, time.November, 21, 9, 58, 8, 0, time.UTC)

// testKey is made once: RSA keys take long.
var testKey = func() func(alg algorithm) crypto.Signer {
	make := map[algorithm]func() (crypto.Signer, error){
		ecdsaP256: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		ecdsaP384: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
		rsaSHA256: func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, minRSA) },
		eddsa: func() (crypto.Signer, error) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			return key, err
		},
	}
	keys := map[algorithm]crypto.Signer{}
	var mu sync.Mutex
	return func(alg algorithm) crypto.Signer {
		mu.Lock()
		defer mu.Unlock()
		if keys[alg] == nil {
			key, err := make[alg]()
			if err != nil {
				panic(err)
			}
			keys[alg] = key
		}
		return keys[alg]
	}
}()

// host are the params of a request of a host.
func host(counter uint64) Params {
	return Params{KeyID: testHost, Server: testServer, Counter: counter, Created: testNow}
}

// request is a signed request as a server gets it.
func request(t testing.TB, key crypto.Signer, p Params, method, target, body string) *http.Request {
	t.Helper()
	req := httptest.NewRequest(method, target, bytes.NewBufferString(body))
	if err := Sign(req, []byte(body), key, p); err != nil {
		t.Fatal(err)
	}
	return req
}

// take does what a server does, but for counters.
func take(req *http.Request, pub crypto.PublicKey, now time.Time) (*Message, []byte, error) {
	m, err := Parse(req, testServer)
	if err != nil {
		return nil, nil, err
	}
	if err := m.Verify(pub, now, testSkew); err != nil {
		return nil, nil, err
	}
	body, err := m.Body(req.Body, 1<<20)
	return m, body, err
}

// Changes of a request on its way.

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func add(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func more(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, r.Header.Get(name)+value) }
}

func del(names ...string) func(*http.Request) {
	return func(r *http.Request) {
		for _, name := range names {
			r.Header.Del(name)
		}
	}
}

func target(target string) func(*http.Request) {
	return func(r *http.Request) { r.RequestURI = target }
}

// body changes the body, and says nothing of its length.
func body(text string) func(*http.Request) {
	return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), -1 }
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
