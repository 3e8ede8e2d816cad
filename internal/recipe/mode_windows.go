package recipe

import (
	"io"

	"muster/pkgfile"
)

// fileMode makes up for a system that keeps no modes: what looks like a program
// of a Unix system can be run.
func fileMode(e *pkgfile.Entry) uint32 {
	switch e.Type {
	case pkgfile.Directory:
		return 0o755
	case pkgfile.Regular:
		if looksRunnable(e) {
			return 0o755
		}
		return 0o644
	}
	return 0
}

func looksRunnable(e *pkgfile.Entry) bool {
	r, err := e.Open()
	if err != nil {
		return false // packing it will say so
	}
	defer r.Close()
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return false
	}
	switch string(head[:]) {
	case "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe":
		return true
	}
	return string(head[:2]) == "#!"
}
