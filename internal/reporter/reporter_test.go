package reporter

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"muster/sign"
	"muster/sitereport"
)

var siteKey = sitereport.Key{ID: "example-1", Secret: "kXk0Zt1mQ8_vJr7TnW4sYb2cLd5eFg6h"}

// TestReport sends a report with each kind of key, and looks at what arrives.
func TestReport(t *testing.T) {
	for _, alg := range []string{"rsa-3072", "ecdsa-p256"} {
		t.Run(alg, func(t *testing.T) {
			c := newCollector(t, alg)
			c.key = siteKey
			n := newNode(t, c)
			n.file(n.path("site.key"), siteKey.Marshal())
			n.exits(n.report("--site", "EXAMPLE", "--tag", "worker", "--secret-file", n.path("site.key")), 0)
			if n.out.Len()+n.err.Len() > 0 {
				t.Errorf("it says %s%s", n.out.String(), n.err.String())
			}
			if len(c.got) != 1 {
				t.Fatal("nothing arrived")
			}
			got := c.got[0]
			want := &sitereport.Report{
				Host: "node17.example.org", Site: "EXAMPLE", Tag: "worker", Time: now.Unix() + 1, Nonce: got.Nonce,
				System: sitereport.System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Arch: got.System.Arch},
				Packages: []sitereport.Package{
					{Manager: "dpkg", Name: "bash", Version: "5.2.15-2+b8", Arch: "amd64", SourceVersion: "5.2.15-2"},
					{Manager: "dpkg", Name: "libc6", Version: "2.36-9+deb12u9", Arch: "amd64", Source: "glibc"},
				},
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("have %+v\nwant %+v", got, want)
			}
			if _, err := os.Stat(n.path("spool")); !errors.Is(err, os.ErrNotExist) {
				t.Error("there is a spool, and nothing waits")
			}
			n.exits(n.report("--secret-file", n.path("site.key"), "--host", "other.example.org"), 0)
			if c.got[1].Host != "other.example.org" || c.got[1].Nonce == got.Nonce {
				t.Errorf("%+v", c.got[1])
			}
		})
	}
}

