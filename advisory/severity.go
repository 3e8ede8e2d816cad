package advisory

import (
	"strings"

	"muster"
)

// Severity is how bad it is, in the words that publishers share. Greater is
// worse.
type Severity int

// Severities.
const (
	Unknown Severity = iota
	Negligible
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"unknown", "negligible", "low", "medium", "high", "critical"}

func (s Severity) String() string {
	if s < 0 || int(s) >= len(severityNames) {
		return severityNames[Unknown]
	}
	return severityNames[s]
}

// severityWords are words of publishers for one of ours: Red Hat's and SUSE's
// moderate and important, Debian's unimportant, NVD's none.
var severityWords = map[string]Severity{
	"": Unknown, "none": Negligible, "unimportant": Negligible,
	"moderate": Medium, "important": High,
}

// ParseSeverity reads a name of a severity, or a publisher's word for one, in
// any case.
func ParseSeverity(word string) (Severity, error) {
	word = strings.ToLower(strings.TrimSpace(word))
	for s, name := range severityNames {
		if word == name {
			return Severity(s), nil
		}
	}
	if s, ok := severityWords[word]; ok {
		return s, nil
	}
	return Unknown, muster.Errorf(muster.Invalid, "%q is no severity", word)
}
