package httpsig

import (
	"bufio"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
)

// Keys of RFC 9421, appendix B.1.
const (
	rfcRSA = `-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAhAKYdtoeoy8zcAcR874L8cnZxKzAGwd7v36APp7Pv6Q2jdsPBRrw
WEBnez6d0UDKDwGbc6nxfEXAy5mbhgajzrw3MOEt8uA5txSKobBpKDeBLOsdJKFq
MGmXCQvEG7YemcxDTRPxAleIAgYYRjTSd/QBwVW9OwNFhekro3RtlinV0a75jfZg
kne/YiktSvLG34lw2zqXBDTC5NHROUqGTlML4PlNZS5Ri2U4aCNx2rUPRcKIlE0P
uKxI4T+HIaFpv8+rdV6eUgOrB2xeI1dSFFn/nnv5OoZJEIB+VmuKn3DCUcCZSFlQ
PSXSfBDiUGhwOw76WuSSsf1D4b/vLoJ10wIDAQAB
-----END RSA PUBLIC KEY-----`
	rfcP256 = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----`
	rfcEd25519 = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----`
	rfcEd25519Private = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----`
)

const (
	rfcDigest = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
	// The certificate of appendix B.3.
	rfcClientCert = ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:"
)

func rfcKey(t testing.TB, text string) crypto.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rfcMessages are the examples of RFC 9421 that have an algorithm of this package.
var rfcMessages = []struct {
	name, key string
	alg       algorithm
	head      string // of the request, with LF
	input     string
	signature string
}{
	{"2.5: sig1", rfcP256, ecdsaP256, `POST /foo?param=Value&Pet=dog HTTP/1.1
Host: example.com
Date: Tue, 20 Apr 2021 02:07:55 GMT
Content-Type: application/json
Content-Length: 18
Content-Digest: ` + rfcDigest,
		`sig1=("@method" "@authority" "@path" "content-digest" "content-type" "content-length");created=1618884475;keyid="test-key-ecc-p256"`,
		"sig1=:X5spyd6CFnAG5QnDyHfqoSNICd+BUP4LYMz2Q0JXlb//4Ijpzp+kve2w4NIyqeAuM7jTDX+sNalzA8ESSaHD3A==:"},
	{"4.3: proxy_sig", rfcRSA, rsaSHA256, `POST /foo?param=Value&Pet=dog HTTP/1.1
Host: origin.host.internal.example
Date: Tue, 20 Apr 2021 02:07:56 GMT
Content-Type: application/json
Content-Length: 18
Forwarded: for=192.0.2.123;host=example.com;proto=https
Content-Digest: ` + rfcDigest,
		`proxy_sig=("@method" "@authority" "@path" "content-digest" "content-type" "content-length" "forwarded");created=1618884480;keyid="test-key-rsa";alg="rsa-v1_5-sha256";expires=1618884540`,
		"proxy_sig=:S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/fRad4BCaRZxP+JH+8XY1I6+8Cy+CM5g92iHgxtRPz+MjniOaYmdkDcnL9cCpXJleXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+Pu68U9vVcasqOWAEObtNKKZd8tSFu7LB5YAv0RAGhB8tmpv7sFnIm9y+7X5kXQfi8NMaZaA8i2ZHwpBdg7a6CMfwnnrtflzvZdXAsD3LH2TwevU+/PBPv0B6NMNk93wUs/vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS9ddzirrswsE1w5o0LV/g==:"},
	{"B.2.6", rfcEd25519, eddsa, `POST /foo?param=Value&Pet=dog HTTP/1.1
Host: example.com
Date: Tue, 20 Apr 2021 02:07:55 GMT
Content-Type: application/json
Content-Length: 18`,
		`sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
		"sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"},
	{"B.3", rfcP256, ecdsaP256, `POST /foo?param=Value&Pet=dog HTTP/1.1
Host: service.internal.example
Date: Tue, 20 Apr 2021 02:07:55 GMT
Content-Type: application/json
Content-Length: 18
Client-Cert: ` + rfcClientCert,
		`ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"`,
		"ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:"},
	{"B.4: two lines of a field", rfcEd25519, eddsa, `GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: application/json
Accept: */*`,
		`transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"`,
		"transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:"},
	{"B.4: other fields, space, query", rfcEd25519, eddsa, `GET /demo?name1=Value1&Name2=value2&param=added HTTP/1.1
Host: example.org
Accept-Language: en-US,en;q=0.5
Date: Fri, 15 Jul 2022 14:28:55 GMT
Accept:    application/json
Accept:  */*   `,
		`transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"`,
		"transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:"},
}

