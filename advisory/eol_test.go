package advisory

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/advisory/systems"
	"muster/internal/testneed"
	"muster/sitereport"
)

func readLives(t *testing.T, name, text string) (lives map[string]*Life, unknown []string) {
	t.Helper()
	var got imported
	o, _ := got.take(name)
	lives = map[string]*Life{}
	err := Releases(strings.NewReader(text), o, func(l *Life) error { lives[l.Name] = l; return nil })
	if err != nil || got.skipped != nil {
		t.Fatalf("%s: %v %q", name, err, got.skipped)
	}
	return lives, got.unknown
}

func day(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}

func TestReleases(t *testing.T) {
	data, err := os.ReadFile("testdata/debian.csv")
	if err != nil {
		t.Fatal(err)
	}
	lives, _ := readLives(t, "debian.csv", string(data))
	if len(lives) != 2 {
		t.Errorf("%d releases", len(lives))
	}
	l := lives["Bookworm"]
	if l.ID() != "release:debian:12" {
		t.Errorf("Bookworm is %+v", l)
	}
	for at, want := range map[string]string{
		"2023-06-09T23:59:59": "not-released ", "2023-06-10T00:00:00": "supported eol", "2026-07-11T23:59:59": "supported eol", "2026-07-12T00:00:00": "extended eol-lts",
		"2028-07-01T00:00:00": "extended eol-elts", "2033-06-30T23:59:59": "extended eol-elts", "2033-07-01T00:00:00": "ended eol-elts",
	} {
		if got := l.Support(day(t, at)); got.State+" "+got.Kind != want {
			t.Errorf("at %s: %+v, want %q", at, got, want)
		}
	}
	if got := l.Support(day(t, "2024-01-01T00:00:00")); got.End != day(t, "2026-07-12T00:00:00") {
		t.Errorf("ends at %d", got.End)
	}
}

