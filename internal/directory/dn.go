package directory

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// Bounds on a DN. Active Directory allows 255 characters a value, and few levels.
const (
	maxDN    = 16 << 10 // bytes
	maxDepth = 100      // RDNs
)

// A dnKey stands for a DN, whatever its spelling. A directory may name a million
// members: 16 bytes each are kept instead of their DNs.
type dnKey [16]byte

// attributeType is a name or number of a type (RFC 4512 1.4).
var attributeType = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// parseDN reads a DN as RFC 4514 writes it.
func parseDN(s string) ([]*ldap.RelativeDN, error) {
	if len(s) > maxDN {
		return nil, fmt.Errorf("a DN of %d bytes is longer than %d", len(s), maxDN)
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("the DN %.200q is no UTF-8", s)
	}
	dn, err := ldap.ParseDN(s)
	if err != nil {
		return nil, fmt.Errorf("%.200q is no DN: %w", s, err)
	}
	for _, rdn := range dn.RDNs {
		for _, a := range rdn.Attributes {
			if !attributeType.MatchString(a.Type) {
				return nil, fmt.Errorf("the DN %.200q has %.200q where an attribute should be", s, a.Type)
			}
			// Bytes that are no text would all become the same one.
			if !utf8.ValidString(a.Value) {
				return nil, fmt.Errorf("the DN %.200q is no UTF-8", s)
			}
		}
	}
	if len(dn.RDNs) == 0 || len(dn.RDNs) > maxDepth {
		return nil, fmt.Errorf("the DN %.200q has %d levels, not 1 to %d", s, len(dn.RDNs), maxDepth)
	}
	return dn.RDNs, nil
}

// key hashes rdns in their canonical form. Lengths are hashed too, so that no
// value can pass for a piece of DN.
func key(rdns []*ldap.RelativeDN) (k dnKey) {
	h := sha256.New()
	var buf []byte
	for _, rdn := range rdns {
		pairs := make([][2]string, len(rdn.Attributes))
		for i, a := range rdn.Attributes {
			pairs[i] = [2]string{kind(a.Type), canonical(a.Value)}
		}
		slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
		buf = binary.AppendUvarint(buf[:0], uint64(len(pairs)))
		for _, p := range pairs {
			for _, s := range p {
				buf = append(binary.AppendUvarint(buf, uint64(len(s))), s...)
			}
		}
		h.Write(buf)
	}
	copy(k[:], h.Sum(nil))
	return k
}

// kind is the short name of a type of attribute (RFC 4519).
func kind(attribute string) string {
	switch a := strings.ToLower(strings.TrimPrefix(strings.ToLower(attribute), "oid.")); a {
	case "2.5.4.11", "organizationalunitname":
		return "ou"
	case "2.5.4.3", "commonname":
		return "cn"
	case "0.9.2342.19200300.100.1.25", "domaincomponent":
		return "dc"
	default:
		return a
	}
}

// unitsAbove are the organisational units in which an entry is, the outermost
// first, as package names of their paths. Domain components, and containers such
// as CN=Computers, are none.
func unitsAbove(rdns []*ldap.RelativeDN) ([]string, error) {
	var path, names []string
	for _, rdn := range slices.Backward(rdns[1:]) {
		ou, err := value(rdn, "ou")
		if err != nil {
			return nil, err
		}
		if ou == "" {
			continue
		}
		path = append(path, ou)
		name := unitName(path)
		if name == "" {
			return nil, fmt.Errorf("the unit %q cannot be named", ou)
		}
		names = append(names, name)
	}
	return names, nil
}

// domain is what the domain components say: "example.org", or "".
func domain(rdns []*ldap.RelativeDN) string {
	var labels []string
	for _, rdn := range rdns {
		if dc, err := value(rdn, "dc"); err == nil && dc != "" {
			labels = append(labels, dc)
		}
	}
	return strings.ToLower(strings.Join(labels, "."))
}

// value is that of an RDN for a type of attribute, "" for none. Two of one type
// are no RDN (X.501 9.3): which of them would be the unit?
func value(rdn *ldap.RelativeDN, of string) (v string, err error) {
	for _, a := range rdn.Attributes {
		if kind(a.Type) != of {
			continue
		}
		if v != "" {
			return "", fmt.Errorf("%q is %s twice at one level", rdn.String(), of)
		}
		v = a.Value
	}
	return v, nil
}
