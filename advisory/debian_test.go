package advisory

import (
	"os"
	"strings"
	"testing"

	"muster/sitereport"
)

// TestDebian reads a list in the tracker's form.
func TestDebian(t *testing.T) {
	got := importing(t, Debian, "debian.json")
	golden(t, "golden/debian.txt", got.text())
}

// TestDebianVerdicts holds packages of several releases against that list.
func TestDebianVerdicts(t *testing.T) {
	x := indexOf(importing(t, Debian, "debian.json").all...)
	for _, c := range []struct{ release, version, want string }{
		{"12", "1.4.2-1+deb12u2", "CVE-2011-3374 CVE-2026-1001=1.4.2-1+deb12u3 TEMP-0000000-1A2B3C"},
		{"12", "1.4.2-1+deb12u3", "CVE-2011-3374 TEMP-0000000-1A2B3C"},
		{"11", "1.3.0-2", "CVE-2026-1001"},
		{"11", "1.5.0-2", ""}, // taken from unstable
		{"13", "1.5.0-1", "CVE-2026-1001"},
		{"sid", "1.5.0-1", "CVE-2011-3374 CVE-2026-1001=1.5.0-2"},
		{"sid", "1.5.0-2", "CVE-2011-3374"},
		{"10", "1.0", ""},
	} {
		var words []string
		for _, f := range matches(x, platform(t, "debian", c.release), sitereport.Package{Manager: "dpkg", Name: "example", Version: c.version}) {
			word := f.Advisory.ID
			if f.Fixed != "" {
				word += "=" + f.Fixed
			}
			words = append(words, word)
		}
		if got := sorted(words); got != c.want {
			t.Errorf("example %s of Debian %s: %q, want %q", c.version, c.release, got, c.want)
		}
	}
}

func TestDebianErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "EOF",
		"[]":                     "stands for an object",
		`{"a":[]}`:               "stands for an object",
		`{"a":{"CVE-1":{}}`:      "EOF",
		`{"a":{"CVE-1":{}}} {}`:  "more follows",
		`{"":{"CVE-1":{}}}`:      "package",
		`{"a":{"CVE-1":{"x":}}}`: "invalid character",
	} {
		got, err := importText(Debian, "list", text)
		if err == nil || !strings.Contains(err.Error(), want) || len(got.all) > 0 {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzDebian: what is yielded is bounded and complete, and sorted.
func FuzzDebian(f *testing.F) {
	data, err := os.ReadFile("testdata/debian.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"a":{"CVE-1":{"releases":{"sid":{"status":"resolved","fixed_version":"1"},"bookworm":{"status":"open"}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := importText(Debian, "x", string(data))
		if err != nil {
			return
		}
		checkImported(t, &got)
		for i := 1; i < len(got.all); i++ {
			if got.all[i-1].ID >= got.all[i].ID {
				t.Fatalf("%q before %q", got.all[i-1].ID, got.all[i].ID)
			}
		}
	})
}

// TestDebianBackports: a package of backports is one of a newer release.
func TestDebianBackports(t *testing.T) {
	release := func(suite, status, fixed, high string) string {
		return `"` + suite + `":{"status":"` + status + `","fixed_version":"` + fixed + `","urgency":"high","repositories":{"` + suite + `":"1-1","` + suite + `-security":"` + high + `"}}`
	}
	document := `{"linux":{
"CVE-1":{"releases":{` + strings.Join([]string{release("bullseye", "resolved", "5.10.223-1", "5.10.244-1"), release("bookworm", "resolved", "6.1.99-1", "6.1.148-1"), release("trixie", "resolved", "6.9.9-1", "6.12.43-1"), release("sid", "resolved", "6.9.9-1", "6.16-1")}, ",") + `}},
"CVE-2":{"releases":{` + strings.Join([]string{release("bullseye", "resolved", "0", "5.10.244-1"), release("bookworm", "open", "", "6.1.148-1"), release("sid", "resolved", "6.17-1", "6.16-1")}, ",") + `}},
"CVE-3":{"releases":{` + strings.Join([]string{release("bullseye", "open", "", "5.10.244-1"), release("bookworm", "resolved", "0", "6.1.148-1"), release("sid", "resolved", "6.5-1", "6.16-1")}, ",") + `}},
"CVE-4":{"releases":{` + strings.Join([]string{release("bullseye", "resolved", "4-1", "5.10.244-1"), release("bookworm", "resolved", "4-1", "6.1.148-1"), release("sid", "resolved", "4-1", "6.16-1")}, ",") + `}}}}`
	got, err := importText(Debian, "list", document)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range got.all {
		if a.ID == "CVE-4" && len(a.Affected[0].Ranges) != 1 {
			t.Errorf("CVE-4 has ranges for backports that say nothing else: %+v", a.Affected)
		}
	}
	x := indexOf(got.all...)
	for _, c := range []struct{ release, version, want string }{
		{"11", "5.10.218-1", "CVE-1=5.10.223-1 CVE-3"},
		{"11", "5.10.223-1", "CVE-3"},
		{"11", "6.1.90-1~bpo11+1", "CVE-1 CVE-2"},
		{"11", "6.1.98-1~bpo11+1", "CVE-1 CVE-2"},
		{"11", "6.1.99-1~bpo11+1", "CVE-2"},
		{"11", "6.5.10-1~bpo11+1", "CVE-1 CVE-2"},
		{"11", "6.9.9-1~bpo11+1", "CVE-2"},
		{"11", "6.17-1~bpo11+1", ""},
		{"11", "5.10.218-1~bpo11+1", "CVE-1 CVE-3"}, // older than what the release has
		{"11", "3-1~bpo11+1", "CVE-1 CVE-3 CVE-4=4-1"},
		{"12", "6.1.90-1~bpo11+1", "CVE-1 CVE-2"}, // left there by an upgrade
		{"12", "6.5.10-1~bpo12+1", "CVE-1 CVE-2"},
		{"12", "6.9.9-1~bpo12+1", "CVE-2"},
		{"12", "6.1.90-1", "CVE-1=6.1.99-1 CVE-2"},
		{"12", "6.1.99-1", "CVE-2"},
	} {
		var words []string
		p := platform(t, "debian", c.release)
		for _, f := range matches(x, p, packageOf(t, p, []string{"linux", c.version})) {
			word := f.Advisory.ID
			if f.Fixed != "" {
				word += "=" + f.Fixed
			}
			words = append(words, word)
		}
		if got := sorted(words); got != c.want {
			t.Errorf("linux %s of Debian %s: %q, want %q", c.version, c.release, got, c.want)
		}
	}
}
