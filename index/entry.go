package index

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/control"
	"muster/deb822"
	"muster/pkgfile"
	"muster/sign"
)

// MaxSigners bounds the signers of one package, as package sign does.
const MaxSigners = 16

// An Entry is one package of an index: its control, and facts about its file.
// It is not changed once it is part of an index.
type Entry struct {
	*control.Control
	// Filename is the path below the repository: see [Pool].
	Filename string
	Size     int64  // bytes of the file
	SHA256   string // of the file, lower-case hexadecimal
	// ManifestSHA256 names the content, whoever signed it.
	ManifestSHA256 string
	InstalledSize  int64 // bytes of the regular files that are placed in the root
	// NeedsCode says that a signer needs the code-signing right.
	NeedsCode bool
	// Signers lists the fingerprints of the certificates that signed, sorted.
	Signers []string
	// Icon is the hash of the package's icon, which lies under [IconName]; "" for none.
	Icon string

	text string // the stanza and the empty line behind it; "" before it is printed
}

// The names of the fields behind those of the control, in the order in which
// they are printed.
var factNames = []string{
	"filename", "size", "sha256", "manifest-sha256", "installed-size", "needs-code", "signers", "icon",
}

// NewEntry describes a package file of that size and hash. sigs are what
// verification returned.
func NewEntry(p *pkgfile.Package, size int64, sha256 string, sigs []sign.Signature) *Entry {
	e := &Entry{
		Control:        &p.Manifest.Control,
		Filename:       Pool(&p.Manifest.Control),
		Size:           size,
		SHA256:         sha256,
		ManifestSHA256: p.ManifestSHA256(),
		InstalledSize:  p.Manifest.InstalledSize(),
		NeedsCode:      p.Manifest.NeedsCode(),
	}
	if icon := p.Manifest.Icon(); icon != nil {
		e.Icon = icon.SHA256
	}
	for _, s := range sigs {
		e.Signers = append(e.Signers, sign.Fingerprint(s.Signer))
	}
	slices.Sort(e.Signers)
	e.Signers = slices.Compact(e.Signers)
	return e
}

// Pool is the path of a package's file below its repository:
// pool/<first character of the name>/<name>/<file name>, or where the package
// stands in a bin hosts/<first two digits of the name's sha256>/<name>/<file name>.
func Pool(c *control.Control) string {
	if Binned(c.Kind) {
		return binDir(c.Name) + c.FileName()
	}
	return poolDir(c.Name) + c.FileName()
}

// IconName is the path of an icon below its repository.
func IconName(sha256 string) string { return "icons/" + sha256 }

func binDir(name string) string { return "hosts/" + BinOf(name)[:2] + "/" + name + "/" }

func poolDir(name string) string {
	return "pool/" + name[:min(1, len(name))] + "/" + name + "/"
}

// parseEntry reads one stanza.
func parseEntry(s deb822.Stanza) (*Entry, error) {
	c, err := control.Parse(s, factNames...)
	if err != nil {
		return nil, err
	}
	e := &Entry{Control: c}
	for _, f := range s {
		if err := e.set(f); err != nil {
			return nil, &control.FieldError{Line: f.Line, Field: f.Name, Err: err}
		}
	}
	if err := e.checkFacts(); err != nil {
		return nil, fmt.Errorf("line %d: %w", s[0].Line, err)
	}
	return e, nil
}

// set reads one of the facts; other fields belong to the control.
func (e *Entry) set(f deb822.Field) (err error) {
	switch f.Name {
	case "filename":
		e.Filename = f.Value
	case "size":
		e.Size, err = strconv.ParseInt(f.Value, 10, 64)
	case "sha256":
		e.SHA256 = f.Value
	case "manifest-sha256":
		e.ManifestSHA256 = f.Value
	case "installed-size":
		e.InstalledSize, err = strconv.ParseInt(f.Value, 10, 64)
	case "needs-code":
		if e.NeedsCode = f.Value == "yes"; !e.NeedsCode {
			err = fmt.Errorf("%q is not yes; leave the field out", f.Value)
		}
	case "signers":
		if strings.Count(f.Value, ",") >= MaxSigners {
			return fmt.Errorf("more than %d", MaxSigners)
		}
		e.Signers = strings.Split(f.Value, ", ")
	case "icon":
		if e.Icon = f.Value; !isSHA256(e.Icon) {
			err = fmt.Errorf("%.80q is not a sha256", f.Value)
		}
	}
	return err
}

