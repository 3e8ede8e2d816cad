//go:build darwin || freebsd

package collect

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"muster/inventory"
)

// sysctl is a text of the kernel; "" where it has none of that name.
func sysctl(name string) string {
	s, err := unix.Sysctl(name)
	if err != nil {
		return ""
	}
	return s
}

// sysctlNumber is a number of 32 or 64 bits of the kernel; 0 where it has none.
func sysctlNumber(name string) int64 {
	if n, err := unix.SysctlUint64(name); err == nil {
		return positive(int64(n))
	}
	n, err := unix.SysctlUint32(name)
	if err != nil {
		return 0
	}
	return int64(n)
}

func liveSystem(s *inventory.System, v *inventory.Volatile) error {
	s.Kernel = sysctl("kern.osrelease")
	if t, err := unix.SysctlTimeval("kern.boottime"); err == nil {
		v.Boot = positive(t.Sec)
	}
	describe(s)
	return nil
}

func liveHardware(hw *inventory.Hardware) error {
	hw.Memory = cmp.Or(sysctlNumber("hw.memsize"), sysctlNumber("hw.physmem"))
	model := sysctl("machdep.cpu.brand_string")
	if model == "" {
		model = sysctl("hw.model")
	} else {
		hw.Product = sysctl("hw.model") // macOS: "MacBookPro18,3"
	}
	hw.CPUs = []inventory.CPU{{
		Cores: int(cmp.Or(sysctlNumber("hw.physicalcpu"), sysctlNumber("kern.smp.cores"))),
		Model: inventory.Text(model), Threads: int(sysctlNumber("hw.ncpu")),
	}}
	return nil
}

// liveDisks asks for all mounts without waiting for servers.
func liveDisks(d *inventory.Disks) error {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return err
	}
	all := make([]unix.Statfs_t, n)
	if n, err = unix.Getfsstat(all, unix.MNT_NOWAIT); err != nil {
		return err
	}
	for i := range all[:n] {
		m := mountOf(&all[i])
		if path.IsAbs(m.Source) || m.Type == "zfs" || m.Type == "nfs" || m.Type == "smbfs" {
			d.Mounts = append(d.Mounts, m)
		}
	}
	slices.SortFunc(d.Mounts, func(a, b inventory.Mount) int { return strings.Compare(a.Target, b.Target) })
	return nil
}

func space(dir string) (size, free int64, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, 0, false
	}
	return int64(s.Blocks) * int64(s.Bsize), int64(s.Bavail) * int64(s.Bsize), true
}
