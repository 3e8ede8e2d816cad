package advisory

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"muster/internal/testneed"
	"muster/version"
)

// TestEpochsOfRPM asks rpm how it orders versions, and holds ours against it. In the order
// itself there is no difference. Where an installed version is held against a bound there
// is one, on purpose: rpm takes a missing epoch for 0, and we ask for both.
func TestEpochsOfRPM(t *testing.T) {
	rpm := testneed.Program(t, "rpm")
	versions := []string{"1.0-1", "0:1.0-1", "1:0.5-1", "1:1.0-1", "2.0-1", "0:2.0-1", "2:0.1-1", "1.0-1.el9_2", "0:1.0-2"}
	var script strings.Builder
	for _, a := range versions {
		for _, b := range versions {
			fmt.Fprintf(&script, "print(rpm.vercmp(%q,%q)..' ')", a, b)
		}
	}
	out, err := exec.Command(rpm, "--eval", "%{lua:"+script.String()+"}").Output()
	answers := strings.Fields(string(out))
	if err != nil || len(answers) != len(versions)*len(versions) {
		t.Skipf("this rpm does not compare whole versions: %v %.100s", err, out)
	}
	c, differ := comparison{version.RPM, true}, 0
	for i, installed := range versions {
		for j, bound := range versions {
			says := answers[i*len(versions)+j]
			if got := fmt.Sprint(version.RPM(installed, bound)); got != says {
				t.Errorf("%s and %s: the order is %s, rpm says %s", installed, bound, got, says)
			}
			one := strings.HasPrefix(installed, "1:") || strings.HasPrefix(installed, "2:")
			other := strings.HasPrefix(bound, "1:") || strings.HasPrefix(bound, "2:")
			both := strings.Contains(installed, ":") == strings.Contains(bound, ":")
			got := fmt.Sprint(c.compare(installed, bound))
			switch {
			case both || !one && !other: // an epoch of 0 is none
				if got != says {
					t.Errorf("%s against %s: %s, rpm says %s", installed, bound, got, says)
				}
			case got != says:
				differ++
			}
		}
	}
	if differ == 0 {
		t.Error("there is no difference any more: say so in docs/formats/advisories.md")
	}
	t.Logf("%d of %d pairs are ordered otherwise than by rpm: one has an epoch, and the other does not say any", differ, len(answers))
}

// TestStreamsByVersion: streams of a module are told apart by numbers of versions, and
// what a module's context says (".module+el8.9.0+19330+c97ddbdf") does not count.
func TestStreamsByVersion(t *testing.T) {
	for _, c := range []struct {
		module, installed, bound string
		same                     bool
	}{
		{"nodejs:18", "1:18.12.1-2.module+el8.7.0+17306+fc023f99", "1:18.20.4-1.module+el8.10.0+22190+3f1e2a2e", true},
		{"nodejs:18", "1:20.12.2-1.module+el8.9.0+1+a", "1:18.20.4-1.module+el8.10.0+1+a", false},
		{"perl:5.30", "4:5.32.1-473.module+el8.6.0+1+a", "4:5.30.1-452.module+el8.6.0+1+a", false},
		{"perl:5.30", "4:5.26.3-420.el8", "4:5.30.1-452.module+el8.6.0+1+a", false},
		{"container-tools:rhel8", "2:1.33.6-1.module+el8.10.0+1+a", "2:1.33.7-1.module+el8.10.0+1+a", true},
		// A package of the module that is not numbered like its stream may be of any.
		{"postgresql:15", "1.4.6-3.module+el8.9.0+1+a", "0:1.4.8-1.module+el8.9.0+1+a", true},
		{"", "1:18.12.1-2.module+el8.7.0+1+a", "1:18.20.4-1.module+el8.10.0+1+a", true},
		{"", "1:16.12.1-2.module+el8.7.0+1+a", "1:18.20.4-1.module+el8.10.0+1+a", false},
		{"", "8.0.26-1.el9", "8.0.30-1.el9", true},
		{"", "8.0.26-1.module_el8.4.0+1+a", "8.0.30-1.el8", false},
	} {
		if got := sameStream(c.module, c.installed, c.bound); got != c.same {
			t.Errorf("%q: %s and %s: %v, want %v", c.module, c.installed, c.bound, got, c.same)
		}
	}
}
