package advisory

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/testneed"
	"muster/sitereport"
	"muster/version"
)

// dpkgStatus reads the installed packages of a status file of dpkg.
func dpkgStatus(data string) (all []sitereport.Package) {
	for _, stanza := range strings.Split(data, "\n\n") {
		p := sitereport.Package{Manager: "dpkg"}
		installed := false
		for _, line := range strings.Split(stanza, "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "Package":
				p.Name = value
			case "Version":
				p.Version = value
			case "Architecture":
				p.Arch = value
			case "Source":
				source, v, _ := strings.Cut(value, " (")
				p.Source, p.SourceVersion = source, strings.TrimSuffix(v, ")")
			case "Status":
				installed = strings.HasSuffix(value, " installed")
			}
		}
		if p.Name != "" && installed {
			all = append(all, p)
		}
	}
	return all
}

// A trackedSource is a source package of this machine in a made-up tracker.
type trackedSource struct{ name, version string }

// sourcesOnHost are the source packages that packages were built from.
func sourcesOnHost(packages []sitereport.Package) (all []trackedSource) {
	seen := map[string]bool{}
	for i := range packages {
		s := subjectOf(Platform{Manager: "dpkg"}, &packages[i])
		if key := s.source + " " + s.sourceVersion; !seen[key] {
			seen[key] = true
			all = append(all, trackedSource{s.source, s.sourceVersion})
		}
	}
	return all
}

// A trackerDocument is the tracker's list as it is written.
type trackerDocument map[string]map[string]*trackerIssue

type trackerIssue struct {
	Description string                    `json:"description,omitempty"`
	Scope       string                    `json:"scope,omitempty"`
	Releases    map[string]trackerRelease `json:"releases"`
}

type trackerRelease struct {
	Status       string            `json:"status"`
	Repositories map[string]string `json:"repositories"`
	Fixed        string            `json:"fixed_version,omitempty"`
	Urgency      string            `json:"urgency"`
	NoDSA        string            `json:"nodsa,omitempty"`
}

// oracleTracker makes a tracker around what this machine has: for each source
// package one issue of every kind, fixed before, at and behind its version.
func oracleTracker(sources []trackedSource) trackerDocument {
	doc := trackerDocument{}
	for i, s := range sources {
		if doc[s.name] != nil || strings.HasPrefix(s.name, "linux-signed-") || unported(s.version) != s.version {
			continue // two versions of it are installed; a name, and a version, that the tracker does not have
		}
		obsolete := i%17 == 5 // bookworm does not have it
		issues := map[string]*trackerIssue{}
		for kind := range oracleKinds {
			id := fmt.Sprintf("CVE-2026-%d", 10000+i*20+kind)
			switch {
			case kind == 3 && i%4 == 0:
				id = fmt.Sprintf("TEMP-%07d-ABCDEF", i)
			case kind == 1 && i%10 == 0:
				id = "CVE-2026-1" // in many packages
			}
			issues[id] = oracleIssue(kind, s, obsolete)
		}
		doc[s.name] = issues
	}
	return doc
}

// Versions around one that is installed.
func below(v string) string { return v + "~" }
func above(v string) string { return v + "+deb12u99" }

// oracleKinds is how many kinds of issues there are.
const oracleKinds = 15

// oracleIssue is an issue of a kind; archive is the version that bookworm has.
func oracleIssue(kind int, s trackedSource, obsolete bool) *trackerIssue {
	release := func(suite, status, fixed, urgency, archive string) trackerRelease {
		return trackerRelease{Status: status, Fixed: fixed, Urgency: urgency, Repositories: map[string]string{suite: archive}}
	}
	newer := above(s.version) + "+sid"
	sid := release("sid", "resolved", newer, "medium", newer)
	var stable trackerRelease
	resolved := func(fixed string) { stable = release("bookworm", "resolved", fixed, "medium", s.version) }
	open := func(urgency string) { stable = release("bookworm", "open", "", urgency, s.version) }
	switch kind {
	case 0: // repaired exactly in what is installed
		resolved(s.version)
	case 1: // an update is there
		resolved(above(s.version))
		stable.Repositories["bookworm-security"] = above(s.version)
	case 2: // repaired long ago
		resolved(below(s.version))
		sid = release("sid", "resolved", below(s.version), "low", newer)
	case 3: // nowhere repaired
		open("not yet assigned")
		sid = release("sid", "open", "", "not yet assigned", newer)
	case 4: // in unstable alone
		open("high")
	case 5: // in unstable, before what is installed: taken from there
		open("low")
		sid = release("sid", "resolved", s.version, "low", newer)
	case 6: // never affected
		resolved("0")
		sid = release("sid", "resolved", "0", "medium", newer)
	case 7:
		open("unimportant")
		sid = release("sid", "open", "", "unimportant", newer)
	case 8:
		open("end-of-life")
		sid = release("sid", "open", "", "end-of-life", newer)
	case 9:
		open("low")
		stable.Status = "undetermined"
		sid = release("sid", "undetermined", "", "low", newer)
	case 10: // an update of its own is not planned
		open("medium")
		stable.NoDSA = "Minor issue"
	case 11: // repaired in what is installed; the archive has a newer one
		resolved(s.version)
		stable.Repositories["bookworm"] = above(s.version)
	case 12: // only bookworm is repaired
		resolved(s.version)
		sid = release("sid", "open", "", "medium", newer)
	case 13: // bookworm was never affected, unstable is
		resolved("0")
		stable.Repositories["bookworm"] = s.version
	case 14: // repaired in an upload to bookworm that is not yet there
		resolved(above(s.version))
		stable.Repositories["bookworm"] = s.version
	}
	issue := &trackerIssue{Description: fmt.Sprintf("Kind %d in %s.", kind, s.name), Scope: "remote", Releases: map[string]trackerRelease{"sid": sid}}
	if !obsolete {
		issue.Releases["bookworm"] = stable
	}
	return issue
}

