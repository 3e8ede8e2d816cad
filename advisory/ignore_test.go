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
		Advisory: &Advisory{ID: "DSA-1", Aliases: []string{"CVE-1", "DEBIAN-CVE-1"}},
		Affected: &Affected{Ecosystem: "debian", Release: "12", Name: "openssl"},
		Package:  sitereport.Package{Manager: "dpkg", Name: "libssl3", Source: "openssl"},
		Platform: platform(t, "debian", "12"),
	}
	for _, c := range []struct {
		e    Ignore
		want bool
	}{
		{Ignore{ID: "DSA-1"}, true}, {Ignore{ID: "DEBIAN-CVE-1"}, true}, {Ignore{ID: "CVE-3"}, false},
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

// TestIgnoredBy: who decides about one vulnerability says nothing about the others that
// the same advisory repairs.
func TestIgnoredBy(t *testing.T) {
	two := &Advisory{ID: "DSA-1", Aliases: []string{"CVE-1", "CVE-2", "DEBIAN-CVE-2"}}
	one := &Advisory{ID: "DEBIAN-CVE-1", Aliases: []string{"CVE-1", "GHSA-1"}}
	none := &Advisory{ID: "X-1", Aliases: []string{"GHSA-1", "GHSA-2"}}
	for _, c := range []struct {
		a     *Advisory
		ids   string
		first int
		left  string
	}{
		{two, "", -1, ""}, {two, "DSA-1", 0, ""}, {two, "CVE-1", -1, "CVE-2"}, {two, "DEBIAN-CVE-2", -1, "CVE-1"}, {two, "CVE-3", -1, ""},
		{two, "CVE-1 CVE-1", -1, "CVE-2"}, {two, "CVE-3 CVE-2 CVE-1", 1, ""}, {two, "CVE-1 DEBIAN-CVE-2", 0, ""}, {two, "CVE-1 *", 1, ""}, {two, "CVE-2 CVE-1 DSA-1", 2, ""},
		{one, "CVE-1", 0, ""}, {one, "GHSA-1", 0, ""}, {one, "DEBIAN-CVE-1", 0, ""}, {one, "CVE-2", -1, ""},
		{none, "GHSA-1", -1, "GHSA-2"}, {none, "GHSA-2 GHSA-1", 0, ""},
	} {
		ids := strings.Fields(c.ids)
		for i := range ids {
			ids[i] = strings.TrimPrefix(ids[i], "*")
		}
		first, left := c.a.IgnoredBy(ids)
		if first != c.first || strings.Join(left, " ") != c.left {
			t.Errorf("%s with %q: %d, left %q; want %d, %q", c.a.ID, c.ids, first, left, c.first, c.left)
		}
	}
	if len(two.Aliases) != 3 || len(none.Aliases) != 2 {
		t.Errorf("advisories were changed: %v, %v", two.Aliases, none.Aliases)
	}
}

// TestIgnoreOneOfTwo: an advisory of which a part is ignored stays open, with a note.
func TestIgnoreOneOfTwo(t *testing.T) {
	x := indexOf(&Advisory{ID: "DSA-1", Aliases: []string{"CVE-1", "CVE-2"}, Affected: []Affected{{Ecosystem: "debian", Release: "12", Name: "example"}}})
	h := Host{System: sitereport.System{ID: "debian", Version: "12"}, Packages: []sitereport.Package{{Manager: "dpkg", Name: "example", Version: "1"}}}
	list := Ignores{{ID: "CVE-1", Reason: "not built in"}, {ID: "CVE-2", Site: "LYON", Reason: "not reachable"}}
	found := MatchAll(nil, h, x, list, time.Time{})
	if len(found.Open) != 1 || found.Open[0].Note != "ignored but for CVE-2" {
		t.Errorf("%+v", found)
	}
	h.Site = "LYON"
	found = MatchAll(nil, h, x, list, time.Time{})
	if len(found.Open) != 0 || len(found.Ignored) != 1 || found.Ignored[0].Why.Reason != "not built in" || found.Ignored[0].Note != "" {
		t.Errorf("%+v", found)
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