// Check reports the first rule that e breaks, or nil.
func (e *Entry) Check() error {
	if err := e.Control.Check(); err != nil {
		return err
	}
	return e.checkFacts()
}

func (e *Entry) checkFacts() error {
	if want := Pool(e.Control); e.Filename != want {
		return fmt.Errorf("filename %q: the file of %s is %q", e.Filename, e.Control, want)
	}
	if e.Size <= 0 || e.Size > pkgfile.MaxSize || e.InstalledSize < 0 || e.InstalledSize > pkgfile.MaxSize {
		return fmt.Errorf("%s: size %d or installed-size %d is out of range", e.Control, e.Size, e.InstalledSize)
	}
	if !isSHA256(e.SHA256) || !isSHA256(e.ManifestSHA256) {
		return fmt.Errorf("%s: sha256 or manifest-sha256 is missing or malformed", e.Control)
	}
	if e.Kind.NeedsCode() && !e.NeedsCode {
		return fmt.Errorf("%s: a package of kind %s needs code", e.Control, e.Kind)
	}
	if len(e.Signers) == 0 || len(e.Signers) > MaxSigners {
		return fmt.Errorf("%s: %d signers, not 1 to %d", e.Control, len(e.Signers), MaxSigners)
	}
	if e.Icon != "" && !isSHA256(e.Icon) {
		return fmt.Errorf("%s: icon: %.80q is not a sha256", e.Control, e.Icon)
	}
	return checkSums("signers", e.Signers)
}

// Text is the stanza of e and the empty line behind it.
func (e *Entry) Text() string {
	if e.text != "" {
		return e.text
	}
	return string(e.appendText(nil))
}

func (e *Entry) appendText(dst []byte) []byte {
	dst = e.Control.Stanza().Append(dst)
	dst = append(append(dst, "filename: "...), e.Filename...)
	dst = strconv.AppendInt(append(dst, "\nsize: "...), e.Size, 10)
	dst = append(append(dst, "\nsha256: "...), e.SHA256...)
	dst = append(append(dst, "\nmanifest-sha256: "...), e.ManifestSHA256...)
	dst = strconv.AppendInt(append(dst, "\ninstalled-size: "...), e.InstalledSize, 10)
	if e.NeedsCode {
		dst = append(dst, "\nneeds-code: yes"...)
	}
	for i, s := range e.Signers {
		dst = append(dst, [2]string{"\nsigners: ", ", "}[min(i, 1)]...)
		dst = append(dst, s...)
	}
	if e.Icon != "" {
		dst = append(append(dst, "\nicon: "...), e.Icon...)
	}
	return append(dst, "\n\n"...)
}

// Matches reports why the signed package p is not what e says it is, or nil.
// Signers are not compared: a file may have gained an approval that the index
// does not know, and what counts is who is trusted.
func (e *Entry) Matches(p *pkgfile.Package) error {
	m := p.Manifest
	var what string
	switch {
	case !control.Equal(e.Control, &m.Control):
		what = "control (" + difference(e.Control, &m.Control) + ")"
	case e.ManifestSHA256 != p.ManifestSHA256():
		what = "manifest"
	case e.InstalledSize != m.InstalledSize():
		what = "installed size"
	case e.NeedsCode != m.NeedsCode():
		what = "need of the code-signing right"
	case e.Icon != "" && !e.hasIcon(m):
		what = "icon"
	default:
		return nil
	}
	return muster.Errorf(muster.Denied, "the index says something else of %s than its author signed: its %s differs", e.Control, what)
}

// hasIcon reports whether the icon is that of the manifest. An index that says nothing
// of it is older than icons are.
func (e *Entry) hasIcon(m *pkgfile.Manifest) bool {
	icon := m.Icon()
	return icon != nil && icon.SHA256 == e.Icon
}

// difference names the first field in which a and b differ.
func difference(a, b *control.Control) string {
	was, is := a.Stanza(), b.Stanza()
	for _, pair := range [2][2]deb822.Stanza{{was, is}, {is, was}} {
		for _, f := range pair[0] {
			if pair[1].Get(f.Name) != f.Value {
				return f.Name
			}
		}
	}
	return "order of fields"
}

// checkSums holds that list is sorted, without duplicates, and of sha256s.
func checkSums(field string, list []string) error {
	for i, s := range list {
		if !isSHA256(s) {
			return fmt.Errorf("%s: %.80q is not a sha256", field, s)
		}
		if i > 0 && s <= list[i-1] {
			return fmt.Errorf("%s: %q is not sorted, or stands twice", field, s)
		}
	}
	return nil
}

func isSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
