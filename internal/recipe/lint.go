package recipe

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"muster/control"
	"muster/pkgfile"
	"muster/version"
)

// Lint lists what in a recipe is allowed but likely a mistake, one sentence
// each.
func Lint(r *Recipe) []string {
	var found []string
	c := r.Control
	for _, s := range version.Lint(c.Version) {
		found = append(found, "control: "+s)
	}
	if c.Description == "" {
		found = append(found, "control: there is no description")
	}
	if c.Maintainer == "" {
		found = append(found, "control: there is no maintainer")
	}
	return found
}

// lintEntries does the same for the files of a package.
func lintEntries(c *control.Control, all []pkgfile.Entry) []string {
	var found []string
	for i := range all {
		e := &all[i]
		file, ok := e.Installed()
		switch {
		case !ok:
		case e.Type == pkgfile.Directory && slices.Contains(merged, file):
			found = append(found, fmt.Sprintf("%s: /%s is a link to usr/%s on current systems; call merge_usr()", e.Path, file, file))
		case e.Mode&0o002 != 0 && e.Mode&0o1000 == 0:
			found = append(found, fmt.Sprintf("%s: everyone may write to it (mode %#o)", e.Path, e.Mode))
		case e.Type == pkgfile.Symlink && strings.HasPrefix(e.Link, "/"):
			found = append(found, fmt.Sprintf("%s: the link to %q is absolute; below another root it points astray", e.Path, e.Link))
		case strings.HasPrefix(file, "usr/local/") && e.Type == pkgfile.Regular:
			found = append(found, fmt.Sprintf("%s: /usr/local belongs to the administrator of the host", e.Path))
		}
	}
	return found
}

// lintPrograms finds what a compiler made for one kind of machine in a package for all:
// hosts of every other would install it.
func lintPrograms(c *control.Control, all []pkgfile.Entry) []string {
	if !slices.Contains(c.OS, control.All) && !slices.Contains(c.Architecture, control.All) {
		return nil
	}
	for i := range all {
		e := &all[i]
		if _, ok := e.Installed(); ok && e.Type == pkgfile.Regular && e.Mode&0o111 != 0 && isMachineCode(headOf(e)) {
			return []string{fmt.Sprintf("%s: it runs on one kind of machine, and control says os %s, architecture %s",
				e.Path, strings.Join(c.OS, ", "), strings.Join(c.Architecture, ", "))}
		}
	}
	return nil
}

// headOf is how a file begins; empty where it is shorter, or cannot be read: packing it
// says so.
func headOf(e *pkgfile.Entry) (head [4]byte) {
	r, err := e.Open()
	if err != nil {
		return head
	}
	defer r.Close()
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return [4]byte{}
	}
	return head
}

// isMachineCode reports whether a file that begins so is a program of ELF, Mach-O (of
// one machine or several) or Windows.
func isMachineCode(head [4]byte) bool {
	switch string(head[:]) {
	case "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe":
		return true
	}
	return string(head[:2]) == "MZ"
}
