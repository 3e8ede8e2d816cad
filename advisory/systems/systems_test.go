package systems

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"muster/internal/testneed"
)

// show is a platform in one line: "debian 12", "pkgsrc", "unknown".
func show(p Platform) string {
	if !p.Known {
		return "unknown"
	}
	return strings.TrimSpace(p.Ecosystem + " " + p.Release)
}

// lines yields the fields of testdata/name, separated by " | ".
func lines(t *testing.T, name string, want int, f func(fields []string)) {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for s := bufio.NewScanner(file); s.Scan(); {
		if s.Text() == "" || strings.HasPrefix(s.Text(), "#") {
			continue
		}
		fields := strings.Split(s.Text(), "|")
		if len(fields) != want {
			t.Fatalf("%q has not %d fields", s.Text(), want)
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		f(fields)
		n++
	}
	if n == 0 {
		t.Fatal("no lines")
	}
}

// TestOf maps what real systems say of themselves.
func TestOf(t *testing.T) {
	lines(t, "hosts.txt", 4, func(f []string) {
		if got := show(Builtin().Of(f[0], f[1], f[2])); got != f[3] {
			t.Errorf("%q %q %q is %s, want %s", f[0], f[1], f[2], got, f[3])
		}
	})
}

// TestNamed maps what publishers call systems.
func TestNamed(t *testing.T) {
	lines(t, "names.txt", 3, func(f []string) {
		if got := show(Builtin().Named(f[0], f[1])); got != f[2] {
			t.Errorf("%s %q is %s, want %s", f[0], f[1], got, f[2])
		}
	})
}

// TestProducts holds what OSV calls a product against what CSAF does: a name that one form
// knows alone leaves hosts clean by the other. Every name of SUSE that OSV has is there.
func TestProducts(t *testing.T) {
	held := map[int]bool{}
	lines(t, "products.txt", 3, func(f []string) {
		for i, scheme := range []string{"osv", "cpe"} {
			if got := show(Builtin().Named(scheme, f[i])); got != f[2] {
				t.Errorf("%s %q is %s, want %s", scheme, f[i], got, f[2])
			}
		}
		for i, row := range Builtin().names["osv"] {
			if _, ok := row.pattern.match(plain(f[0])); ok {
				held[i] = true
				break
			}
		}
	})
	for i, row := range Builtin().names["osv"] {
		if row.ecosystem == "sles" && !held[i] {
			t.Errorf("name %d of OSV (%s %s) has no line in products.txt", i, row.ecosystem, row.release)
		}
	}
}

// TestByName: the name decides where rows have one, and another row does not fit before.
func TestByName(t *testing.T) {
	for _, c := range []struct {
		id, version string
		want        bool
	}{{"debian", "12", false}, {"debian", "", true}, {"Debian", " ", true}, {"centos", "7", false}, {"centos", "8", true}, {"openeuler", "22.03", true}, {"plan9", "4", false}} {
		if got := Builtin().ByName(c.id, c.version); got != c.want {
			t.Errorf("%q %q: %v", c.id, c.version, got)
		}
	}
	own, err := Builtin().Extend(strings.NewReader(systemsHeader + "\ndebian,12,Parrot *,ubuntu,24.04\n"))
	if err != nil || !own.ByName("debian", "12") || own.ByName("debian", "13") {
		t.Errorf("%v: %v %v", err, own.ByName("debian", "12"), own.ByName("debian", "13"))
	}
}

// TestTables holds every row of the tables against the ecosystems, and every
// ecosystem against having an order.
func TestTables(t *testing.T) {
	b := Builtin()
	for _, e := range b.Ecosystems() {
		p := b.Ecosystem(e, "1")
		if !p.Known || p.Order == nil || p.Manager == "" || p.Order("1.0", "1.1") >= 0 {
			t.Errorf("ecosystem %q: %+v", e, p)
		}
	}
	if b.Ecosystem("plan9", "").Known {
		t.Error("there is an ecosystem that no table has")
	}
	if len(b.systems) < 100 || len(b.names["suite"]) < 40 || len(b.names["osv"]) < 30 || len(b.names["cpe"]) < 20 {
		t.Error("tables are shorter than they were")
	}
}

// TestFor holds that packages of another manager are not judged as the host's own.
func TestFor(t *testing.T) {
	b := Builtin()
	for _, c := range []struct{ id, version, manager, want string }{
		{"debian", "12", "dpkg", "debian 12"},
		{"debian", "12", "rpm", "unknown"},
		{"debian", "12", "pkgsrc", "pkgsrc"},
		{"plan9", "4", "pkgsrc", "pkgsrc"},
		{"netbsd", "10.1", "pkgsrc", "pkgsrc"},
		{"debian", "12", "flatpak", "unknown"},
	} {
		if got := show(b.For(c.id, c.version, "", c.manager)); got != c.want {
			t.Errorf("%s of %s %s is %s, want %s", c.manager, c.id, c.version, got, c.want)
		}
	}
}

func TestExtend(t *testing.T) {
	own, err := Builtin().Extend(strings.NewReader(systemsHeader + `
# ours
raspbian,{a},,debian,{a}
debian,,*/sid*,debian,14
,,"Our Linux, edition {a}.*",redhat,{a}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][4]string{
		{"raspbian", "12", "", "debian 12"},
		{"debian", "", "Debian GNU/Linux forky/sid", "debian 14"},
		{"", "", "our linux, edition 9.3 beta", "redhat 9"},
		{"debian", "12", "", "debian 12"},
	} {
		if got := show(own.Of(c[0], c[1], c[2])); got != c[3] {
			t.Errorf("%q is %s, want %s", c[:3], got, c[3])
		}
	}
	if Builtin().Of("raspbian", "12", "").Known {
		t.Error("the table itself was changed")
	}
}

func TestExtendErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "begins with the line",
		"id,version\n":                           "begins with the line",
		systemsHeader + "\na,{z},,debian,1\n":    `line 2: "{z}": after { comes`,
		systemsHeader + "\n\na,1,,plan9,1\n":     `line 3: no ecosystem is called "plan9"`,
		systemsHeader + "\na,1,debian,1\n":       "wrong number of fields",
		systemsHeader + "\na,1,{,debian,1\n":     "after { comes",
		systemsHeader + "\na,*a*b*c*,,debian,\n": "more than 3 *",
		systemsHeader + "\na,1,\"x,debian,1\n":   "line 2",
	} {
		_, err := Builtin().Extend(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestDistroInfo holds the code names against Debian's own list of releases.
func TestDistroInfo(t *testing.T) {
	for _, name := range []string{"debian", "ubuntu"} {
		data, err := os.ReadFile("/usr/share/distro-info/" + name + ".csv")
		if err != nil {
			testneed.Missing(t, "package distro-info-data")
		}
		for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n")[1:] {
			f := strings.Split(line, ",")
			version, series := strings.TrimSuffix(f[0], " LTS"), f[2]
			if series == "experimental" {
				continue
			}
			if version == "" {
				version = series
			}
			if got := show(Builtin().Named("suite", series)); got != name+" "+version {
				t.Errorf("suite %q is %s, want %s %s", series, got, name, version)
			}
		}
	}
}

// FuzzOf: no name of a stranger makes a platform of no ecosystem, nor takes long.
func FuzzOf(f *testing.F) {
	f.Add("debian", "12", "Debian GNU/Linux 12 (bookworm)")
	f.Add("", "", "CentOS Linux release 7.9.2009 (Core)")
	f.Add("", "", strings.Repeat("Red Hat Enterprise Linux release ", 8))
	f.Fuzz(func(t *testing.T, id, version, name string) {
		p := Builtin().Of(id, version, name)
		if p.Known != (p.Ecosystem != "") || p.Known != (p.Order != nil) || strings.Contains(p.Release, "{") {
			t.Fatalf("%q %q %q is %+v", id, version, name, p)
		}
		for _, scheme := range []string{"osv", "cpe", "suite"} {
			if n := Builtin().Named(scheme, name); strings.Contains(n.Release, "{") {
				t.Fatalf("%s %q is %+v", scheme, name, n)
			}
		}
	})
}

// FuzzExtend: a table that is read maps to ecosystems that there are.
func FuzzExtend(f *testing.F) {
	f.Add(systemsHeader+"\nraspbian,{a},,debian,{a}\n", "raspbian", "12")
	f.Add(systemsHeader+"\nx,*{a}*{b}*,*,debian,{a}.{b}\n", "x", "1.2.3.4")
	f.Add(systemsHeader+"\nx*\"", "y", "4") // a row that is none
	f.Fuzz(func(t *testing.T, table, id, version string) {
		own, err := Builtin().Extend(strings.NewReader(table))
		if err != nil {
			return
		}
		if p := own.Of(id, version, "name"); p.Known && !Builtin().Ecosystem(p.Ecosystem, "").Known {
			t.Fatalf("%+v", p)
		}
	})
}
