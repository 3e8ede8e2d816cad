package pkgfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"muster"
)

// Bounds of a policy.
const (
	maxStanzas     = 1000
	maxFields      = 256
	maxPolicyName  = 64
	maxPolicyValue = 64 << 10 // bytes
)

// speaking are those kinds of package that carry a policy.
var speaking = []muster.Kind{muster.Config, muster.SelfService, muster.WSUS, muster.Rollout}

func (m *Manifest) checkPolicy() error {
	if len(m.Policy) == 0 {
		return nil
	}
	if !slices.Contains(speaking, m.Control.Kind) {
		return fmt.Errorf("a package of kind %s has no policy", m.Control.Kind)
	}
	if len(m.Policy) > maxStanzas {
		return fmt.Errorf("policy: %d stanzas, more than %d", len(m.Policy), maxStanzas)
	}
	for i, stanza := range m.Policy {
		if len(stanza) == 0 || len(stanza) > maxFields {
			return fmt.Errorf("policy: stanza %d has %d fields, not 1 to %d", i+1, len(stanza), maxFields)
		}
		for name, value := range stanza {
			if err := checkPolicyField(name, value); err != nil {
				return fmt.Errorf("policy: stanza %d: field %q: %w", i+1, name, err)
			}
		}
	}
	return nil
}

// checkPolicyField holds that a field can be written in a line of deb822.
func checkPolicyField(name, value string) error {
	if name == "" || len(name) > maxPolicyName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || !isLetter(name[0]) {
		return fmt.Errorf("not a name of lower-case letters, digits and hyphens")
	}
	if value == "" || len(value) > maxPolicyValue || !utf8.ValidString(value) || strings.TrimSpace(value) != value {
		return fmt.Errorf("not UTF-8 of 1 to %d bytes, or white space around it", maxPolicyValue)
	}
	for _, r := range value {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("control character %q", r)
		}
	}
	return nil
}
