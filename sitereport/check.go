package sitereport

import (
	"slices"
	"strings"

	"muster"
	"muster/inventory"
)

// Bounds of a report.
const (
	MaxReport   = 32 << 20 // bytes of the native form, and of any other, decompressed
	MaxPackages = 200_000

	maxHost  = 253     // bytes of a name of the DNS
	maxGiven = 100     // bytes of site and tag
	maxLine  = 8192    // more than seven texts of inventory.MaxText have
	maxTime  = 1 << 53 // what every reader of numbers represents
	nonceLen = 32
)

// Check reports the first place where r is not what docs/formats/report.md allows.
func (r *Report) Check() error {
	if err := r.checkHeader(); err != nil {
		return err
	}
	if n := len(r.Packages); n == 0 || n > MaxPackages {
		return muster.Errorf(muster.Invalid, "report has %d packages, not 1 to %d", n, MaxPackages)
	}
	for i := range r.Packages {
		p := &r.Packages[i]
		if err := p.check(); err != nil {
			return err
		}
		if i > 0 && r.Packages[i-1].compare(p) >= 0 {
			return muster.Errorf(muster.Invalid, "packages are not sorted, or one is there twice: %q", p.Name)
		}
	}
	return nil
}

func (r *Report) checkHeader() error {
	for _, f := range r.fields() {
		if !isText(*f.value) {
			return muster.Errorf(muster.Invalid, "field %s is not a text: %.40q", f.name, *f.value)
		}
	}
	switch {
	case r.Host == "":
		return muster.Errorf(muster.Invalid, "report has no host")
	case len(r.Host) > maxHost || strings.ContainsFunc(r.Host, isSpace):
		return muster.Errorf(muster.Invalid, "%.40q is no name of a host", r.Host)
	case len(r.Site) > maxGiven || len(r.Tag) > maxGiven:
		return muster.Errorf(muster.Invalid, "site or tag has more than %d bytes", maxGiven)
	case r.Time < 0 || r.Time > maxTime:
		return muster.Errorf(muster.Invalid, "time %d is out of range", r.Time)
	case r.Nonce != "" && !isHex(r.Nonce, nonceLen):
		return muster.Errorf(muster.Invalid, "nonce %.40q is not %d hexadecimal digits", r.Nonce, nonceLen)
	}
	return nil
}

func (p *Package) check() error {
	for _, s := range p.texts() {
		if !isText(*s) {
			return muster.Errorf(muster.Invalid, "package %.40q has what is no text: %.40q", p.Name, *s)
		}
	}
	switch {
	case !slices.Contains(inventory.Sources, p.Manager):
		return muster.Errorf(muster.Invalid, "package %.40q is of an unknown manager %.40q", p.Name, p.Manager)
	case p.Name == "":
		return muster.Errorf(muster.Invalid, "a package of %s has no name", p.Manager)
	case p.Source == p.Name:
		return muster.Errorf(muster.Invalid, "package %.40q names itself as its source", p.Name)
	case p.SourceVersion != "" && p.SourceVersion == p.Version:
		return muster.Errorf(muster.Invalid, "package %.40q names its own version as that of its source", p.Name)
	}
	return nil
}

// texts are the fields of a line, in order.
func (p *Package) texts() [7]*string {
	return [...]*string{&p.Manager, &p.Name, &p.Version, &p.Arch, &p.Source, &p.SourceVersion, &p.Origin}
}

// isText reports what a field may be. Nearly all are printable ASCII.
func isText(s string) bool {
	if len(s) > inventory.MaxText {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return inventory.Text(s) == s
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}

func isSpace(r rune) bool { return strings.TrimSpace(string(r)) == "" }

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}
