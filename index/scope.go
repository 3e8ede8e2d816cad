package index

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"muster"
	"muster/sign"
)

// KindHead stands in a scope for the heads of the repository, whose name is
// its id.
const KindHead muster.Kind = "head"

// A Scope says who may sign some of the packages. Scopes are an ordered list:
// the first that covers a package decides, and what none covers may be signed
// by everybody who is trusted. Fields are in the order of their JSON names.
type Scope struct {
	// Kinds lists kinds of package, or "head"; empty is every package and the
	// heads.
	Kinds []muster.Kind `json:"kinds,omitempty"`
	// Names lists package names, where * stands for any characters and ? for
	// one; empty is every name.
	Names []string `json:"names,omitempty"`
	Need  int      `json:"need,omitempty"` // distinct signers of those below; 0 is 1
	// Signers lists fingerprints of signers' certificates, or of authorities
	// below which a signer's certificate was issued.
	Signers []string `json:"signers"`
}

// Check reports the first rule that s breaks, or nil.
func (s *Scope) Check() error {
	for i, k := range s.Kinds {
		if !k.Valid() && k != KindHead || slices.Contains(s.Kinds[:i], k) {
			return fmt.Errorf("kind %.40q is unknown, or stands twice", k)
		}
	}
	for _, name := range s.Names {
		if name == "" || len(name) > 256 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789+.~-*?") != "" {
			return fmt.Errorf("name %.80q is not a package name with * and ?", name)
		}
	}
	if len(s.Names) > maxRevoked || len(s.Signers) == 0 || len(s.Signers) > maxAnchors {
		return fmt.Errorf("no signers, or a list has too many entries")
	}
	if s.Need < 0 || s.Need > MaxSigners || s.Need == 1 {
		return fmt.Errorf("need %d is out of range; leave it out for 1", s.Need)
	}
	return checkSums("signers", s.Signers)
}

// Covers reports whether s is about packages of that kind and name.
func (s *Scope) Covers(kind muster.Kind, name string) bool {
	if len(s.Kinds) > 0 && !slices.Contains(s.Kinds, kind) {
		return false
	}
	for _, glob := range s.Names {
		if ok, err := path.Match(glob, name); ok && err == nil {
			return true
		}
	}
	return len(s.Names) == 0
}

// count is the number of distinct persons among sigs that s names. Two
// certificates for one key or one name are of one person, as in package sign.
func (s *Scope) count(sigs []sign.Signature) int {
	return persons(slices.DeleteFunc(slices.Clone(sigs), func(sig sign.Signature) bool { return !s.names(sig) }))
}

func persons(sigs []sign.Signature) int {
	seen, n := map[string]bool{}, 0
	for _, sig := range sigs {
		key, name := "key "+string(sig.Signer.RawSubjectPublicKeyInfo), "name "+string(sig.Signer.RawSubject)
		if !seen[key] && !seen[name] {
			n++
		}
		seen[key], seen[name] = true, true
	}
	return n
}

func (s *Scope) names(sig sign.Signature) bool {
	if slices.Contains(s.Signers, sign.Fingerprint(sig.Signer)) {
		return true
	}
	for _, cert := range sig.Chain {
		if slices.Contains(s.Signers, sign.Fingerprint(cert)) {
			return true
		}
	}
	return false
}
