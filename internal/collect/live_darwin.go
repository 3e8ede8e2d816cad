package collect

import (
	"golang.org/x/sys/unix"

	"muster/inventory"
)

// describe names the system as its owners do: "macOS 15.1".
func describe(s *inventory.System) {
	s.ID, s.Version = "macos", sysctl("kern.osproductversion")
	s.Name = "macOS " + s.Version
}

func mountOf(s *unix.Statfs_t) inventory.Mount {
	return inventory.Mount{
		Source: unix.ByteSliceToString(s.Mntfromname[:]), Target: unix.ByteSliceToString(s.Mntonname[:]),
		Type: unix.ByteSliceToString(s.Fstypename[:]),
	}
}
