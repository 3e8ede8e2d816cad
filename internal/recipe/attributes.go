package recipe

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"muster"
	"muster/pkgfile"
)

// An attribute is what a file of the package has that the files of the work
// folder cannot hold: the builder need not be root, nor on the target's system.
type attribute struct {
	owner  string            // user:group
	mode   uint32            // bits of chmod(2), when set
	set    bool              // mode was given
	xattrs map[string][]byte // by name
	config bool              // people edit the file
}

// attributes are kept by path in the package ("root/usr/bin/ping").
type attributes map[string]*attribute

func (a attributes) of(name string) *attribute {
	if a[name] == nil {
		a[name] = &attribute{}
	}
	return a[name]
}

func (at *attribute) setXattr(name string, value []byte) {
	if at.xattrs == nil {
		at.xattrs = map[string][]byte{}
	}
	at.xattrs[name] = value
}

// adopt gives the target of each hard link what was recorded for the link: they
// are one file, and which name comes first is an accident of spelling.
func (a attributes) adopt(all []pkgfile.Entry) {
	for _, e := range all {
		if e.Type == pkgfile.Hardlink && a[e.Path] != nil && a[e.Link] == nil {
			a[e.Link] = a[e.Path]
		}
	}
}

// apply puts onto e what was recorded for it.
func (a attributes) apply(e *pkgfile.Entry) {
	at := a[e.Path]
	if at == nil || e.Type == pkgfile.Hardlink {
		return
	}
	e.Owner = at.owner
	if e.Type == pkgfile.Symlink {
		return
	}
	if at.set {
		e.Mode = at.mode
	}
	for name, value := range at.xattrs {
		if e.Xattrs == nil {
			e.Xattrs = map[string]string{}
		}
		e.Xattrs[name] = base64.StdEncoding.EncodeToString(value)
	}
	if at.config && e.Type == pkgfile.Regular {
		e.Config = "keep"
	}
}

// entries lists what lies in root/ and payload/, with its attributes.
func (b *builder) entries() ([]pkgfile.Entry, error) {
	all, err := pkgfile.Walk(b.base)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, b.ownLink)
	if err := b.markConfig(all); err != nil {
		return nil, err
	}
	b.attrs.adopt(all)
	for i := range all {
		e := &all[i]
		e.Mode = fileMode(e)
		b.attrs.apply(e)
		b.dropUndeclared(e)
	}
	return all, nil
}

// markConfig applies the patterns of config-files. A pattern that means no file
// is most likely a mistake, and would lose somebody's settings at an upgrade.
func (b *builder) markConfig(all []pkgfile.Entry) error {
	for _, pattern := range b.recipe.ConfigFiles {
		if !b.markPattern(all, pattern) {
			return patternError(pattern)
		}
	}
	return nil
}

func (b *builder) markPattern(all []pkgfile.Entry, pattern string) bool {
	found := false
	for _, e := range all {
		if file, ok := e.Installed(); ok && e.Type == pkgfile.Regular && matches(pattern, file) {
			b.attrs.of(e.Path).config = true
			found = true
		}
	}
	return found
}

// privileges are the bits that let a program act as its owner or group.
const privileges = 0o6000

// dropUndeclared takes away rights that the control does not list under
// setuid, and says so: a repacked program must not bring them in unseen.
func (b *builder) dropUndeclared(e *pkgfile.Entry) {
	file, installed := e.Installed()
	if installed && slices.Contains(b.control.Setuid, file) {
		return
	}
	if e.Mode&privileges != 0 {
		e.Mode &^= privileges
		b.warn("%s: its set-user-ID or set-group-ID bit was dropped; list it under setuid to keep it", e.Path)
	}
	if _, ok := e.Xattrs[pkgfile.Capability]; ok {
		delete(e.Xattrs, pkgfile.Capability)
		b.warn("%s: its capabilities were dropped; list it under setuid to keep them", e.Path)
	}
}

// exists reports an error unless a file of that path in the package is there.
func (b *builder) exists(rel string) error {
	_, err := os.Lstat(filepath.Join(b.base, filepath.FromSlash(rel)))
	if os.IsNotExist(err) {
		return muster.Errorf(muster.NotFound, "there is no %q", rel)
	}
	return err
}

func (b *builder) warn(format string, args ...any) {
	b.report.Warnings = append(b.report.Warnings, fmt.Sprintf(format, args...))
}
