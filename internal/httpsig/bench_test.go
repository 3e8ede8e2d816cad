package httpsig

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// BenchmarkSign: what a request costs a host.
func BenchmarkSign(b *testing.B) {
	for _, alg := range []algorithm{ecdsaP256, ecdsaP384, rsaSHA256, eddsa} {
		b.Run(string(alg), func(b *testing.B) {
			key := testKey(alg)
			req := request(b, key, host(1), "POST", "/api/v1/checkin", "")
			body := bytes.Repeat([]byte("x"), 2000)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := Sign(req, body, key, host(uint64(i+1))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify: what a request costs a server, with a body of 2 kB.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []algorithm{ecdsaP256, ecdsaP384, rsaSHA256, eddsa} {
		b.Run(string(alg), func(b *testing.B) {
			key := testKey(alg)
			pub := key.Public()
			text := strings.Repeat("x", 2000)
			req := request(b, key, host(4711), "POST", "/api/v1/checkin", text)
			body := strings.NewReader(text)
			b.ReportAllocs()
			for b.Loop() {
				body.Seek(0, io.SeekStart)
				req.Body = io.NopCloser(body)
				if _, _, err := take(req, pub, testNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse: what it costs to refuse a request of an unknown host.
func BenchmarkParse(b *testing.B) {
	req := request(b, testKey(ecdsaP256), host(4711), "POST", "/api/v1/checkin", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(req, testServer); err != nil {
			b.Fatal(err)
		}
	}
}