// debsecanFeed writes what the tracker publishes for debsecan about a suite
// (tracker/debsecan/release/1): vulnerabilities, packages with the version of
// unstable that is not affected and the versions of other releases that are
// not, and which binaries the suite has of a source. What is unimportant, at its
// end of life, undetermined or never was affected is not in it.
func debsecanFeed(doc trackerDocument, suite string, packages []sitereport.Package) []byte {
	var names, rows, sources []string
	for _, source := range slices.Sorted(maps.Keys(doc)) {
		for _, id := range slices.Sorted(maps.Keys(doc[source])) {
			issue := doc[source][id]
			row, ok := debsecanRow(issue, suite)
			if !ok {
				continue
			}
			rows = append(rows, fmt.Sprintf("%s,%d,%s", source, len(names), row))
			names = append(names, id+",,"+issue.Description)
		}
		has := false
		for _, issue := range doc[source] {
			_, has = issue.Releases[suite]
			break
		}
		var binaries []string
		for i := range packages {
			if has && subjectOf(Platform{Manager: "dpkg"}, &packages[i]).source == source {
				binaries = append(binaries, packages[i].Name)
			}
		}
		sources = append(sources, source+","+strings.Join(binaries, " "))
	}
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	fmt.Fprintf(z, "VERSION 1\n%s\n\n%s\n\n%s\n", strings.Join(names, "\n"), strings.Join(rows, "\n"), strings.Join(sources, "\n"))
	z.Close() // into memory
	return b.Bytes()
}

func debsecanRow(issue *trackerIssue, suite string) (string, bool) {
	sid, stable := issue.Releases["sid"], issue.Releases[suite]
	for _, r := range []trackerRelease{sid, stable} {
		if r.Urgency == "unimportant" || r.Urgency == "end-of-life" || r.Status == "undetermined" {
			return "", false
		}
	}
	if sid.Status == "resolved" && sid.Fixed == "0" {
		return "", false
	}
	var others []string
	fix := ' '
	if stable.Status == "resolved" {
		for _, v := range slices.Sorted(maps.Values(stable.Repositories)) {
			if version.Dpkg(v, stable.Fixed) >= 0 && !slices.Contains(others, v) {
				others = append(others, v)
				fix = 'F'
			}
		}
	}
	urgency := map[string]rune{"low": 'L', "medium": 'M', "high": 'H'}[sid.Urgency]
	if urgency == 0 {
		urgency = ' '
	}
	return fmt.Sprintf("S%c%c%c,%s,%s", urgency, 'R', fix, sid.Fixed, strings.Join(others, " ")), true
}

// runDebsecan returns "CVE package" -> notes.
func runDebsecan(t *testing.T, feed []byte, status string) map[string]string {
	t.Helper()
	program := testneed.Program(t, "debsecan")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bookworm"), feed, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "status"), []byte(status), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--suite", "bookworm", "--source", "file://"+dir, "--status", filepath.Join(dir, "status"),
		"--config", filepath.Join(dir, "none"), "--whitelist", filepath.Join(dir, "none"), "--format", "summary")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("debsecan: %v: %s", err, &stderr)
	}
	found := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words, notes, _ := strings.Cut(line, " (")
		found[words] = strings.TrimSuffix(notes, ")")
	}
	return found
}

// A difference is a verdict that the two do not share, and why.
type difference struct{ why, verdict string }

