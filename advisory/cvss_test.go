package advisory

import (
	"strings"
	"testing"
)

// TestScore holds vectors against the scores that FIRST's documents and NVD give.
func TestScore(t *testing.T) {
	for vector, want := range map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H":                    9.8,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H":                    10, // CVE-2021-44228
		"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:N":                    5.4,
		"CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N":                    6.1,
		"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N":                    7.5, // CVE-2014-0160
		"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H":                    7.8,
		"CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N":                    0,
		"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H": 10,
		"CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N": 7.3,
		"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N": 0,
		"CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N": 7.7,
		"AV:N/AC:L/Au:N/C:C/I:C/A:C":                                      10,
		"AV:N/AC:L/Au:N/C:N/I:N/A:C":                                      7.8, // CVE-2002-0392
		"AV:L/AC:H/Au:N/C:C/I:C/A:C":                                      6.2, // CVE-2003-0062
	} {
		got, err := Score(vector)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", vector, got, err, want)
		}
	}
	for _, bad := range []string{"", "9.8", "CVSS:3.1/AV:N", "CVSS:5.0/AV:N", "CVSS:3.1/" + strings.Repeat("A", 300), "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X"} {
		if score, err := Score(bad); err == nil || SeverityOfVector(bad) != Unknown {
			t.Errorf("%q scores %v", bad, score)
		}
	}
}

func TestSeverities(t *testing.T) {
	for score, want := range map[float64]Severity{0: Negligible, 0.1: Low, 3.9: Low, 4: Medium, 6.9: Medium, 7: High, 8.9: High, 9: Critical, 10: Critical} {
		if got := SeverityOfScore(score); got != want {
			t.Errorf("%v is %s, want %s", score, got, want)
		}
	}
	if got := SeverityOfVector("AV:N/AC:L/Au:N/C:C/I:C/A:C"); got != High {
		t.Errorf("10.0 of CVSS 2 is %s", got)
	}
	for word, want := range map[string]Severity{"Important": High, "moderate": Medium, " LOW ": Low, "critical": Critical, "": Unknown, "unimportant": Negligible} {
		if got, err := ParseSeverity(word); err != nil || got != want {
			t.Errorf("%q is %s, %v", word, got, err)
		}
	}
	if _, err := ParseSeverity("catastrophic"); err == nil {
		t.Error("there is a severity of no name")
	}
	for s := Unknown; s <= Critical; s++ {
		if got, err := ParseSeverity(s.String()); err != nil || got != s {
			t.Errorf("%s reads as %s, %v", s, got, err)
		}
	}
	if Severity(99).String() != "unknown" || Severity(-1).String() != "unknown" {
		t.Error("a number that is no severity has a name")
	}
}

// FuzzScore: a score is between 0 and 10, with one decimal.
func FuzzScore(f *testing.F) {
	f.Add("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O/RC:C/CR:H")
	f.Add("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:U")
	f.Add("AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C")
	f.Fuzz(func(t *testing.T, vector string) {
		score, err := Score(vector)
		if err != nil {
			return
		}
		if tenths := score * 10; score < 0 || score > 10 || tenths-float64(int(tenths+0.5)) > 1e-9 || float64(int(tenths+0.5))-tenths > 1e-9 {
			t.Fatalf("%q scores %v", vector, score)
		}
	})
}
