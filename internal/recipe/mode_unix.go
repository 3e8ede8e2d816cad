//go:build unix

package recipe

import "muster/pkgfile"

// fileMode is the mode that build() gave the file, under umask 022.
func fileMode(e *pkgfile.Entry) uint32 { return e.Mode }
