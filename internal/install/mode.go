package install

import "io/fs"

// unixMode gives the bits of chmod(2).
func unixMode(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for _, special := range specialBits {
		if m&special.mode != 0 {
			bits |= special.bit
		}
	}
	return bits
}

// goMode is the inverse of unixMode.
func goMode(bits uint32) fs.FileMode {
	m := fs.FileMode(bits & 0o777)
	for _, special := range specialBits {
		if bits&special.bit != 0 {
			m |= special.mode
		}
	}
	return m
}

var specialBits = []struct {
	mode fs.FileMode
	bit  uint32
}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}}
