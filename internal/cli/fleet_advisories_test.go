package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const samples = "../../advisory/testdata/"

// TestGuessForm: the form of each sample is seen, and that of the same compressed.
func TestGuessForm(t *testing.T) {
	want := map[string]string{
		"arch.json": "arch", "debian.json": "debian", "dsa.txt": "dsa", "kev.json": "kev", "pkg-vulnerabilities": "pkgsrc", "secdb.json": "secdb",
		"debian.csv": "releases", "epss_scores-2026-11-20.csv": "epss",
		"security-support-ended.deb12": "support", "updateinfo.xml": "updateinfo", "vuln.xml": "vuxml", "vuln-2026.xml": "vuxml",
	}
	for dir, form := range map[string]string{"csaf": "csaf", "oval": "oval", "osv": "osv"} {
		names, err := filepath.Glob(samples + dir + "/*")
		if err != nil || len(names) == 0 {
			t.Fatal(dir, err)
		}
		for _, n := range names {
			if base := filepath.Base(n); base != "README.txt" && !slices.Contains([]string{"bad-type.json"}, base) {
				want[dir+"/"+base] = form
			}
		}
	}
	for name, form := range want {
		for _, path := range []string{samples + name, zipped(t, samples+name)} {
			f := advisoryFile{name: path}
			if err := f.look(); err != nil || f.form != form {
				t.Errorf("%s is %q, %v", path, f.form, err)
			}
		}
	}
	for _, dir := range []string{"osv", "csaf"} {
		f := advisoryFile{name: samples + dir}
		if err := f.look(); err != nil || f.form != dir || !f.folder {
			t.Errorf("%s: %+v, %v", dir, f, err)
		}
	}
	for _, text := range []string{"", "{}", "[]", "[[]]", "{\"a\":", "hello", "<html>", "\x1f\x8b", "[1,2]", `{"id":"x"}`} {
		if form := guessForm("x", []byte(text)); form != "" {
			t.Errorf("%q is %q", text, form)
		}
	}
}

// FuzzGuessForm: whatever a document begins with, it has a form that can be read, or
// none; and white space before it changes nothing.
func FuzzGuessForm(f *testing.F) {
	for _, s := range []string{`{"schema_version":"1.7.0"}`, `{"a":{"CVE-2026-1":{}}}`, `[{"name":"AVG-1","packages":[],"status":"x"}]`, "<updates>", "#FORMAT 1.1.0\n", "PK\x03\x04", `{"document":{"category":1}}`, "[{]}"} {
		f.Add("x", []byte(s))
	}
	f.Fuzz(func(t *testing.T, name string, head []byte) {
		form := guessForm(name, head)
		if form != "" && !slices.Contains(localForms(), form) {
			t.Errorf("%q is no form", form)
		}
		if len(head) > 0 && (head[0] == '{' || head[0] == '[' || head[0] == '<') && len(head) < 200 {
			if again := guessForm(name, append([]byte("\n "), head...)); again != form {
				t.Errorf("%q is %q, and behind white space %q", head, form, again)
			}
		}
	})
}

func listFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func advisoryOf(id, fixed, score string) string {
	event := ""
	if fixed != "" {
		event = `,{"fixed":"` + fixed + `"}`
	}
	return `{"schema_version":"1.7.0","id":"` + id + `","modified":"2026-11-01T00:00:00Z","summary":"about ` + id + `",
	"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/` + score + `"}],
	"affected":[{"package":{"ecosystem":"Debian:12","name":"example"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}` + event + `]}]}]}`
}

// TestMatchFiles: without a server, in every form of report, with every filter.
func TestMatchFiles(t *testing.T) {
	list := listFile(t, "all.json", advisoryOf("CVE-2026-1", "1.4.3-1", "C:H/I:H/A:H")+advisoryOf("CVE-2026-2", "", "C:N/I:L/A:N")+advisoryOf("CVE-2026-3", "1.4.1-1", "C:H/I:H/A:H"))
	kev := listFile(t, "kev.json", `{"title":"x","catalogVersion":"1","dateReleased":"2026-11-01T00:00:00Z","count":1,"vulnerabilities":[{"cveID":"CVE-2026-2","vulnerabilityName":"x","dateAdded":"2026-11-02"}]}`)
	epss := listFile(t, "epss.csv", "cve,epss,percentile\nCVE-2026-1,0.1,0.1\nCVE-2026-2,0.9,0.9\n")
	ignore := listFile(t, "ignore.yaml", "- id: CVE-2026-1\n  reason: not loaded\n- id: CVE-2026-2\n  site: OTHER\n  reason: elsewhere\n")
	old := listFile(t, "old.yaml", "- id: CVE-2026-1\n  reason: not loaded\n  until: 2020-01-01\n")
	for _, report := range []string{nativeReport, pakitiReport, glpiReport} {
		for _, c := range []struct {
			args string
			want string // ids, in their order
			code int
		}{
			{"", "CVE-2026-1 CVE-2026-2", 0},
			{"--exit-code", "CVE-2026-1 CVE-2026-2", 0},
			{"--fixable", "CVE-2026-1", 0},
			{"--severity high", "CVE-2026-1", 0},
			{"--severity medium --text 2026-2", "CVE-2026-2", 0},
			{"--text EXAMPLE --limit 1", "CVE-2026-1", 0},
			{"--exploited", "", 0},
			{"--exploited --exit-code", "", exitNothing},
			{"--advisories " + kev, "CVE-2026-2 CVE-2026-1", 0},
			{"--advisories " + kev + " --exploited", "CVE-2026-2", 0},
			{"--advisories " + epss, "CVE-2026-1 CVE-2026-2", 0},
			{"--advisories " + epss + " --sort epss", "CVE-2026-2 CVE-2026-1", 0},
			{"--advisories " + epss + " --epss 0.5", "CVE-2026-2", 0},
			{"--ignore " + ignore, "CVE-2026-2", 0},
			{"--ignore " + ignore + " --ignored", "CVE-2026-1 CVE-2026-2", 0},
			{"--ignore " + ignore + " --site OTHER --exit-code", "", exitNothing},
			{"--ignore " + old, "CVE-2026-1 CVE-2026-2", 0},
		} {
			out, talk, code := said(t, report, append([]string{"advisories", "match", "--report", "-", "--json", "--advisories", list}, strings.Fields(c.args)...)...)
			var m matchFact
			if err := json.Unmarshal([]byte(out), &m); err != nil || code != c.code {
				t.Errorf("%q: %d, %v: %s%s", c.args, code, err, out, talk)
				continue
			}
			var got []string
			for _, f := range m.Findings {
				got = append(got, f.Advisory.ID)
			}
			if strings.Join(got, " ") != c.want || m.Platform != "debian 12" {
				t.Errorf("%q: %q on %q", c.args, got, m.Platform)
			}
			if c.args == "--ignore "+old && !strings.Contains(talk, "expired") {
				t.Errorf("an end is passed over: %s", talk)
			}
		}
	}
	out, talk, code := said(t, nativeReport, "advisories", "match", "--report", "-", "--advisories", list)
	if code != 0 || !strings.Contains(out, "example  1.4.2-1  CVE-2026-1  critical        1.4.3-1") || !strings.Contains(out, "none yet") ||
		!strings.Contains(talk, "node17.example.org: 2 advisories: 1 critical, 1 medium, 1 with a fix") {
		t.Errorf("%d: %s%s", code, out, talk)
	}
	out, _, _ = said(t, nativeReport, "advisories", "match", "--report", "-", "--advisories", list, "--csv")
	if !strings.HasPrefix(out, "package,version,advisory,severity,epss,fixed,note\nexample,1.4.2-1,CVE-2026-1,critical,,1.4.3-1,\n") {
		t.Error(out)
	}
}