// TestSigned says who reports by a certificate.
func TestSigned(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	site := identity(t, "ecdsa-p256", "Site EXAMPLE")
	pem, err := sign.MarshalKey(site.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	n.file(n.path("site.key"), pem)
	n.file(n.path("site.crt"), sign.EncodeCerts(site.Chain...))
	r := &reporter{now: n.clock, opts: options{key: n.path("site.key"), keyCert: n.path("site.crt"), cert: n.path("collector.crt")}}
	report := &sitereport.Report{Host: "a", Packages: []sitereport.Package{{Manager: "dpkg", Name: "b"}}}
	sent, err := r.prove(report)
	if err != nil {
		t.Fatal(err)
	}
	packed, authenticated, err := sign.OpenAny(sent.body, c.id)
	if err != nil || !authenticated {
		t.Fatal(authenticated, err)
	}
	der, err := sitereport.Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	var trust sign.Trust
	trust.Add(site.Chain...)
	text, sigs, err := sign.VerifyAttached(der, &trust, sign.Policy{Now: now})
	if err != nil || len(sigs) != 1 || string(text) != string(sent.clear) {
		t.Errorf("%q, %v, %v", text, sigs, err)
	}
	locked, err := sign.MarshalKey(site.Key, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	n.file(n.path("site.key"), locked)
	n.exits(n.report("--key", n.path("site.key"), "--key-cert", n.path("site.crt")), 1, "password")
}

func TestClear(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	plain := []string{"--root", n.root, "--collector", c.URL, "--spool", "none"}
	n.exits(n.run(plain...), 2, "--cert", "--clear")
	n.exits(n.run(append(plain, "--clear")...), 0)
	n.exits(n.run(append(plain, "--clear", "--verbose")...), 0, "sent: 2 packages of node17.example.org")
	if len(c.got) != 2 {
		t.Error(len(c.got))
	}
}

func TestFindings(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	c.found = []sitereport.Found{{Name: "bash", Version: "5.2.15-2+b8", Arch: "amd64", ID: "CVE-2026-1", Tag: "high,exploited", Fixed: "5.2.15-2+deb12u1"},
		{Name: "libc6", Version: "2.36-9+deb12u9", Arch: "amd64", ID: "CVE-2026-2", Tag: "low"}}
	n := newNode(t, c)
	n.exits(n.report("--findings"), 0)
	if want := "bash\t5.2.15-2+b8\tamd64\tCVE-2026-1\thigh,exploited\t5.2.15-2+deb12u1\nlibc6\t2.36-9+deb12u9\tamd64\tCVE-2026-2\tlow\n"; n.out.String() != want {
		t.Errorf("%q", n.out.String())
	}
	n.exits(n.report("--report-only", "--json"), 0)
	var got result
	if err := json.Unmarshal(n.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Status != "sent" || got.Packages != 2 || len(got.Findings) != 2 || got.Findings[0].Severity != "high,exploited" || len(got.Set) != 64 {
		t.Errorf("%+v", got)
	}
	if want := []string{"store-and-report", "report-only"}; !reflect.DeepEqual(c.mode, want) {
		t.Errorf("%q", c.mode)
	}
}

func TestPrint(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	n.file(n.path("site.key"), siteKey.Marshal())
	n.exits(n.run("--print", "--root", n.root, "--site", "EXAMPLE"), 0)
	r, err := sitereport.Parse(n.out.Bytes())
	if err != nil || r.Site != "EXAMPLE" || len(r.Packages) != 2 {
		t.Error(r, err)
	}
	n.exits(n.report("--print", "--secret-file", n.path("site.key")), 0)
	p, text, err := sitereport.CutProof(n.out.Bytes())
	if err != nil || !p.By(siteKey, text) || strings.Contains(n.out.String(), siteKey.Secret) {
		t.Errorf("%v\n%s", err, n.out.String())
	}
	n.exits(n.report("--out", n.path("report")), 0)
	sealed, err := os.ReadFile(n.path("report"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.open(sealed); err != nil || len(r.Packages) != 2 {
		t.Error(r, err)
	}
	n.exits(n.run("--out", "-", "--root", n.root), 0)
	if r, err := c.open(n.out.Bytes()); err != nil || len(r.Packages) != 2 {
		t.Error(r, err)
	}
	if len(c.got) > 0 {
		t.Error("something was sent")
	}
}

// TestNothingRatherThanLess holds that a broken database of packages is no host
// without packages.
func TestNothingRatherThanLess(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	n.file(filepath.Join(n.root, "var/lib/rpm/rpmdb.sqlite"), []byte("SQLite format 3\x00"))
	n.exits(n.report(), 1, "packages.rpm", "nothing rather than too little")
	if err := os.RemoveAll(filepath.Join(n.root, "var")); err != nil {
		t.Fatal(err)
	}
	n.exits(n.report(), 1, "no packages")
	if len(c.got) > 0 {
		t.Error("something was sent")
	}
}

// TestKeys holds that files of keys which are none end the program before anything
// is sent, and are not shown.
func TestKeys(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	n.file(n.path("bad.key"), []byte("EXAMPLE:not-a-secret-at-all!"))
	n.exits(n.report("--secret-file", n.path("bad.key")), 1, "site key")
	if strings.Contains(n.err.String(), "not-a-secret") {
		t.Errorf("it shows the key: %s", n.err.String())
	}
	n.exits(n.report("--secret-file", n.path("missing.key")), 1, "missing.key")
	n.exits(n.report("--cert", n.path("bad.key")), 1, "certificate")
	n.exits(n.report("--ca", n.path("bad.key")), 1, "certificate")
	expired := n.at
	n.at = now.AddDate(20, 0, 0)
	n.exits(n.report(), 0, "has expired")
	n.at = expired
	if len(c.got) != 1 {
		t.Errorf("%d reports arrived", len(c.got))
	}
}