// TestDebsecan holds verdicts about the packages of this machine against those
// of Debian's debsecan, both fed the same list. Every difference has one of the
// reasons below, which docs/formats/advisories.md gives; each occurs.
func TestDebsecan(t *testing.T) {
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		testneed.Missing(t, "dpkg")
	}
	text := strings.TrimSpace(string(status)) + "\n" + moreStanzas
	packages := dpkgStatus(text)
	if len(packages) < 100 {
		t.Fatalf("only %d packages", len(packages))
	}
	doc := oracleTracker(sourcesOnHost(packages))
	theirs := runDebsecan(t, debsecanFeed(doc, "bookworm", packages), text)
	list, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	read, err := importText(Debian, "tracker", string(list))
	if err != nil || len(read.skipped) > 0 {
		t.Fatalf("%v, %q", err, read.skipped)
	}
	host := Host{System: sitereport.System{ID: "debian", Version: "12", Kernel: "6.1.0-27-amd64"}, Packages: packages}
	ours := MatchAll(nil, host, indexOf(read.all...), nil, time.Time{})
	counts := map[string]int{}
	for _, d := range differences(doc, theirs, &ours) {
		if counts[d.why]++; d.why == "unexplained" && counts[d.why] <= 20 {
			t.Errorf("unexplained: %s", d.verdict)
		}
	}
	agreed := agreement(theirs, &ours)
	t.Logf("%d packages, %d verdicts of debsecan, %d of ours, %d agree; differences: %v", len(packages), len(theirs), len(ours.Open), agreed, counts)
	for _, why := range []string{"unimportant", "end-of-life", "under-investigation", "kernel that does not run", "signed kernel", "past the fix, not the archive's", "of bookworm", "not yet in the archive"} {
		if counts[why] == 0 {
			t.Errorf("no verdict differs because it is %s", why)
		}
	}
	if agreed < len(packages)*3 {
		t.Errorf("only %d verdicts agree", agreed)
	}
}

// moreStanzas are kernels, which this machine need not have, and a package of
// another version of a source than the machine's.
const moreStanzas = `
Package: libdpkg-old
Status: install ok installed
Architecture: amd64
Source: dpkg (1.20.0)
Version: 1.20.0

Package: linux-image-6.1.0-26-amd64
Status: install ok installed
Architecture: amd64
Source: linux-signed-amd64 (6.1.112+1)
Version: 6.1.112-1

Package: linux-image-6.1.0-27-amd64
Status: install ok installed
Architecture: amd64
Source: linux-signed-amd64 (6.1.115+1)
Version: 6.1.115-1

Package: linux-headers-6.1.0-27-amd64
Status: install ok installed
Architecture: amd64
Source: linux
Version: 6.1.115-1
`

func agreement(theirs map[string]string, ours *Findings) (n int) {
	seen := map[string]bool{}
	for _, f := range ours.Open {
		key := f.Advisory.ID + " " + f.Package.Name
		if _, ok := theirs[key]; ok && !seen[key] {
			n++
			seen[key] = true
		}
	}
	return n
}

// differences are the verdicts of one alone.
func differences(doc trackerDocument, theirs map[string]string, ours *Findings) (all []difference) {
	open, idle := map[string]*Finding{}, map[string]bool{}
	for i := range ours.Open {
		f := &ours.Open[i]
		open[f.Advisory.ID+" "+f.Package.Name] = f
	}
	for _, f := range ours.Idle {
		idle[f.Advisory.ID+" "+f.Package.Name] = true
	}
	for key, f := range open {
		if _, ok := theirs[key]; !ok {
			all = append(all, difference{onlyOurs(f), key + " is ours alone: " + showRow(f.Affected)})
		}
	}
	for key, notes := range theirs {
		f := open[key]
		switch {
		case f == nil:
			all = append(all, difference{onlyTheirs(doc, key, idle[key]), key + " is debsecan's alone: " + notes})
		case strings.Contains(notes, "obsolete") != (f.Affected.Status == StatusNotInRelease):
			all = append(all, difference{"unexplained", key + " is obsolete for one: " + notes + ", " + showRow(f.Affected)})
		case strings.Contains(notes, "fixed") != (f.Fixed != ""):
			all = append(all, difference{whyFixed(doc, f), key + " is repaired for one: " + notes + ", " + showRow(f.Affected)})
		}
	}
	return all
}

// onlyOurs says why debsecan does not list it: the feed leaves it out, or calls
// the source of a signed kernel by a name that the tracker does not have.
func onlyOurs(f *Finding) string {
	switch f.Affected.Status {
	case StatusUnimportant, StatusEndOfLife, StatusInvestigating:
		return f.Affected.Status
	}
	if strings.HasPrefix(f.Package.Source, "linux-signed-") {
		return "signed kernel"
	}
	return "unexplained"
}

// onlyTheirs says why we do not list it.
func onlyTheirs(doc trackerDocument, key string, idle bool) string {
	if idle {
		return "kernel that does not run"
	}
	id, _, _ := strings.Cut(key, " ")
	for _, issues := range doc {
		issue := issues[id]
		if issue == nil {
			continue
		}
		stable := issue.Releases["bookworm"]
		switch {
		case stable.Status == "resolved" && stable.Fixed == "0":
			return "of bookworm" // unstable is affected, this release never was
		case stable.Status == "resolved" && !slices.Contains(slices.Collect(maps.Values(stable.Repositories)), stable.Fixed):
			return "past the fix, not the archive's"
		}
	}
	return "unexplained"
}

// whyFixed says why only we know a version without it: debsecan waits until the
// archive has it.
func whyFixed(doc trackerDocument, f *Finding) string {
	stable := doc[f.Affected.Name][f.Advisory.ID].Releases["bookworm"]
	for _, v := range stable.Repositories {
		if version.Dpkg(v, stable.Fixed) >= 0 {
			return "unexplained"
		}
	}
	return "not yet in the archive"
}
