package recipe

import "muster/pkgfile"

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
	head := headOf(e)
	return string(head[:2]) == "#!" || string(head[:2]) != "MZ" && isMachineCode(head)
}
