package cli

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/api"
	"muster/sitereport"
)

// said runs the program and returns what it answers, what it says beside it, and the
// exit code. Nobody has a session.
func said(t *testing.T, in string, args ...string) (out, talk string, code int) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("MUSTER_TOKEN", "")
	var o, e strings.Builder
	code = Main(args, strings.NewReader(in), &o, &e)
	return o.String(), e.String(), code
}

// TestSiteChanges: one version in the place of another is one change; of several side by
// side nobody can say which became which.
func TestSiteChanges(t *testing.T) {
	p := func(name, version string, hosts int) api.SitePackage {
		return api.SitePackage{Manager: "dpkg", Name: name, Version: version, Arch: "amd64", System: "debian 12", Hosts: hosts}
	}
	d := api.SiteDiff{
		Removed: []api.SitePackage{p("bash", "1", 3), p("linux", "5", 1), p("linux", "6", 2), p("gone", "1", 0)},
		Added:   []api.SitePackage{p("bash", "2", 2), p("linux", "7", 3), p("new", "1", 1)},
	}
	var got []string
	for _, c := range siteChanges(&d) {
		got = append(got, strings.Join([]string{c.op, c.Name, c.from, c.to, c.hosts}, " "))
	}
	want := []string{"changed bash 1 2 -3 +2", "removed gone 1  ", "removed linux 5  -1", "removed linux 6  -2", "added linux  7 +3", "added new  1 +1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

// TestSheet: what a host calls itself stays in its cell, and is no formula.
func TestSheet(t *testing.T) {
	var out, talk strings.Builder
	a := &app{out: &out, err: &talk, now: func() time.Time { return time.Unix(1795253888, 0) }}
	fill := func(csv bool) *sheet {
		s := a.sheet(csv, "none", "host", "seen")
		s.add("=1+1\x1b[31m\tx", s.ago(1795253888-86400*3))
		return s
	}
	if err := fill(false).print(nil); err != nil || strings.ContainsAny(out.String(), "\x1b\t") || !strings.Contains(out.String(), "3 days ago") {
		t.Errorf("%q, %v", out.String(), err)
	}
	out.Reset()
	if err := fill(true).print(nil); err != nil || !strings.HasPrefix(out.String(), "host,seen\n") || !strings.Contains(out.String(), "'=1+1") || !strings.Contains(out.String(), "2026-11-18T09:38:08Z") {
		t.Errorf("%q, %v", out.String(), err)
	}
	out.Reset()
	if err := a.sheet(false, "no %d hosts", "host").print(nil); err != nil || out.Len() > 0 || talk.String() != "no %d hosts\n" {
		t.Errorf("%q, %q, %v", out.String(), talk.String(), err)
	}
}

// TestPages: a list is as long as was asked for, and an error ends it.
func TestPages(t *testing.T) {
	all := []int{1, 2, 3, 4, 5, 6, 7}
	ask := func(cursor string, n int) ([]int, string, error) {
		from := len(cursor)
		to := min(from+n, len(all))
		if to == len(all) {
			return all[from:to], "", nil
		}
		return all[from:to], strings.Repeat("x", to), nil
	}
	for limit, want := range map[int]int{0: 7, 1: 1, 3: 3, 4: 4, 7: 7, 9: 7} {
		if got, err := pages(limit, 3, ask); err != nil || !slices.Equal(got, all[:want]) {
			t.Errorf("%d: %v, %v", limit, got, err)
		}
	}
	if _, err := pages(0, 3, func(string, int) ([]int, string, error) { return nil, "more", io.ErrUnexpectedEOF }); err == nil {
		t.Error("an error is passed over")
	}
}

// TestSiteFlags: what is not given stays as it is.
func TestSiteFlags(t *testing.T) {
	old := api.SitePut{Note: "old", Open: true, Addresses: []string{"192.0.2.0/24"}, Forget: 10, Past: 20, Quota: api.SiteQuota{Hosts: 1, Reports: 2, Bytes: 3, Packages: 4}}
	o := siteFlags{note: "new", forget: "2d", past: "never", quota: api.SiteQuota{Hosts: 5}}
	got := old
	if err := o.put(&got, func(string) bool { return false }); err != nil || !reflect.DeepEqual(got, old) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := o.put(&got, func(name string) bool {
		return slices.Contains([]string{"note", "forget", "past", "hosts", "open", "from"}, name)
	}); err != nil {
		t.Fatal(err)
	}
	want := api.SitePut{Note: "new", Forget: 2 * 86400, Quota: api.SiteQuota{Hosts: 5, Reports: 2, Bytes: 3, Packages: 4}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
	o.forget = "soon"
	if err := o.put(&got, func(string) bool { return true }); err == nil || !isUsage(err) {
		t.Error(err)
	}
}

const nativeReport = "Muster-Report: 1\nHost: node17.example.org\nSite: EXAMPLE\nId: debian\nVersion: 12\nArch: x86_64\nKernel: 6.1.0-28-amd64\n\ndpkg\texample\t1.4.2-1\tamd64\t\t\t\n"
const pakitiReport = "#\narch: x86_64\nhost: node17.example.org\nkernel: 6.1.0-28-amd64\npackager: dpkg\nsite: EXAMPLE\nsystem: Debian GNU/Linux 12\nversion: 1\n#\nexample\t1.4.2-1\tamd64\n#\n"
const glpiReport = `{"action":"inventory","deviceid":"x","itemtype":"Computer","content":{"hardware":{"name":"node17"},"operatingsystem":{"fqdn":"node17.example.org","full_name":"Debian GNU/Linux 12","kernel_version":"6.1.0-28-amd64"},"softwares":[{"name":"example","version":"1.4.2-1","arch":"amd64","from":"deb"}]}}`

// TestParseReport: a report is judged in whichever form a host has it.
func TestParseReport(t *testing.T) {
	key := sitereport.Key{ID: "example-1", Secret: "kXk0Zt1mQ8_vJr7TnW4sYb2cLd5eFg6h"}
	packed, err := sitereport.Pack([]byte(nativeReport))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"native": []byte(nativeReport), "proven": key.Prove([]byte(nativeReport)), "packed": packed, "pakiti": []byte(pakitiReport), "glpi": []byte(glpiReport)} {
		r, err := parseReport(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Host != "node17.example.org" || len(r.Packages) != 1 || r.Packages[0].Name != "example" || r.Packages[0].Version != "1.4.2-1" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for data, want := range map[string]string{"": "", "0\x82\x01": "sealed", `{"action":"contact","deviceid":"x"}`: "contact", "hello": ""} {
		if _, err := parseReport([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	for _, s := range []string{nativeReport, pakitiReport, glpiReport, "0\x82", "\x1f\x8b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseReport(data)
		if err != nil {
			return
		}
		text, err := r.Marshal()
		if err != nil {
			return // a foreign form has names that no report of ours has
		}
		again, err := parseReport(text)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%v: %+v, then %+v", err, r, again)
		}
	})
}

// TestInstalled: what package managers print is judged as a report is.
func TestInstalled(t *testing.T) {
	for text, want := range map[string]string{
		"example\t1.4.2-1\n":                            "example 1.4.2-1 ",
		"example:amd64\t0:1.4.2-1\n\n":                  "example 1.4.2-1 amd64",
		"b 2 all\nexample 1:1.4.2-1 amd64\r\nb 2 all\n": "b 2 all, example 1:1.4.2-1 amd64",
	} {
		r, err := parseInstalled("x", []byte(text), "debian:12")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, p := range r.Packages {
			got = append(got, p.Name+" "+p.Version+" "+p.Arch)
		}
		if strings.Join(got, ", ") != want || r.Packages[0].Manager != "dpkg" {
			t.Errorf("%q: %q", text, got)
		}
	}
	for text, on := range map[string]string{"": "debian:12", "bash-5.1.8-9.el9.x86_64\n": "rocky:9", "a 1\n": "tinyos:1", "a b c d\n": "debian 12"} {
		if r, err := parseInstalled("x", []byte(text), on); err == nil {
			t.Errorf("%q on %q: %+v", text, on, r)
		}
	}
}

func FuzzInstalled(f *testing.F) {
	f.Add([]byte("example:amd64\t1.4.2-1\n"), "debian:12")
	f.Add([]byte("bash 0:5.1.8-9.el9 x86_64\n"), "rocky 9.5")
	f.Fuzz(func(t *testing.T, data []byte, on string) {
		r, err := parseInstalled("x", data, on)
		if err != nil {
			return
		}
		text, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseReport(text); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%v: %+v, then %+v", err, r, again)
		}
	})
}

// zipped is a file of advisories, compressed.
func zipped(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	path := filepath.Join(t.TempDir(), filepath.Base(name)+".gz")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
