package server

import (
	"os"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/db"
	"muster/sign"
)

// diagnose looks at a server, and returns what is not fine by what was looked at.
func diagnose(t testing.TB, c Config, now time.Time) map[string]Diagnosis {
	t.Helper()
	bad := map[string]Diagnosis{}
	d := &Doctor{Config: c, Now: now, Drivers: drivers()}
	for _, f := range d.Look(t.Context()) {
		if f.Level == Fine || f.What == "clock" && f.Level == Warn {
			continue
		}
		if f.Do == "" {
			t.Errorf("nobody knows what to do about %+v", f)
		}
		bad[f.What] = f
	}
	return bad
}

// The doctor finds nothing in a server that is well, and what is wrong in one that
// is not.
func TestDoctor(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	published := must(publish(t, p, pack(t, "age", "1.0", 1000, w.admin)))(t)
	cfg := w.cfg
	cfg.Listen = strings.TrimPrefix(w.url, "https://")
	if bad := diagnose(t, cfg, time.Now()); len(bad) > 0 {
		t.Errorf("of a server that is well: %+v", bad)
	}
	want := func(what, level string, spoil func(*Config)) {
		t.Helper()
		c := cfg
		spoil(&c)
		if bad := diagnose(t, c, time.Now()); bad[what].Level != level {
			t.Errorf("%s: %+v", what, bad)
		}
	}
	want("data folder", Wrong, func(c *Config) { c.Data = t.TempDir() })
	want("database", Wrong, func(c *Config) { c.Database = "sqlite:" + t.TempDir() + "/none/x.db" })
	want("TLS", Wrong, func(c *Config) { c.TLS = TLS{Mode: "files", Cert: "/none", Key: "/none"} })
	want("server", Warn, func(c *Config) { c.Listen = "127.0.0.1:1" })
	want("disk", Warn, func(c *Config) { c.Repository.Reserve = 1 << 60 })
	drop := func(where string) {
		t.Helper()
		check(t, w.db.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM db_migrations WHERE " + where)
			return err
		}))
	}
	drop("subject = 'hosts' AND number = (SELECT MAX(number) FROM db_migrations WHERE subject = 'hosts')")
	want("migrations", Warn, func(*Config) {})
	check(t, os.Chmod(w.files.path("ca", keyFile), 0o644))
	want("authority of hosts", Wrong, func(*Config) {})
	check(t, os.Chmod(w.files.path("ca", keyFile), 0o600))
	file := w.files.path("repo", published.File)
	data := must(os.ReadFile(file))(t)
	data[len(data)/2] ^= 1
	check(t, os.WriteFile(file, data, 0o644))
	want("repository", Wrong, func(*Config) {})
	check(t, os.Remove(w.files.path(trustDir, "alice.pem")))
	want("administrators", Wrong, func(*Config) {})
	if bad := diagnose(t, cfg, time.Now().Add(25*365*24*time.Hour)); bad["authority of hosts"].Level != Wrong {
		t.Errorf("in 25 years: %+v", bad)
	}
}

func TestTrustFolder(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	alice, bob := must(administrator())(t), must(newPerson("bob", sign.RightDeploy))(t)
	file := writeCert(t, alice.Leaf())
	if added := must(f.AddAnchors(file))(t); len(added) != 1 {
		t.Errorf("added %d", len(added))
	}
	if added := must(f.AddAnchors(file))(t); len(added) != 0 {
		t.Errorf("added %d again", len(added))
	}
	must(f.AddAnchors(writeCert(t, bob.Leaf())))(t)
	_, err := f.RemoveAnchor("")
	wantKind(t, err, muster.NotFound)
	_, err = f.RemoveAnchor("zz")
	wantKind(t, err, muster.NotFound)
	if gone := must(f.RemoveAnchor("sha256:" + sign.Fingerprint(bob.Leaf())))(t); !gone.Equal(bob.Leaf()) {
		t.Error("another one is gone")
	}
	if left := must(f.Anchors())(t); len(left) != 1 || !left[0].Cert.Equal(alice.Leaf()) {
		t.Errorf("%d are left", len(left))
	}
	check(t, os.WriteFile(f.path(trustDir, "bad.pem"), []byte("x"), 0o600))
	p := &people{folder: f, revoked: func() map[string]bool { return nil }}
	if err := p.admit(alice.Chain, time.Now()); err == nil {
		t.Error("a folder that cannot be read believes somebody")
	}
}
