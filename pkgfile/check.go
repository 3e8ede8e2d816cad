package pkgfile

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Check reports the first rule that m breaks, or nil. The rules are the same
// at build and at verification, and on every system.
func (m *Manifest) Check() error {
	if m.Format != Format {
		return fmt.Errorf("format %d is not %d; a newer muster may read it", m.Format, Format)
	}
	if err := m.Control.Check(); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if m.Date < 0 || m.Date > 1<<40 {
		return fmt.Errorf("date %d is out of range", m.Date)
	}
	if err := m.checkActions(); err != nil {
		return err
	}
	if len(m.Files) > MaxFiles {
		return fmt.Errorf("%d files, more than %d", len(m.Files), MaxFiles)
	}
	if err := m.checkFrames(); err != nil {
		return err
	}
	for _, s := range m.Provenance.Sources {
		if !isSHA256(s.SHA256) {
			return fmt.Errorf("provenance: source %q has no sha256", s.URL)
		}
	}
	if err := m.checkPolicy(); err != nil {
		return err
	}
	if err := m.checkFiles(); err != nil {
		return err
	}
	return m.checkContents()
}

func (m *Manifest) checkActions() error {
	if !slices.IsSorted(m.Actions) || len(slices.Compact(slices.Clone(m.Actions))) != len(m.Actions) {
		return fmt.Errorf("actions are not sorted")
	}
	code := m.Find(ActionsPath)
	if code != nil && code.Type != Regular {
		return fmt.Errorf("%s is a %s, not a file", ActionsPath, code.Type)
	}
	if len(m.Actions) > 0 && code == nil {
		return fmt.Errorf("actions %v are listed, but there is no %s", m.Actions, ActionsPath)
	}
	return nil
}

func (m *Manifest) checkFrames() error {
	var total int64
	for i, f := range m.Frames {
		if f.Size <= 0 || f.Raw <= 0 || f.Raw > MaxFrame+MaxHeader || f.Size > f.Raw+f.Raw/128+1024 {
			return fmt.Errorf("frame %d: sizes %d and %d are out of range", i, f.Size, f.Raw)
		}
		if !isSHA256(f.SHA256) {
			return fmt.Errorf("frame %d: %q is not a sha256", i, f.SHA256)
		}
		if total += f.Raw; total > MaxSize {
			return fmt.Errorf("more than %d bytes", int64(MaxSize))
		}
	}
	if len(m.Frames) == 0 {
		return fmt.Errorf("no frames")
	}
	return nil
}

// checkFiles holds each file to its rules and all of them to each other:
// sorted, directories before what is in them, no two alike after folding. It
// does not look at where contents lie: [Build] asks before it has packed them.
func (m *Manifest) checkFiles() error {
	rule := portable
	if m.Control.FileNames == "posix" {
		rule = posix
	}
	folded := make(map[string]string, len(m.Files))
	for i := range m.Files {
		f := &m.Files[i]
		if i > 0 && f.Path <= m.Files[i-1].Path {
			return fmt.Errorf("file %q: not sorted, or stands twice", f.Path)
		}
		if err := checkPath(f.Path, rule); err != nil {
			return err
		}
		if rule == portable {
			key := foldCase(f.Path)
			if other, ok := folded[key]; ok {
				return fmt.Errorf("%q and %q are the same where capitals do not count", other, f.Path)
			}
			folded[key] = f.Path
		}
		if err := m.checkPlace(f); err != nil {
			return fmt.Errorf("file %q: %w", f.Path, err)
		}
		if err := m.checkFile(f); err != nil {
			return fmt.Errorf("file %q: %w", f.Path, err)
		}
	}
	return m.checkSetuid()
}

// checkPlace holds that f lies in root/ or payload/, and that its directory is
// a directory of the package: never a symlink, nothing implicit.
func (m *Manifest) checkPlace(f *File) error {
	dir, _ := path.Split(f.Path)
	switch dir = strings.TrimSuffix(dir, "/"); dir {
	case "root", "payload":
		return nil
	case "":
		if f.Path == ActionsPath {
			return nil
		}
		return fmt.Errorf("only %s, root/ and payload/ may stand at the top", ActionsPath)
	}
	parent := m.Find(dir)
	if parent == nil {
		return fmt.Errorf("its directory %q is not in the package", dir)
	}
	if parent.Type != Directory {
		return fmt.Errorf("%q is a %s, not a directory", dir, parent.Type)
	}
	return nil
}

func (m *Manifest) checkFile(f *File) error {
	if f.Mode&^0o7777 != 0 {
		return fmt.Errorf("mode %#o is out of range", f.Mode)
	}
	if f.Config != "" && (f.Config != "keep" || f.Type != Regular) {
		return fmt.Errorf("config policy %q is unknown, or not on a file", f.Config)
	}
	if err := checkOwner(f.Owner); err != nil {
		return err
	}
	if err := checkXattrs(f); err != nil {
		return err
	}
	if f.Type != Regular && (f.SHA256 != "" || f.Size != 0 || f.Frame != 0 || f.Offset != 0) {
		return fmt.Errorf("a %s has no content", f.Type)
	}
	if f.Type != Symlink && f.Type != Hardlink && f.Link != "" {
		return fmt.Errorf("a %s has no link target", f.Type)
	}
	switch f.Type {
	case Regular, Directory:
		return nil
	case Symlink:
		return checkSymlink(f)
	case Hardlink:
		return m.checkHardlink(f)
	}
	return fmt.Errorf("type %q is unknown", f.Type)
}

