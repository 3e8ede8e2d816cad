package advisory

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"muster/sitereport"
)

// TestMatch holds packages against rows: testdata/match.txt has the traps of
// every ecosystem, one a line, with the verdict and why.
func TestMatch(t *testing.T) {
	file, err := os.Open("testdata/match.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for s := bufio.NewScanner(file); s.Scan(); {
		line := s.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		n++
		matchLine(t, line)
	}
	if n < 60 {
		t.Errorf("only %d lines", n)
	}
}

// matchLine is: ecosystem release; package version [arch=] [source=] [sourceversion=];
// row name [binary] [arch=] [module=] [ranges and versions]; verdict.
func matchLine(t *testing.T, line string) {
	t.Helper()
	f := strings.Split(line, ";")
	if len(f) != 4 {
		t.Fatalf("%q has not four parts", line)
	}
	ecosystem, release, _ := strings.Cut(strings.TrimSpace(f[0]), " ")
	p := platform(t, ecosystem, release)
	pkg := packageOf(t, p, strings.Fields(f[1]))
	row := rowOf(t, p, strings.Fields(f[2]))
	verdict, _, _ := strings.Cut(f[3], "#")
	want := strings.TrimSpace(verdict)
	if got := verdictOf(p, pkg, row); got != want {
		t.Errorf("%s\n\tis %q", line, got)
	}
	// The index says the same, whatever else it holds.
	x := indexOf(&Advisory{ID: "other", Affected: []Affected{{Ecosystem: ecosystem, Release: "x", Name: pkg.Name}}}, &Advisory{ID: "it", Affected: []Affected{*row}})
	got := "no"
	if found := matches(x, p, pkg); len(found) == 1 && found[0].Advisory.ID == "it" {
		got = strings.TrimSpace("yes " + found[0].Fixed)
	}
	if got != want {
		t.Errorf("%s\n\tthe index says %q", line, got)
	}
}

func verdictOf(p Platform, pkg sitereport.Package, row *Affected) string {
	fixed, hit := Match(p, pkg, row)
	if !hit {
		return "no"
	}
	return strings.TrimSpace("yes " + fixed)
}

func packageOf(t *testing.T, p Platform, words []string) sitereport.Package {
	t.Helper()
	pkg := sitereport.Package{Manager: p.Manager, Name: words[0], Version: words[1]}
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "arch":
			pkg.Arch = value
		case "source":
			pkg.Source = value
		case "sourceversion":
			pkg.SourceVersion = value
		case "manager":
			pkg.Manager = value
		default:
			t.Fatalf("no field %q", key)
		}
	}
	return pkg
}

func rowOf(t *testing.T, p Platform, words []string) *Affected {
	t.Helper()
	a := &Affected{Ecosystem: p.Ecosystem, Release: p.Release, Name: words[0]}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		var r Range
		switch key {
		case "binary":
			a.Binary = true
			continue
		case "elsewhere":
			a.FixElsewhere = true
			continue
		case "glob":
			a.Glob = true
			continue
		case "everyrelease":
			a.Release = ""
			continue
		case "release":
			a.Release = value
			continue
		case "arch":
			a.Arch = value
			continue
		case "module":
			a.Module = value
			continue
		case "is":
			a.Versions = append(a.Versions, value)
			continue
		case "range": // introduced|fixed|last|after|branch
			parts := append(strings.Split(value, "|"), "", "", "", "")
			r = Range{Introduced: parts[0], Fixed: parts[1], Last: parts[2], After: parts[3], Branch: parts[4]}
		default:
			t.Fatalf("no field %q", key)
		}
		a.Ranges = append(a.Ranges, r)
	}
	return a
}

// TestPlatforms: what is said of one system is not said of another.
func TestPlatforms(t *testing.T) {
	pkg := sitereport.Package{Manager: "dpkg", Name: "nginx", Version: "1.0-1"}
	row := &Affected{Ecosystem: "debian", Release: "12", Name: "nginx"}
	for _, c := range []struct {
		p    Platform
		want bool
	}{
		{platform(t, "debian", "12"), true}, {platform(t, "debian", "11"), false},
		{platform(t, "ubuntu", "12"), false}, {Platform{}, false}, {platform(t, "redhat", "12"), false},
	} {
		if _, hit := Match(c.p, pkg, row); hit != c.want {
			t.Errorf("on %s %s: %v", c.p.Ecosystem, c.p.Release, hit)
		}
		if found := matches(indexOf(&Advisory{ID: "a", Affected: []Affected{*row}}), c.p, pkg); len(found) > 0 != c.want {
			t.Errorf("on %s %s the index says %v", c.p.Ecosystem, c.p.Release, found)
		}
	}
}