func TestReleasesRefuses(t *testing.T) {
	for _, text := range []string{
		"", "a,b,c\n", "ecosystem,release,system,name,released,ends\ndebian,12,,x\n", "ecosystem,release,system,name,released,ends\ndebian,12,,x,,eol=never\n",
		"ecosystem,release,system,name,released,ends\ndebian,12,,x,,\ndebian,12,,y,,\n", "version,codename,series,created,release,eol\n12,Bookworm,bookworm,x,not a day\n",
		"version,codename,series,created,release,eol\n12,\"Bookworm\n", "version,codename,series,created,release,eol\n" + strings.Repeat("x", 1<<20),
	} {
		if err := Releases(strings.NewReader(text), Options{Name: "list.csv"}, func(*Life) error { return nil }); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "list.csv") {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

// TestBuiltinLives holds the table that comes with the program against the lists of
// distro-info-data that are installed here, and asks it about hosts.
func TestBuiltinLives(t *testing.T) {
	all := BuiltinLives()
	for _, c := range []struct{ id, version, name, day, want string }{
		{"debian", "12", "", "2026-11-21", "extended eol-lts Bookworm"},
		{"debian", "8", "", "2026-11-21", "ended eol-elts Jessie"},
		{"ubuntu", "22.04", "", "2026-11-21", "supported eol Jammy Jellyfish"},
		{"ubuntu", "18.04.6", "", "2026-11-21", "extended eol-esm Bionic Beaver"},
		{"rhel", "7.9", "", "2026-11-21", "extended eol-els Red Hat Enterprise Linux 7"},
		{"centos", "7", "CentOS Linux 7 (Core)", "2026-11-21", "ended eol CentOS Linux 7"},
		{"centos", "8", "CentOS Linux 8", "2026-11-21", "ended eol CentOS Linux 8"},
		{"", "", "CentOS Linux release 7.9.2009 (Core)", "2026-11-21", "ended eol CentOS Linux 7"},
		{"", "", "CentOS release 6.10 (Final)", "2026-11-21", "ended eol CentOS Linux 6"},
		{"", "", "Scientific Linux release 7.9 (Nitrogen)", "2024-06-30", "supported eol Scientific Linux 7"},
		{"centos", "9", "CentOS Stream 9", "2026-11-21", "supported eol CentOS Stream 9"},
		{"sles", "15.3", "", "2026-11-21", "ended eol-ltss SLES 15 SP3"},
		{"alpine", "3.20.3", "", "2026-11-21", "ended eol Alpine Linux v3.20"},
		{"freebsd", "14.1", "", "2026-11-21", "supported eol FreeBSD 14"},
	} {
		s := sitereport.System{ID: c.id, Version: c.version, Name: c.name}
		l := all.Of(systems.Builtin().Of(c.id, c.version, c.name), s)
		if l == nil {
			t.Errorf("%+v is not known", s)
			continue
		}
		got := l.Support(day(t, c.day+"T12:00:00"))
		if text := got.State + " " + got.Kind + " " + l.Name; text != c.want {
			t.Errorf("%+v: %q, want %q", s, text, c.want)
		}
	}
	for _, s := range []sitereport.System{{ID: "arch"}, {ID: "debian", Version: "sid"}, {ID: "tinyos", Version: "1"}, {}} {
		if l := all.Of(systems.Builtin().Of(s.ID, s.Version, s.Name), s); l != nil {
			t.Errorf("%+v: %+v", s, l)
		}
	}
	for _, name := range []string{"debian", "ubuntu"} {
		data, err := os.ReadFile("/usr/share/distro-info/" + name + ".csv")
		if err != nil {
			t.Skip(err)
		}
		real, _ := readLives(t, name+".csv", string(data))
		for _, l := range all {
			if r := real[l.Name]; l.Ecosystem == name && (r == nil || r.Release != l.Release || r.Released != l.Released || !slices.Equal(r.Ends, l.Ends)) {
				t.Errorf("%+v, and %+v", l, r)
			}
		}
	}
}

// TestReleasesReal reads the lists of distro-info-data that are installed here.
// All releases that they have a day for are known to the tables; a program of
// the same hands says which are supported.
func TestReleasesReal(t *testing.T) {
	info := testneed.Program(t, "distro-info") // which needs the lists
	data, err := os.ReadFile("/usr/share/distro-info/debian.csv")
	if err != nil {
		t.Fatal(err)
	}
	debian, unknown := readLives(t, "debian.csv", string(data))
	if len(debian) < 15 || unknown != nil {
		t.Errorf("%d releases of Debian, unknown are %q", len(debian), unknown)
	}
	data, err = os.ReadFile("/usr/share/distro-info/ubuntu.csv")
	if err != nil {
		t.Fatal(err)
	}
	ubuntu, unknown := readLives(t, "ubuntu.csv", string(data))
	if len(ubuntu) < 40 || unknown != nil {
		t.Errorf("%d releases of Ubuntu, unknown are %q", len(ubuntu), unknown)
	}
	for _, date := range []string{"2019-03-01", "2022-08-09", "2024-06-30", "2024-08-15"} {
		askDistroInfo(t, info, "debian", date, debian)
		askDistroInfo(t, info, "ubuntu", date, ubuntu)
	}
}

// askDistroInfo asks distro-info which releases have their first kind of support
// on a day. For releases of Ubuntu with longer support the server counts.
func askDistroInfo(t *testing.T, info, system, date string, lives map[string]*Life) {
	t.Helper()
	program := strings.Replace(info, "distro-info", system+"-distro-info", 1)
	out, err := exec.Command(program, "--supported", "--date="+date).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(out))
	want = slices.DeleteFunc(want, func(s string) bool { return s == "sid" || s == "experimental" })
	var got []string
	for name, l := range lives {
		if l.Support(day(t, date+"T12:00:00")).State == Supported {
			got = append(got, strings.ToLower(strings.Fields(name)[0]))
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s on %s: %s is not supported, says %s", system, date, name, program)
		}
	}
	// distro-info counts the release that is being made as supported, too.
	if missing := slices.DeleteFunc(want, func(s string) bool { return slices.Contains(got, s) }); len(missing) > 2 {
		t.Errorf("%s on %s: %q are supported, says %s", system, date, missing, program)
	}
}

func TestSecuritySupport(t *testing.T) {
	golden(t, "golden/security-support-ended.deb12.txt", func() string { got := importing(t, SecuritySupport, "security-support-ended.deb12"); return got.text() }())
	if _, err := importText(SecuritySupport, "list", "hello 1 2026-01-01\n"); muster.KindOf(err) != muster.Invalid {
		t.Errorf("a list of no release: %v", err)
	}
	got, err := importText(SecuritySupport, "security-support-limited", "golang.*  See the notes\n")
	if err != nil || len(got.all) != 1 || got.all[0].Affected[0].Release != "" || got.all[0].Affected[0].Name != "golang*" {
		t.Errorf("%v\n%s", err, got.text())
	}
}

// TestSecuritySupportProgram holds the real lists against the program that they
// are made for, on the packages of this machine.
func TestSecuritySupportProgram(t *testing.T) {
	program := testneed.Program(t, "check-support-status")
	packages := installedHere(t, testneed.Program(t, "dpkg-query"))
	release := releaseHere(t)
	for _, list := range []struct{ kind, file string }{{"ended", "security-support-ended.deb" + release}, {"limited", "security-support-limited"}} {
		out, err := exec.Command(program, "--type", list.kind, "--no-heading", "--list", "/usr/share/debian-security-support/"+list.file).Output()
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join("/usr/share/debian-security-support", list.file))
		if err != nil {
			t.Fatal(err)
		}
		got, err := importText(SecuritySupport, list.file, string(data))
		if err != nil || got.skipped != nil || len(got.all) < 3 {
			t.Fatalf("%v\n%s", err, got.text())
		}
		x, p := indexOf(got.all...), platform(t, "debian", release)
		hits, now := 0, time.Now().Unix()
		for _, pkg := range packages {
			found := slices.DeleteFunc(matches(x, p, pkg), func(f Finding) bool { return f.Advisory.Published > now })
			says := strings.Contains(string(out), "  - "+pkg.Name+" (") || strings.Contains(string(out), "  - "+pkg.Name+":"+pkg.Arch+" (")
			if len(found) > 0 != says {
				t.Errorf("%s: %s of %s: the list says %v, the program %v", list.kind, pkg.Name, pkg.Source, len(found) > 0, says)
			}
			hits += len(found)
		}
		t.Logf("%s: %d packages of %d", list.kind, hits, len(packages))
	}
}
