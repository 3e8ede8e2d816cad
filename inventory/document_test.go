package inventory

import (
	"strings"
	"testing"
	"unicode/utf8"

	"muster"
	"muster/internal/canon"
)

// full is a document in which every member of every type is set, so that the
// order of members is tested for all of them.
func full() *Document {
	d := desktop(1)
	d.System = &System{"amd64", "docker", "example.org", "pc1", "kvm", "debian", "6.1.0", "C", "ab", "Debian", "linux", "UTC", "12"}
	d.Hardware = &Hardware{&BIOS{"1", "2", "3"}, "b", 3, []CPU{{4, "m", 1, 8, "v"}}, 1, []PCI{{"020000", "1000", "e1000", "0000:00:03.0", "8086"}}, "p", "s", "u", "v"}
	d.Network = &Network{[]string{"192.0.2.1"}, []string{"192.0.2.254"}, []Interface{{[]string{"192.0.2.7/24"}, "e1000", "02:00:00:00:00:01", 1500, "eth0", 1000}}, []string{"example.org"}}
	d.Disks = &Disks{[]Device{{"m", "sda", true, true, "s", 1, "v"}}, []Mount{{1, "/dev/sda1", "/", "ext4"}}}
	d.Users = &Users{[]Account{{"Alice", "/home/alice", "alice", "/bin/sh", "1000"}}}
	d.Muster = []Installed{{"all", 1, "base", "ab", "age", "main", "/area", []string{"x"}, 1, "OK", "1"}}
	d.Status = []Status{{"2", "group lab", "e", "age", "/area", "NEED-UPGRADE"}}
	d.Audits = []Audit{{"o", "age", "/area", "OK"}}
	d.Packages = map[string][]Package{"dpkg": {{"amd64", "i", 1, "n", "o", "s", 1, "b", "2", "v", "1"}}}
	return d
}

func TestCanonical(t *testing.T) {
	data, err := full().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := canon.Sorted(data); err != nil {
		t.Error(err)
	}
	again, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := again.Marshal(); err != nil || string(twice) != string(data) {
		t.Errorf("%s became %s, %v", data, twice, err)
	}
}

func TestVolatile(t *testing.T) {
	v := &Volatile{Audited: []Moment{{"age", 1}}, Boot: 1, Format: Format, Free: []Free{{1, "/"}}, Leases: []Moment{{"eth0", 2}},
		Load: []int64{1, 2, 3}, Memory: 1, Sessions: []Session{{"h", 1, "tty1", "alice"}}, Temporary: []string{"2001:db8::1/64"}, Time: 5}
	data, err := v.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := canon.Sorted(data); err != nil {
		t.Error(err)
	}
	if _, err := ParseVolatile(data); err != nil {
		t.Error(err)
	}
	v.Sessions[0].Host = "\x1b[31m"
	if _, err := v.Marshal(); err == nil {
		t.Error("a session from an escape sequence passes")
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*Document){
		"format":         func(d *Document) { d.Format = 2 },
		"source":         func(d *Document) { d.Packages["winget"] = d.Packages["dpkg"] },
		"empty source":   func(d *Document) { d.Packages["rpm"] = []Package{} },
		"no name":        func(d *Document) { d.Packages["dpkg"][0].Name = "" },
		"twice":          func(d *Document) { d.Packages["dpkg"][1] = d.Packages["dpkg"][0] },
		"unsorted":       func(d *Document) { r := d.Packages["dpkg"]; r[0], r[1] = r[1], r[0] },
		"negative":       func(d *Document) { d.Hardware.Memory = -1 },
		"large":          func(d *Document) { d.Hardware.Memory = 1<<53 + 1 },
		"escape":         func(d *Document) { d.System.Name = "\x1b]0;x\a" },
		"right to left":  func(d *Document) { d.System.Name = "a\u202eb" },
		"not UTF-8":      func(d *Document) { d.Users.Accounts[0].Full = "\xff" },
		"long":           func(d *Document) { d.System.Name = strings.Repeat("x", MaxText+1) },
		"long output":    func(d *Document) { d.Audits[0].Output = strings.Repeat("x", MaxOutput+1) },
		"audit twice":    func(d *Document) { d.Audits = append(d.Audits, d.Audits[0]) },
		"status twice":   func(d *Document) { d.Status = []Status{{Name: "age"}, {Name: "age"}} },
		"package twice":  func(d *Document) { d.Muster = append(d.Muster, d.Muster[0]) },
		"lines in names": func(d *Document) { d.System.Hostname = "a\nb" },
	} {
		d := desktop(3)
		change(d)
		if _, err := d.Marshal(); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", " a\tb \n": "a b", "x\xffy": "x\ufffdy", "\x1b[1m": "[1m", "é\u202e": "é",
		strings.Repeat("é", MaxText): strings.Repeat("é", MaxText/2),
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%.20q) = %.20q", in, got)
		}
	}
	out := Output(strings.Repeat("é\n", MaxOutput))
	if len(out) > MaxOutput || !utf8.ValidString(out) || !strings.HasSuffix(out, "é\né") {
		t.Errorf("%d bytes of output", len(out))
	}
}

func TestHashes(t *testing.T) {
	a, b := desktop(5), desktop(5)
	b.Packages["dpkg"][0].Installed++
	was, err := a.Hashes()
	if err != nil {
		t.Fatal(err)
	}
	is, err := b.Hashes()
	if err != nil {
		t.Fatal(err)
	}
	for name := range was {
		if (was[name] == is[name]) == (name == "packages.dpkg") {
			t.Errorf("section %s: %s, %s", name, was[name], is[name])
		}
	}
	if was.Set() == is.Set() {
		t.Error("the set-hash does not change with a row")
	}
}

// TestSourceLeftOut holds that a document does not say twice what a package is.
func TestSourceLeftOut(t *testing.T) {
	for name, change := range map[string]func(*Package){
		"name":    func(p *Package) { p.Source = p.Name },
		"version": func(p *Package) { p.SourceVersion = p.Version },
	} {
		d := desktop(3)
		change(&d.Packages["dpkg"][1])
		if _, err := d.Marshal(); err == nil {
			t.Errorf("the same %s passes", name)
		}
		delta, err := Diff(desktop(2), desktop(3))
		if err != nil {
			t.Fatal(err)
		}
		change(&delta.Packages["dpkg"].Added[0])
		if _, err := delta.Marshal(); err == nil {
			t.Errorf("the same %s passes in a delta", name)
		}
	}
}
