package action

import (
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/sign"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const server = "5f0c6a0e-0000-4000-8000-000000000001"

// People are everybody that the tests know. The authority is believed.
type people struct {
	authority, hosts, stranger                  *sign.Identity
	alice, bob, code, viewer, expired, mallory  *sign.Identity
	host, otherHost                             *sign.Identity
	expiredSoon, revoked, index, aliceElsewhere *sign.Identity
}

var everybody = sync.OnceValues(func() (*people, error) {
	var p people
	year := 365 * 24 * time.Hour
	for _, ca := range []struct {
		to   **sign.Identity
		name string
	}{{&p.authority, "Authority"}, {&p.hosts, "Hosts"}, {&p.stranger, "Stranger"}} {
		key, err := sign.NewKey("ecdsa-p256")
		if err != nil {
			return nil, err
		}
		cert, err := sign.NewAuthority(ca.name, key, now.Add(-year), now.Add(year))
		if err != nil {
			return nil, err
		}
		*ca.to = &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
	}
	for _, who := range []struct {
		to    **sign.Identity
		name  string
		ca    *sign.Identity
		until time.Duration
		right []sign.Right
	}{
		{&p.alice, "alice", p.authority, year, []sign.Right{sign.RightDeploy}},
		{&p.bob, "bob", p.authority, year, []sign.Right{sign.RightDeploy}},
		{&p.aliceElsewhere, "alice", p.authority, year, []sign.Right{sign.RightDeploy}},
		{&p.code, "carol", p.authority, year, []sign.Right{sign.RightCode}},
		{&p.viewer, "victor", p.authority, year, nil},
		{&p.index, "server", p.authority, year, []sign.Right{sign.RightIndex}},
		{&p.revoked, "rita", p.authority, year, []sign.Right{sign.RightDeploy}},
		{&p.expired, "eve", p.authority, -time.Hour, []sign.Right{sign.RightDeploy}},
		{&p.expiredSoon, "sam", p.authority, time.Hour, []sign.Right{sign.RightDeploy}},
		{&p.mallory, "mallory", p.stranger, year, []sign.Right{sign.RightCode}},
		{&p.host, hostID(1), p.hosts, year, nil},
		{&p.otherHost, hostID(2), p.hosts, year, nil},
	} {
		key, err := sign.NewKey("ecdsa-p256")
		if err != nil {
			return nil, err
		}
		cert, err := sign.Issue(who.ca, sign.Request{Name: who.name, Public: key.Public(), Rights: who.right, From: now.Add(-48 * time.Hour), To: now.Add(who.until)})
		if err != nil {
			return nil, err
		}
		*who.to = &sign.Identity{Key: key, Chain: []*x509.Certificate{cert, who.ca.Leaf()}}
	}
	return &p, nil
})

func known(t testing.TB) *people {
	t.Helper()
	return must(everybody())(t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func hostID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

// hostIDs are n of them.
func hostIDs(n int) (all []string) {
	for i := range n {
		all = append(all, hostID(i+1))
	}
	slices.Sort(all)
	return all
}

// trust is what hosts believe.
func (p *people) trust() *sign.Trust {
	t := &sign.Trust{Anchors: p.authority.Chain}
	t.Revoke(sign.Fingerprint(p.revoked.Leaf()))
	return t
}

// verifier is host 1.
func (p *people) verifier() Host {
	return Host{ID: hostID(1), Server: server, Trust: p.trust(), Now: now}
}

// install is an action for host 1 that may begin now.
func install(change ...func(*Action)) *Action {
	a := &Action{Type: Type, ID: "00112233445566778899aabbccddeeff", Kind: Install, Packages: []string{"age>=1.3"}, Server: server,
		NotBefore: now.Add(-time.Minute).Unix(), NotAfter: now.Add(time.Hour).Unix(), Targets: Targets{Hosts: []string{hostID(1)}}}
	for _, f := range change {
		f(a)
	}
	return a
}

func signed(t testing.TB, a *Action, by ...*sign.Identity) []byte {
	t.Helper()
	return must(a.Sign(now, by...))(t)
}

func wantKind(t testing.TB, what string, err error, kind muster.ErrorKind) {
	t.Helper()
	if muster.KindOf(err) != kind {
		t.Errorf("%s: error %v is of kind %q, want %q", what, err, muster.KindOf(err), kind)
	}
}
