package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Update is one that a scan of Windows found missing. Finding them is not
// the business of this package.
type Update struct {
	ID             string   // of Microsoft, a UUID
	KBs            []string // "KB5031356"
	Title          string
	Classification string // "security", "critical", "definition", "driver", ...
	Severity       string // "critical", "important", "moderate", "low"; "" is none
	Published      time.Time
}

// An UpdateRule says which updates are wanted.
type UpdateRule struct {
	Allow, Forbid                     []string // KBs
	Classifications, NoClassification []string
	Severities                        []string
	Default                           string // "allow", "forbid", or "" to leave it to others
	Delay, Deadline                   time.Duration
	From                              string
}

// Updates are the rules of all packages of kind wsus, of the highest precedence
// first.
type Updates []UpdateRule

var classifications = []string{"security", "critical", "definition", "update-rollup", "update", "service-pack",
	"feature-pack", "tool", "driver", "upgrade"}

var severities = []string{"critical", "important", "moderate", "low"}

var updateFields = []string{"allow", "forbid", "classifications", "forbid-classifications", "severities",
	"default", "delay", "deadline", "comment"}

func readUpdateRule(stanza map[string]string) (r UpdateRule, err error) {
	for name, value := range ordered(stanza) {
		if !slices.Contains(updateFields, name) {
			return r, unknown(name, updateFields)
		}
		if err := r.set(name, value); err != nil {
			return r, &Error{Field: name, Err: err}
		}
	}
	if r.Deadline > 0 && r.Deadline < r.Delay {
		return r, &Error{Field: "deadline", Err: errors.New("it comes before the delay is over")}
	}
	return r, nil
}

func (r *UpdateRule) set(name, value string) (err error) {
	switch name {
	case "allow":
		r.Allow, err = kbs(value)
	case "forbid":
		r.Forbid, err = kbs(value)
	case "classifications":
		r.Classifications, err = some(value, classifications)
	case "forbid-classifications":
		r.NoClassification, err = some(value, classifications)
	case "severities":
		r.Severities, err = some(value, severities)
	case "default":
		if r.Default = value; value != "allow" && value != "forbid" {
			err = fmt.Errorf("%q is neither allow nor forbid", value)
		}
	case "delay":
		r.Delay, err = span(value)
	case "deadline":
		r.Deadline, err = span(value)
	}
	return err
}

// span reads a time span of up to a year.
func span(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err == nil && d > 365*day {
		err = fmt.Errorf("%s is longer than a year", s)
	}
	return d, err
}

func some(value string, from []string) ([]string, error) {
	all, err := list(value)
	return chosen(all, err, from)
}

func kbs(value string) ([]string, error) {
	all, err := list(value)
	for _, kb := range all {
		if n := strings.TrimPrefix(kb, "KB"); n == kb || len(n) < 6 || len(n) > 8 || strings.Trim(n, "0123456789") != "" {
			return nil, fmt.Errorf("%q is no number of an update such as KB5031356", kb)
		}
	}
	return all, err
}

// ReadUpdates reads the document of a package of kind wsus; from names it.
// Stanzas that are wrong are skipped and told.
func ReadUpdates(doc Document, from string) (Updates, []Problem) {
	return readAll(doc, from, func(s map[string]string) (UpdateRule, error) {
		r, err := readUpdateRule(s)
		r.From = from
		return r, err
	})
}

// A Verdict says whether an update is wanted.
type Verdict struct {
	Wanted bool      `json:"wanted"`
	From   time.Time `json:"from"`         // not before
	Due    time.Time `json:"due,omitzero"` // at the latest
	Reason string    `json:"reason"`
}

// Judge asks the rules in their order; the first that says something of the
// update decides. What no rule names is not wanted.
func (rules Updates) Judge(u Update) Verdict {
	for i := range rules {
		r := &rules[i]
		yes, why := r.says(&u)
		if why == "" {
			continue
		}
		v := Verdict{Wanted: yes, Reason: fmt.Sprintf("%s by %s", why, r.From)}
		if yes {
			v.From = u.Published.Add(r.Delay)
		}
		if yes && r.Deadline > 0 {
			v.Due = u.Published.Add(r.Deadline)
		}
		return v
	}
	return Verdict{Reason: "named by no rule"}
}

// says is what the rule decides, and why; "" where it decides nothing. What it
// forbids goes before what it allows, single updates before classes of them.
func (r *UpdateRule) says(u *Update) (wanted bool, why string) {
	switch {
	case meets(r.Forbid, u.KBs):
		return false, "forbidden by its number"
	case meets(r.Allow, u.KBs):
		return true, "allowed by its number"
	case slices.Contains(r.NoClassification, u.Classification):
		return false, "forbidden by its classification"
	case slices.Contains(r.Classifications, u.Classification):
		return true, "allowed by its classification"
	case slices.Contains(r.Severities, u.Severity):
		return true, "allowed by its severity"
	case r.Default != "":
		return r.Default == "allow", map[bool]string{true: "allowed", false: "forbidden"}[r.Default == "allow"] + " like all others"
	}
	return false, ""
}
