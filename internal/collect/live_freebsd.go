package collect

import (
	"golang.org/x/sys/unix"

	"muster/inventory"
)

// describe fills in what releases before 13.0, without os-release, do not say.
func describe(s *inventory.System) {
	if s.ID == "" {
		s.ID, s.Name, s.Version = "freebsd", "FreeBSD "+s.Kernel, s.Kernel
	}
	if id := sysctl("kern.hostuuid"); id != "" {
		s.MachineID = id
	}
	if vm := sysctl("kern.vm_guest"); vm != "none" {
		s.Hyper = vm
	}
}

func mountOf(s *unix.Statfs_t) inventory.Mount {
	return inventory.Mount{
		Source: unix.ByteSliceToString(s.Mntfromname[:]), Target: unix.ByteSliceToString(s.Mntonname[:]),
		Type: unix.ByteSliceToString(s.Fstypename[:]),
	}
}
