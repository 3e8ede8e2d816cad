package collect

import (
	"cmp"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"muster/inventory"
)

// readDisks reads the block devices and the mounted file systems.
func readDisks(h *host, r *Report) error {
	if !h.live {
		return nil
	}
	d := &inventory.Disks{Devices: blockDevices(h.files), Mounts: mounts(h.files)}
	if err := liveDisks(d); err != nil {
		return err
	}
	for i := range d.Mounts {
		// A server that is away would hold us as long as it is.
		if slices.Contains(remoteTypes, d.Mounts[i].Type) {
			continue
		}
		size, free, ok := space(d.Mounts[i].Target)
		if !ok {
			continue
		}
		d.Mounts[i].Size = positive(size)
		r.Volatile.Free = append(r.Volatile.Free, inventory.Free{Free: positive(free), Target: inventory.Text(d.Mounts[i].Target)})
	}
	for i := range d.Mounts {
		m := &d.Mounts[i]
		m.Source, m.Target, m.Type = inventory.Text(m.Source), inventory.Text(m.Target), inventory.Text(m.Type)
	}
	r.Document.Disks = d
	return nil
}

// blockDevices lists whole disks. Loop devices, RAM disks and volumes made of
// others are left out: they have no device.
func blockDevices(fsys fs.FS) (all []inventory.Device) {
	for _, name := range names(fsys, "sys/block") {
		dir := "sys/block/" + name + "/"
		sectors := number(fsys, dir+"size")
		if !isDir(fsys, dir+"device") || sectors == 0 {
			continue
		}
		all = append(all, inventory.Device{
			Model: inventory.Text(line(fsys, dir+"device/model")), Name: inventory.Text(name),
			Removable: line(fsys, dir+"removable") == "1", Rotational: line(fsys, dir+"queue/rotational") == "1",
			Serial: inventory.Text(cmp.Or(line(fsys, dir+"device/serial"), line(fsys, dir+"serial"))),
			Size:   positive(sectors * 512), // always units of 512, whatever the disk's sectors are
			Vendor: inventory.Text(line(fsys, dir+"device/vendor")),
		})
	}
	return all
}

// Types of file systems that live on no device of their own name, yet hold
// files that stay; any other without "/dev/" is the kernel's.
var (
	localTypes  = []string{"zfs", "btrfs", "virtiofs"}
	remoteTypes = []string{
		"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "fuse.sshfs", "glusterfs", "fuse.glusterfs", "lustre", "gpfs", "afs", "9p",
	}
)

// mounts reads /proc/self/mountinfo (proc_pid_mountinfo(5)): fields up to " - ",
// then type, source, options. One source that is mounted several times (bind
// mounts, containers) counts where it was first.
func mounts(fsys fs.FS) []inventory.Mount {
	data, err := read(fsys, "proc/self/mountinfo", 16*maxSmall)
	if err != nil {
		return nil
	}
	var all []inventory.Mount
	seen := map[string]bool{}
	for l := range strings.Lines(string(data)) {
		left, right, _ := strings.Cut(l, " - ")
		place, what := strings.Fields(left), strings.Fields(right)
		if len(place) < 5 || len(what) < 2 {
			continue
		}
		m := inventory.Mount{Source: unescape(what[1]), Target: unescape(place[4]), Type: what[0]}
		device := strings.HasPrefix(m.Source, "/dev/") && !strings.HasPrefix(m.Source, "/dev/loop")
		if seen[m.Source] || !(device || slices.Contains(localTypes, m.Type) || slices.Contains(remoteTypes, m.Type)) {
			continue
		}
		seen[m.Source] = true
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b inventory.Mount) int { return strings.Compare(a.Target, b.Target) })
	return all
}

// unescape takes back what the kernel writes for blanks: three octal digits.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
