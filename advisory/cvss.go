package advisory

import (
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"

	"muster"
)

// maxVector bounds a CVSS vector; the longest of version 4.0 has 219 bytes.
const maxVector = 256

// Score is the base score of a CVSS vector of version 2.0, 3.0 or 3.1, and the
// score of one of version 4.0, exactly as FIRST's specifications compute it.
func Score(vector string) (float64, error) {
	if len(vector) > maxVector {
		return 0, muster.Errorf(muster.Invalid, "CVSS vector of %d bytes is longer than %d", len(vector), maxVector)
	}
	score, err := score(vector)
	if err != nil {
		return 0, muster.Errorf(muster.Invalid, "CVSS vector %q: %w", vector, err)
	}
	return score, nil
}

func score(vector string) (float64, error) {
	version, _, _ := strings.Cut(vector, "/")
	switch version {
	case "CVSS:4.0":
		v, err := cvss40.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return v.Score(), nil
	case "CVSS:3.1":
		v, err := cvss31.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return v.BaseScore(), nil
	case "CVSS:3.0":
		v, err := cvss30.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return v.BaseScore(), nil
	}
	v, err := cvss20.ParseVector(vector)
	if err != nil {
		return 0, err
	}
	return v.BaseScore(), nil
}

// SeverityOfScore is the qualitative rating of a score (CVSS 3.1 section 5,
// 4.0 section 6).
func SeverityOfScore(score float64) Severity {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	case score > 0:
		return Low
	}
	return Negligible
}

// SeverityOfVector rates a vector; one that is none is Unknown. In CVSS 2.0
// nothing is critical.
func SeverityOfVector(vector string) Severity {
	s, err := Score(vector)
	if err != nil {
		return Unknown
	}
	rated := SeverityOfScore(s)
	if !strings.HasPrefix(vector, "CVSS:") {
		return min(rated, High)
	}
	return rated
}
