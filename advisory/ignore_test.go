package advisory

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"muster/sitereport"
)

const ignoresYAML = `# What we live with.
- id: CVE-2026-1001
  package: example
  platform: debian 12
  site: LYON
  reason: "not reachable: from outside"
  until: 2027-01-31

- package: linux-*
  platform: Debian
  reason: kernels are patched live
`

const ignoresCSV = `id,package,platform,site,reason,until
# What we live with.
CVE-2026-1001,example,debian 12,LYON,not reachable: from outside,2027-01-31
,linux-*,Debian,,kernels are patched live,
`

// TestParseIgnores: both forms say the same, but for the lines.
func TestParseIgnores(t *testing.T) {
	var lists []Ignores
	for text, lines := range map[string][2]int{
		ignoresYAML: {2, 9}, ignoresCSV: {3, 4}, "\ufeff" + ignoresCSV: {3, 4}, "# Ours.\n\n" + ignoresCSV: {5, 6},
		strings.ReplaceAll(ignoresCSV, "\n", "\r\n"): {3, 4}, strings.ReplaceAll(ignoresYAML, "\n", "\r\n"): {2, 9},
	} {
		list, err := ParseIgnores([]byte(text))
		if err != nil || len(list) != 2 {
			t.Fatalf("%v, %v", list, err)
		}
		for i := range list {
			if list[i].Line != lines[i] {
				t.Errorf("entry %d stands in line %d, want %d", i, list[i].Line, lines[i])
			}
			list[i].Line = 0
		}
		lists = append(lists, list)
	}
	for _, list := range lists {
		if !reflect.DeepEqual(lists[0], list) {
			t.Errorf("%+v and %+v differ", lists[0], list)
		}
	}
	want := Ignore{ID: "CVE-2026-1001", Package: "example", Platform: "debian 12", Site: "LYON",
		Reason: "not reachable: from outside", Until: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}
	if lists[0][0] != want {
		t.Errorf("%+v", lists[0][0])
	}
	for _, empty := range []string{"", "# nothing\n", "[]\n", "id,reason\n"} {
		if list, err := ParseIgnores([]byte(empty)); err != nil || len(list) != 0 {
			t.Errorf("%q: %v, %v", empty, list, err)
		}
	}
}

func TestParseIgnoresErrors(t *testing.T) {
	for text, want := range map[string]string{
		"- id: A\n":                               "line 1: an entry gives a reason",
		"- reason: x\n":                           "line 1: an entry names an id or a package",
		"- id: A\n  reason: x\n  until: soon\n":   `line 3: until: "soon" is no day`,
		"- id: A\n  reason: x\n  host: y\n":       `line 3: there is no field "host"`,
		"- id: A\n  id: B\n  reason: x\n":         `"id" has to be one text, once`,
		"- id: [A]\n  reason: x\n":                `line 1: "id" has to be one text`,
		"- &a\n  id: A\n  reason: x\n- *a\n":      "line 4: an entry has fields",
		"id: A\n":                                 "line 1: a list of entries",
		"- A\n":                                   "line 1: an entry has fields",
		"- id: \"A\n":                             "yaml",
		"id,reason\nA\n":                          "wrong number of fields",
		"id,reason\nA,\n":                         "line 2: an entry gives a reason",
		"id,until,reason\nA,2027-02-30,x\n":       "line 2: until",
		strings.Repeat(" ", maxIgnoreBytes) + "-": "is longer than",
	} {
		_, err := ParseIgnores([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// TestCovers: every field that is there has to fit.
func TestCovers(t *testing.T) {
	f := Finding{
		Advisory: &Advisory{ID: "DSA-1", Aliases: []string{"CVE-1", "CVE-2"}},
		Affected: &Affected{Ecosystem: "debian", Release: "12", Name: "openssl"},
		Package:  sitereport.Package{Manager: "dpkg", Name: "libssl3", Source: "openssl"},
		Platform: platform(t, "debian", "12"),
	}
	for _, c := range []struct {
		e    Ignore
		want bool
	}{
		{Ignore{ID: "DSA-1"}, true}, {Ignore{ID: "CVE-2"}, true}, {Ignore{ID: "CVE-3"}, false},
		{Ignore{Package: "openssl"}, true}, {Ignore{Package: "libssl3"}, true}, {Ignore{Package: "libssl*"}, true}, {Ignore{Package: "ssl*"}, false},
		{Ignore{ID: "CVE-1", Package: "libssl3"}, true}, {Ignore{ID: "CVE-1", Package: "other"}, false},
		{Ignore{ID: "CVE-1", Platform: "debian"}, true}, {Ignore{ID: "CVE-1", Platform: "debian 12"}, true}, {Ignore{ID: "CVE-1", Platform: "debian 11"}, false}, {Ignore{ID: "CVE-1", Platform: "ubuntu"}, false},
		{Ignore{ID: "CVE-1", Site: "LYON"}, true}, {Ignore{ID: "CVE-1", Site: "BARI"}, false},
	} {
		if got := c.e.Covers("LYON", &f); got != c.want {
			t.Errorf("%+v: %v", c.e, got)
		}
	}
}

// TestExpired: an entry counts through the whole of its last day.
func TestExpired(t *testing.T) {
	list, err := ParseIgnores([]byte(ignoresYAML))
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]int{"2026-06-01T00:00:00Z": 0, "2027-01-31T23:59:59Z": 0, "2027-02-01T00:00:00Z": 1} {
		now, err := time.Parse(time.RFC3339, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(list.Expired(now)); got != want {
			t.Errorf("at %s %d entries have expired, want %d", day, got, want)
		}
		if got := len(list.valid(now)); got != len(list)-want {
			t.Errorf("at %s %d entries count", day, got)
		}
	}
}

// FuzzIgnores: every entry of a list that is read says what and why.
func FuzzIgnores(f *testing.F) {
	f.Add([]byte(ignoresYAML))
	f.Add([]byte(ignoresCSV))
	f.Add([]byte("- &a {id: A, reason: x}\n- *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseIgnores(data)
		if err != nil {
			return
		}
		for _, e := range list {
			if e.ID == "" && e.Package == "" || e.Reason == "" || e.Line < 1 {
				t.Fatalf("%+v", e)
			}
		}
	})
}
