package control

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"muster"
	"muster/version"
)

// MaxText bounds the length in bytes of a text field.
const MaxText = 64 << 10

// Check reports the first field of c with a wrong value as a [*FieldError], or
// nil.
func (c *Control) Check() error {
	for _, check := range []struct {
		field string
		err   error
	}{
		{"package", CheckName(c.Name)},
		{"version", version.Check(c.Version)},
		{"kind", c.checkKind()},
		{"os", checkPlatforms(c.OS, muster.OSes)},
		{"architecture", checkPlatforms(c.Architecture, muster.Arches)},
		{"min-os-version", checkOptional(c.MinOSVersion, version.Check)},
		{"max-os-version", checkOptional(c.MaxOSVersion, version.Check)},
		{"maturity", checkOptional(c.Maturity, checkWord)},
		{"applies-to", c.checkAppliesTo()},
		{"file-names", c.checkFileNames()},
		{"rollout", c.checkRollout()},
		{"depends", checkDepends(c.Depends)},
		{"provides", checkProvides(c.Provides)},
		{"valid-from", checkOptional(c.ValidFrom, checkTime)},
		{"valid-until", checkOptional(c.ValidUntil, checkTime)},
		{"forced-install-on", checkOptional(c.ForcedInstallOn, checkTime)},
		{"audit-schedule", checkOptional(c.AuditSchedule, checkSchedule)},
	} {
		if check.err != nil {
			return &FieldError{Field: check.field, Err: check.err}
		}
	}
	return c.checkTexts()
}

func (c *Control) checkKind() error {
	if !c.Kind.Valid() {
		return fmt.Errorf("%q is no kind; write one of %v", c.Kind, muster.Kinds)
	}
	return nil
}

// selecting are those kinds of package that may say to whom they apply. The
// others would put software on hosts that nobody named.
var selecting = []muster.Kind{muster.Group, muster.Profile, muster.WSUS, muster.SelfService, muster.Config}

// maxSelector is search.MaxText; whether the text is a query is for those who ask it.
const maxSelector = 4096

func (c *Control) checkAppliesTo() error {
	if c.AppliesTo == "" {
		return nil
	}
	if !slices.Contains(selecting, c.Kind) {
		return fmt.Errorf("it is not for packages of kind %s, only for %v", c.Kind, selecting)
	}
	if len(c.AppliesTo) > maxSelector {
		return fmt.Errorf("%d bytes, more than %d", len(c.AppliesTo), maxSelector)
	}
	return nil
}

// RolloutRequired is the one value of [Control.Rollout].
const RolloutRequired = "required"

func (c *Control) checkRollout() error {
	switch {
	case c.Rollout == "":
		return nil
	case c.Rollout != RolloutRequired:
		return fmt.Errorf("%q is unknown; write %q or leave the field out", c.Rollout, RolloutRequired)
	case c.Kind == muster.Rollout:
		return fmt.Errorf("a rollout is not rolled out itself")
	}
	return nil
}

func (c *Control) checkFileNames() error {
	if c.FileNames == "" {
		return nil
	}
	if c.FileNames != "posix" {
		return fmt.Errorf("%q is unknown; write \"posix\" or leave the field out", c.FileNames)
	}
	for _, os := range c.OS {
		if os != "linux" && os != "freebsd" {
			return fmt.Errorf("\"posix\" is only for packages of linux and freebsd, not %q", os)
		}
	}
	return nil
}

// checkTexts holds every text and list field to printable UTF-8 of bounded
// length that the stanza form can carry.
func (c *Control) checkTexts() error {
	for _, name := range stanzaOrder {
		if text := c.text(name); text != nil {
			if err := checkText(*text, name == "description"); err != nil {
				return &FieldError{Field: name, Err: err}
			}
		}
		if list := c.list(name); list != nil {
			for _, s := range *list {
				err := checkText(s, false)
				if err == nil && (s == "" || strings.ContainsAny(s, ",()")) {
					err = fmt.Errorf("%q is empty or has a comma or parenthesis", s)
				}
				if err != nil {
					return &FieldError{Field: name, Err: err}
				}
			}
		}
	}
	for lang, text := range c.Descriptions {
		err := checkText(text, true)
		if len(lang) != 2 || strings.Trim(lang, "abcdefghijklmnopqrstuvwxyz") != "" {
			err = fmt.Errorf("%q is not a language of two letters", lang)
		} else if text == "" {
			err = fmt.Errorf("empty description")
		}
		if err != nil {
			return &FieldError{Field: "description-" + lang, Err: err}
		}
	}
	return nil
}

func checkText(s string, lines bool) error {
	if len(s) > MaxText {
		return fmt.Errorf("%d bytes, more than %d", len(s), MaxText)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("not UTF-8")
	}
	for i, r := range s {
		if r < ' ' && !(lines && (r == '\n' || r == '\t')) || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("control character %q at byte %d", r, i)
		}
	}
	if s != strings.Trim(s, " \t\n") {
		return fmt.Errorf("white space at the start or end")
	}
	for line := range strings.SplitSeq(s, "\n") {
		if lines && (line == "." || line != "" && strings.TrimRight(line, " \t") == "") {
			return fmt.Errorf("a line of only a dot or white space")
		}
	}
	return nil
}

func checkPlatforms(list, known []string) error {
	if len(list) == 0 {
		return fmt.Errorf("empty; write %q for any", All)
	}
	for i, s := range list {
		switch {
		case s == All && len(list) > 1:
			return fmt.Errorf("%q stands beside others", All)
		case s != All && !slices.Contains(known, s):
			return fmt.Errorf("%q is unknown; write %q or some of %s", s, All, strings.Join(known, ", "))
		case slices.Contains(list[:i], s):
			return fmt.Errorf("%q stands twice", s)
		}
	}
	return nil
}

func checkOptional(s string, check func(string) error) error {
	if s == "" {
		return nil
	}
	return check(s)
}

func checkWord(s string) error {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-') {
			return fmt.Errorf("%q is not a word of letters, digits and hyphens", s)
		}
	}
	return nil
}

func checkTime(s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Format("2006-01-02T15:04:05Z") != s {
		return fmt.Errorf("%q is not a time such as 2026-11-21T06:00:00Z", s)
	}
	return nil
}

func checkSchedule(s string) error {
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || n < 1 || n > 9999 || strings.IndexByte("mhdw", s[len(s)-1]) < 0 || s[0] == '0' || s[0] == '+' {
		return fmt.Errorf("%q is not a number followed by m, h, d or w", s)
	}
	return nil
}

func checkDepends(list []Dependency) error {
	for _, d := range list {
		if len(d) == 0 {
			return fmt.Errorf("empty entry")
		}
	}
	return nil
}

func checkProvides(list []Relation) error {
	for _, r := range list {
		if !r.Constraint.IsZero() && (r.Constraint.Mode() != version.Fixed || strings.Contains(r.Constraint.String(), ",")) {
			return fmt.Errorf("%q: only a single bound \"= version\" is allowed", r)
		}
	}
	return nil
}

// osVersionFits reports whether v lies between the bounds; an unknown version does.
func (c *Control) osVersionFits(v string) bool {
	if v == "" {
		return true
	}
	return (c.MinOSVersion == "" || version.Compare(v, c.MinOSVersion) >= 0) &&
		(c.MaxOSVersion == "" || version.Compare(v, c.MaxOSVersion) <= 0)
}

// Equal reports whether a and b say the same.
func Equal(a, b *Control) bool { return a.Stanza().String() == b.Stanza().String() }