func (m *Manifest) checkContents() error {
	for i := range m.Files {
		if f := &m.Files[i]; f.Type == Regular {
			if err := m.checkContent(f); err != nil {
				return fmt.Errorf("file %q: %w", f.Path, err)
			}
		}
	}
	return nil
}

// checkContent holds that the content lies inside the frames it names.
func (m *Manifest) checkContent(f *File) error {
	if !isSHA256(f.SHA256) {
		return fmt.Errorf("%q is not a sha256", f.SHA256)
	}
	if f.Size < 0 || f.Offset < 0 || f.Frame < 0 || f.Frame >= len(m.Frames) {
		return fmt.Errorf("size, offset or frame out of range")
	}
	room := m.Frames[f.Frame].Raw - f.Offset
	if room < 0 {
		return fmt.Errorf("offset %d lies behind frame %d", f.Offset, f.Frame)
	}
	for n := f.Frame + 1; room < f.Size; n++ {
		if n == len(m.Frames) {
			return fmt.Errorf("content ends behind the last frame")
		}
		room += m.Frames[n].Raw
	}
	return nil
}

func checkSymlink(f *File) error {
	if f.Mode != 0 || f.Link == "" || len(f.Link) > MaxPath {
		return fmt.Errorf("a symlink has a target of 1 to %d bytes and no mode", MaxPath)
	}
	for _, r := range f.Link {
		if r < ' ' || r == 0x7f || r == '\\' || r == '\uFFFD' || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("character %q is not allowed in a link target", r)
		}
	}
	if len(f.Link) >= 2 && f.Link[1] == ':' {
		return fmt.Errorf("link target %q has a drive letter", f.Link)
	}
	if path.IsAbs(f.Link) {
		return nil // means a path below the root
	}
	top, _, _ := strings.Cut(f.Path, "/")
	if to := path.Join(path.Dir(f.Path), f.Link); to != top && !strings.HasPrefix(to, top+"/") {
		return fmt.Errorf("link target %q leads out of %s/", f.Link, top)
	}
	return nil
}

func (m *Manifest) checkHardlink(f *File) error {
	to := m.Find(f.Link)
	if to == nil || to.Type != Regular || f.Link >= f.Path {
		return fmt.Errorf("link target %q is not a file that stands before it", f.Link)
	}
	if path.Dir(f.Path) == "." || strings.Split(f.Path, "/")[0] != strings.Split(f.Link, "/")[0] {
		return fmt.Errorf("link target %q lies in another tree", f.Link)
	}
	if f.Mode != 0 || f.Owner != "" || len(f.Xattrs) > 0 {
		return fmt.Errorf("a hardlink has the mode, owner and attributes of its target")
	}
	return nil
}

func checkOwner(owner string) error {
	if owner == "" {
		return nil
	}
	user, group, ok := strings.Cut(owner, ":")
	if !ok || !isAccount(user) || !isAccount(group) || owner == "root:root" {
		return fmt.Errorf("owner %q is not user:group, or is root:root, which is left out", owner)
	}
	return nil
}

func isAccount(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(isLetter(c) || c == '_' || i > 0 && (c == '-' || c == '.' || '0' <= c && c <= '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// Capability is the extended attribute that gives a program privileges.
const Capability = "security.capability"

func checkXattrs(f *File) error {
	if len(f.Xattrs) > 16 || len(f.Xattrs) > 0 && f.Type == Symlink {
		return fmt.Errorf("too many extended attributes, or on a symlink")
	}
	for name, value := range f.Xattrs {
		if name != Capability && (!strings.HasPrefix(name, "user.") || len(name) > 255) {
			return fmt.Errorf("extended attribute %q: only %s and user.* are allowed", name, Capability)
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil || len(raw) > 64<<10 {
			return fmt.Errorf("extended attribute %q: not base64, or larger than 64 KiB", name)
		}
	}
	return nil
}

// privileged reports whether f gives rights to whoever runs it or writes in it.
func (f *File) privileged() bool {
	_, caps := f.Xattrs[Capability]
	return caps || f.Mode&0o6000 != 0 || f.Mode&0o1000 != 0 && f.Type != Directory
}

// checkSetuid holds that exactly the files listed in the control are privileged.
func (m *Manifest) checkSetuid() error {
	listed := m.Control.Setuid
	for i := range m.Files {
		f := &m.Files[i]
		if !f.privileged() {
			continue
		}
		p, ok := f.Installed()
		if !ok || !slices.Contains(listed, p) {
			return fmt.Errorf("file %q has mode %#o or a capability, but the control does not list it under setuid", f.Path, f.Mode)
		}
	}
	for _, p := range listed {
		if f := m.Find(rootPrefix + p); f == nil || !f.privileged() {
			return fmt.Errorf("the control lists %q under setuid, but there is no such file", p)
		}
	}
	return nil
}

func isSHA256(s string) bool {
	if len(s) != 64 || s != strings.ToLower(s) {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}
