package search

import (
	"strings"

	"muster"
	"muster/version"
)

// readVersion reads the value of a field that is a version.
func (t *Term) readVersion(w word) error {
	t.compareTo = t.Cmp
	if low, high, ok := w.split(); ok && (t.Cmp == Has || t.Cmp == Equal) {
		t.compareTo = Between
		if err := checkBound(high); err != nil {
			return err
		}
		t.high, w = text(high.in), low
	}
	if err := checkBound(w); err != nil {
		return err
	}
	if t.compareTo == Has {
		t.compareTo = Equal
	}
	t.Cmp = t.compareTo
	t.low = text(w.in)
	var err error
	t.version, err = w.pattern()
	if _, ok := t.version.Literal(); err == nil && !ok && t.Cmp != Equal {
		return muster.WithHint(errorAt(w.at, "%q compares with a version, not with a pattern", t.Cmp), "write %s:%s", t.Field.Name, t.low)
	}
	return err
}

func (t *Term) printVersion() string {
	switch t.Cmp {
	case Between:
		return t.Field.Name + ":" + quoted(t.low, bareValue) + ".." + quoted(t.high, bareValue)
	case Equal:
		return t.Field.Name + ":" + t.version.print(bareValue)
	}
	return t.Field.Name + string(t.Cmp) + t.version.print(bareValue)
}

// holds reports whether version v compares as cmp to that of the term.
func (t *Term) holds(cmp Cmp, by scheme, v string) bool {
	if cmp == Between {
		return by.compare(v, t.low) >= 0 && by.compare(v, t.high) <= 0
	}
	if _, ok := t.version.Literal(); !ok {
		return t.version.Match(asFar(v, t.low)) == (cmp == Equal)
	}
	c := by.compare(v, t.low)
	switch cmp {
	case Equal:
		return c == 0
	case Unequal:
		return c != 0
	case Less:
		return c < 0
	case LessEqual:
		return c <= 0
	case Greater:
		return c > 0
	}
	return c >= 0
}

// A scheme is how a source writes and orders versions.
type scheme struct {
	order version.Order
	// packager is where the part of the packager begins: the last of this text,
	// or the first, as in the release of a kernel.
	packager string
	first    bool
}

var schemes = map[string]scheme{
	"apk":     {order: version.APK, packager: "-r"},
	"freebsd": {order: version.FreeBSD, packager: "_"},
	"pacman":  {order: version.RPM, packager: "-"},
	"pkgsrc":  {order: version.Pkgsrc, packager: "nb"},
	"rpm":     {order: version.RPM, packager: "-"},
	"windows": {order: version.Windows},
}

// schemeOf returns that of a source. Sources that define none have that of Debian,
// which is that of muster too.
func schemeOf(source string) scheme {
	if s, ok := schemes[source]; ok {
		return s
	}
	return scheme{order: version.Dpkg, packager: "-"}
}

// compare orders v, which a host has, and bound, which a person wrote. What a
// bound does not say does not count: an epoch, and the part of the packager. So
// "openssl<3.0.7" speaks of OpenSSL, whoever packaged it.
func (s scheme) compare(v, bound string) int {
	v = asFar(v, bound)
	if s.packager != "" && !strings.Contains(bound, s.packager) {
		at := strings.LastIndex(v, s.packager)
		if s.first {
			at = strings.Index(v, s.packager)
		}
		if at > 0 {
			v = v[:at]
		}
	}
	return s.order(v, bound)
}

// asFar takes the epoch from v where bound has none: what comes before a colon,
// of FreeBSD what comes behind a comma.
func asFar(v, bound string) string {
	epoch, rest, ok := strings.Cut(v, ":")
	if ok && strings.Trim(epoch, "0123456789") == "" && !strings.Contains(bound, ":") {
		v = rest
	}
	if i := strings.LastIndexByte(v, ','); i > 0 && !strings.Contains(bound, ",") && strings.Trim(v[i+1:], "0123456789") == "" {
		v = v[:i]
	}
	return v
}
