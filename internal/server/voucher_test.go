package server

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster"
	"muster/sign"
)

// An authority that is believed for deploying does not name people of another.
func TestNameOfAnotherAuthority(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	key := must(sign.NewKey(""))(t)
	ca := must(sign.NewAuthority("Site B", key, now.Add(-time.Hour), now.Add(100*time.Hour)))(t)
	check(t, os.WriteFile(filepath.Join(w.files.Dir, trustDir, "b.pem"), sign.EncodeCerts(ca), 0o600))
	w.people.forget()
	login := func(name string) error {
		own := must(sign.NewKey(""))(t)
		leaf := must(sign.Issue(&sign.Identity{Key: key, Chain: []*x509.Certificate{ca}},
			sign.Request{Name: name, Public: own.Public(), Rights: []sign.Right{sign.RightDeploy}, From: now.Add(-time.Minute), To: now.Add(time.Hour)}))(t)
		_, err := w.dial().Login(t.Context(), &sign.Identity{Key: own, Chain: []*x509.Certificate{leaf, ca}}, now)
		return err
	}
	wantKind(t, login("alice"), muster.Denied) // who has not come yet
	w.person()
	wantKind(t, login("alice"), muster.Denied)
	check(t, login("zoe"))
	check(t, login("zoe")) // with another key
}
