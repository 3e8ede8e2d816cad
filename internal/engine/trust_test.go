package engine

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"muster/sign"
)

// certificates makes an authority, one below it, and certificates of both.
func certificates(t *testing.T) (authority, below, alice, bob *x509.Certificate) {
	t.Helper()
	from := time.Now().Add(-time.Hour).Truncate(time.Second)
	issue := func(ca *sign.Identity, name string, right sign.Right) *sign.Identity {
		key, err := sign.NewKey("ecdsa-p256")
		if err != nil {
			t.Fatal(err)
		}
		if ca == nil {
			c, err := sign.NewAuthority(name, key, from, from.Add(48*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return &sign.Identity{Key: key, Chain: []*x509.Certificate{c}}
		}
		c, err := sign.Issue(ca, sign.Request{Name: name, Public: key.Public(), Rights: []sign.Right{right}, From: from, To: from.Add(24 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return &sign.Identity{Key: key, Chain: append([]*x509.Certificate{c}, ca.Chain...)}
	}
	ca := issue(nil, "Authority", "")
	sub := issue(ca, "Below", sign.RightIssue)
	return ca.Leaf(), sub.Leaf(), issue(sub, "Alice", sign.RightCode).Leaf(), issue(ca, "Bob", sign.RightCode).Leaf()
}

func TestAnchorsOf(t *testing.T) {
	authority, below, alice, bob := certificates(t)
	type certs = []*x509.Certificate
	for _, c := range []struct {
		name       string
		file, want certs
	}{
		{"a person with the chain", certs{alice, below, authority}, certs{alice}},
		{"two persons with their chains", certs{alice, below, authority, bob, authority}, certs{alice, bob}},
		{"an authority", certs{authority}, certs{authority}},
		{"an authority and a person", certs{authority, bob}, certs{authority, bob}},
		{"an authority and its own", certs{below, authority}, certs{below, authority}},
		{"a person, and the authority of another", certs{alice, authority}, certs{alice, authority}},
		{"nobody", nil, nil},
	} {
		if got := anchorsOf(c.file); !slices.EqualFunc(got, c.want, (*x509.Certificate).Equal) {
			t.Errorf("%s: %d anchors, want %d", c.name, len(got), len(c.want))
		}
	}
}
