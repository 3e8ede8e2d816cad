package recipe

import (
	"fmt"
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