// TestMatchSupport: what a host runs is judged too, and a verdict without a list of
// vulnerabilities says that it is none.
func TestMatchSupport(t *testing.T) {
	list := listFile(t, "all.json", advisoryOf("CVE-2026-1", "1.4.3-1", "C:H/I:H/A:H"))
	ended := listFile(t, "security-support-ended.deb12", "example 1 2020-01-01 unmaintained\nexample2 1 2099-01-01 to come\n")
	lives := listFile(t, "lives.csv", "ecosystem,release,system,name,released,ends\ndebian,12,,Bookworm,,eol=2020-01-31\n")
	for _, c := range []struct {
		args, said, state string
		covered           bool
		found             int
	}{
		{"--advisories " + list, "", "", true, 1},
		{"--advisories " + list + " --advisories " + lives, "debian 12 Bookworm has no support of any kind since 2020-02-01", "ended", true, 1},
		{"--advisories " + lives, "not covered: there is no list of vulnerabilities among the files", "ended", false, 0},
		{"--advisories " + ended, "not covered: no list of advisories speaks of debian 12", "", false, 1},
	} {
		out, talk, code := said(t, nativeReport, append([]string{"advisories", "match", "--report", "-", "--json"}, strings.Fields(c.args)...)...)
		var m matchFact
		err := json.Unmarshal([]byte(out), &m)
		if err != nil || code != 0 || !strings.Contains(talk, c.said) || m.Release.Covered != c.covered || c.state != "" && m.Release.State != c.state || len(m.Findings) != c.found {
			t.Errorf("%q: %d, %v: %+v %s", c.args, code, err, m, talk)
		}
	}
}

// TestMatchRefused: silence is never taken for good news.
func TestMatchRefused(t *testing.T) {
	list := listFile(t, "all.json", advisoryOf("CVE-2026-1", "1.4.3-1", "C:H/I:H/A:H"))
	ubuntu := strings.NewReplacer("debian", "ubuntu", "12", "24.04").Replace(nativeReport)
	unknown := strings.Replace(nativeReport, "Id: debian\n", "Id: tinyos\n", 1)
	for _, c := range []struct {
		report, args, want string
		code               int
	}{
		{ubuntu, "--advisories " + list, "says nothing of ubuntu 24.04", exitFailed},
		{unknown, "--advisories " + list, `no advisories are known to speak of "tinyos 12"`, exitFailed},
		{nativeReport, "", "nothing to hold it against", exitUsage},
		{nativeReport, "--advisories " + list + " --host x", "--host asks the server", exitUsage},
		{nativeReport, "--advisories " + list + " --severity awful", "awful", exitUsage},
		{nativeReport, "--advisories " + list + " --form x", `no form "x"`, exitUsage},
		{nativeReport, "--advisories " + list + " --form osv --form osv", "give --form once", exitUsage},
		{nativeReport, "--advisories " + list + " --platform x", `no platform "x"`, exitUsage},
		{nativeReport, "--advisories " + list + ".not", "no such file", exitFailed},
		{nativeReport, "--advisories " + samples + "updateinfo.xml", "says nothing of debian 12", exitFailed},
		{nativeReport, "--advisories " + samples + "oval", "no documents of OSV or CSAF", exitUsage},
		{nativeReport, "--advisories " + listFile(t, "x.json", "{"), "cannot see which form", exitUsage},
		{"hello", "--advisories " + list, "cannot read report", exitFailed},
	} {
		out, talk, code := said(t, c.report, append([]string{"advisories", "match", "--report", "-", "--exit-code"}, strings.Fields(c.args)...)...)
		if code != c.code || out != "" || !strings.Contains(talk, c.want) {
			t.Errorf("%q: %d, %q, %s", c.args, code, out, talk)
		}
	}
}
