package agent

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"muster/sign"
)

// TestTimely: a certificate of TLS that only a wrong clock takes for expired counts;
// one of another name or authority never does.
func TestTimely(t *testing.T) {
	f := &fleet{T: t, now: time.Now()}
	ca, other := f.identity(nil, "Server"), f.identity(nil, "Other")
	key := must(sign.NewKey("ecdsa-p256"))
	leaf := must(x509.ParseCertificate(must(x509.CreateCertificate(nil, &x509.Certificate{SerialNumber: ca.Leaf().SerialNumber, DNSNames: []string{"muster.example.org"},
		NotBefore: f.now.Add(-time.Hour), NotAfter: f.now.AddDate(0, 3, 0)}, ca.Leaf(), key.Public(), ca.Key))))
	cs := tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	for name, c := range map[string]struct {
		host      string
		ca        *sign.Identity
		now, seen time.Time
		ok        bool
	}{
		"now":                   {"muster.example.org", ca, f.now, time.Time{}, true},
		"in 2001":               {"muster.example.org", ca, f.now.AddDate(-25, 0, 0), f.now, true},
		"in five years":         {"muster.example.org", ca, f.now.AddDate(5, 0, 0), f.now, true},
		"really expired":        {"muster.example.org", ca, f.now.AddDate(1, 0, 0), f.now.AddDate(0, 11, 0), false},
		"another name":          {"other.example.org", ca, f.now, f.now, false},
		"an address":            {"192.0.2.1", ca, f.now, f.now, false},
		"another authority":     {"muster.example.org", other, f.now, f.now, false},
		"another one, in 2001":  {"muster.example.org", other, f.now.AddDate(-25, 0, 0), f.now, false},
		"another name, in 2001": {"other.example.org", ca, f.now.AddDate(-25, 0, 0), f.now, false},
	} {
		err := verifyTimely(cs, c.host, certPool(c.ca.Chain), c.now, c.seen)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