func TestRFC9421(t *testing.T) {
	for _, c := range rfcMessages {
		t.Run(c.name, func(t *testing.T) {
			s := readSource(t, c.head)
			base, sig := rfcBase(t, s, c.input, c.signature)
			if key := rfcKey(t, c.key); !c.alg.verify(key, base, sig) {
				t.Errorf("the signature is not over\n%s", base)
			}
			if c.alg.verify(rfcKey(t, c.key), append(base, ' '), sig) {
				t.Errorf("the signature is also over another message")
			}
		})
	}
}

// readSource reads the head of a request as a server does.
func readSource(t testing.TB, head string) source {
	t.Helper()
	wire := strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n"
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := received(req)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rfcBase(t testing.TB, s source, inputText, signature string) (base, sig []byte) {
	t.Helper()
	var in input
	if err := parseInput(&in, inputText); err != nil {
		t.Fatal(err)
	}
	label, sig, err := parseSignature(nil, signature)
	if err != nil || label != in.label {
		t.Fatalf("label %q: %v", label, err)
	}
	base, err = s.appendBase(nil, in.components, in.params)
	if err != nil {
		t.Fatal(err)
	}
	return base, sig
}

// TestRFC9421Response is appendix B.2.4. The package signs no answers: the test
// says what the one component is that only they have.
func TestRFC9421Response(t *testing.T) {
	s := source{req: &http.Request{Header: http.Header{
		"Content-Type":   {"application/json"},
		"Content-Digest": {"sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"},
		"Content-Length": {"23"},
	}}}
	var in input
	if err := parseInput(&in, `sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"`); err != nil {
		t.Fatal(err)
	}
	base, err := s.appendBase([]byte("\"@status\": 200\n"), in.components[1:], in.params)
	if err != nil {
		t.Fatal(err)
	}
	_, sig, err := parseSignature(nil, "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:")
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsaP256.verify(rfcKey(t, rfcP256), base, sig) {
		t.Errorf("the signature is not over\n%s", base)
	}
}

// TestRFC9421Sign signs B.2.6: Ed25519 gives the signature of the document.
func TestRFC9421Sign(t *testing.T) {
	c := rfcMessages[2]
	base, want := rfcBase(t, readSource(t, c.head), c.input, c.signature)
	block, _ := pem.Decode([]byte(rfcEd25519Private))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := eddsa.sign(key.(ed25519.PrivateKey), base)
	if err != nil || string(sig) != string(want) {
		t.Errorf("signature %s, error %v", b64(sig), err)
	}
}

// TestComponents are the examples of RFC 9421, section 2.2, and what else is
// allowed there but not in the profile.
func TestComponents(t *testing.T) {
	const fields = "Host: WWW.example.com:443\nX-OWS:   Leading and trailing   \nCache-Control: max-age=60\nCache-Control:    must-revalidate\nX-Empty:"
	for _, c := range []struct{ line, component, want string }{
		{"POST /path?param=value HTTP/1.1", "@method", "POST"},
		{"POST /path?param=value HTTP/1.1", "@path", "/path"},
		{"POST /path?param=value&foo=bar&baz=bat%2Dman HTTP/1.1", "@query", ""}, // %2D is no normal form
		{"POST /path?param=value&foo=bar&baz=batman HTTP/1.1", "@query", "?param=value&foo=bar&baz=batman"},
		{"POST /path?queryString HTTP/1.1", "@query", "?queryString"},
		{"POST /path HTTP/1.1", "@query", "?"},
		{"POST /path? HTTP/1.1", "@query", "?"},
		{"POST /path?a?b HTTP/1.1", "@query", "?a?b"},
		{"GET / HTTP/1.1", "@authority", "www.example.com:443"},
		{"GET /a%2Fb HTTP/1.1", "@path", "/a%2Fb"},
		{"GET //a HTTP/1.1", "@path", "//a"},
		{"GET /path?q HTTP/1.1", "@target-uri", "http://www.example.com:443/path?q"},
		{"GET / HTTP/1.1", "x-ows", "Leading and trailing"},
		{"GET / HTTP/1.1", "cache-control", "max-age=60, must-revalidate"},
		{"GET / HTTP/1.1", "x-empty", ""},
	} {
		wire := strings.ReplaceAll(c.line+"\n"+fields, "\n", "\r\n") + "\r\n\r\n"
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
		if err != nil {
			t.Fatal(err)
		}
		s, err := received(req)
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v", c.line, err)
			}
			continue
		}
		got, err := s.appendValue(nil, c.component)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s is %q, error %v", c.line, c.component, got, err)
		}
	}
	s := readSource(t, "GET / HTTP/1.1\nHost: example.com")
	for _, name := range []string{"x-missing", "@status", "@query-param", "@request-target", "Host", ""} {
		if v, err := s.appendValue(nil, name); err == nil {
			t.Errorf("component %q is %q", name, v)
		}
	}
}
