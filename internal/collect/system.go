package collect

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"

	"muster/inventory"
)

// readSystem reads what the operating system says of itself: os-release(5),
// hostname, machine-id(5), and on the running system the kernel.
func readSystem(h *host, r *Report) error {
	s := &inventory.System{OS: runtime.GOOS, Arch: runtime.GOARCH}
	readRelease(h.files, s)
	s.MachineID = machineID(h.files)
	s.Hostname, s.Domain = hostname(h)
	s.Timezone, s.Locale = timezone(h.files), locale(h.files)
	if h.live {
		s.Kernel = line(h.files, "proc/sys/kernel/osrelease")
		s.Hyper, s.Container = hypervisor(h.files), container(h.files)
		r.Volatile.Boot, r.Volatile.Load, r.Volatile.Memory = boot(h.files), load(h.files), meminfo(h.files, "MemAvailable")
		if err := liveSystem(s, r.Volatile); err != nil {
			return err
		}
	}
	for _, t := range []*string{&s.Hostname, &s.Domain, &s.ID, &s.Name, &s.Version, &s.Kernel, &s.Locale, &s.Timezone, &s.MachineID} {
		*t = inventory.Text(*t)
	}
	r.Document.System = s
	return nil
}

func readRelease(fsys fs.FS, s *inventory.System) {
	data, err := read(fsys, "etc/os-release", maxSmall)
	if err != nil {
		data, err = read(fsys, "usr/lib/os-release", maxSmall)
	}
	if err != nil {
		return
	}
	for name, value := range assignments(data) {
		switch name {
		case "ID":
			s.ID = value
		case "PRETTY_NAME":
			s.Name = value
		case "VERSION_ID":
			s.Version = value
		}
	}
}

func machineID(fsys fs.FS) string {
	return cmp.Or(line(fsys, "etc/machine-id"), line(fsys, "var/lib/dbus/machine-id"), line(fsys, "etc/hostid"))
}

// hostname splits a name with dots; else the domain is that of /etc/hosts, then of
// resolv.conf.
func hostname(h *host) (name, domain string) {
	name = line(h.files, "etc/hostname")
	if h.live {
		if n, err := os.Hostname(); err == nil {
			name = n
		}
	}
	name, domain, _ = strings.Cut(name, ".")
	if domain == "" {
		domain = hostsDomain(h.files, name)
	}
	if domain == "" && !h.fixed {
		domain = firstSearch(h.files)
	}
	return name, domain
}

// hostsDomain is the domain of the first full form of a name in hosts(5).
func hostsDomain(fsys fs.FS, name string) string {
	data, err := read(fsys, "etc/hosts", maxSmall)
	if err != nil || name == "" {
		return ""
	}
	for row := range strings.Lines(string(data)) {
		row, _, _ = strings.Cut(row, "#")
		f := strings.Fields(row)
		for _, full := range f[min(1, len(f)):] {
			if host, domain, _ := strings.Cut(full, "."); domain != "" && strings.EqualFold(host, name) {
				return domain
			}
		}
	}
	return ""
}

// timezone is the target of /etc/localtime below zoneinfo, or Debian's file.
func timezone(fsys fs.FS) string {
	target, err := fs.ReadLink(fsys, "etc/localtime")
	if _, zone, ok := strings.Cut(target, "zoneinfo/"); err == nil && ok {
		return path.Clean(zone)
	}
	return line(fsys, "etc/timezone")
}

func locale(fsys fs.FS) string {
	for _, name := range []string{"etc/locale.conf", "etc/default/locale"} {
		data, err := read(fsys, name, maxSmall)
		if err != nil {
			continue
		}
		for name, value := range assignments(data) {
			if name == "LANG" {
				return value
			}
		}
	}
	return ""
}

// hypervisor names the hypervisor below. The processor says that there is one,
// the firmware often which.
func hypervisor(fsys fs.FS) string {
	if t := line(fsys, "sys/hypervisor/type"); t != "" {
		return t
	}
	firmware := strings.ToLower(line(fsys, dmi+"sys_vendor") + " " + line(fsys, dmi+"product_name") + " " + line(fsys, dmi+"bios_vendor"))
	for _, known := range [][2]string{
		{"vmware", "vmware"}, {"virtualbox", "virtualbox"}, {"innotek", "virtualbox"}, {"microsoft corporation virtual", "microsoft"},
		{"amazon ec2", "amazon"}, {"google compute", "google"}, {"qemu", "kvm"}, {"kvm", "kvm"}, {"parallels", "parallels"},
	} {
		if strings.Contains(firmware, known[0]) {
			return known[1]
		}
	}
	for name, value := range cpuFields(fsys) {
		if name == "flags" && strings.Contains(" "+value+" ", " hypervisor ") {
			return "unknown"
		}
	}
	return ""
}

// container names what the host is a container of: what its manager leaves
// behind, or tells in the environment of the first process.
func container(fsys fs.FS) string {
	for name, what := range map[string]string{".dockerenv": "docker", "run/.containerenv": "podman"} {
		if _, err := fs.Stat(fsys, name); err == nil {
			return what
		}
	}
	if what := line(fsys, "run/systemd/container"); what != "" {
		return what
	}
	env, err := read(fsys, "proc/1/environ", maxSmall)
	if err != nil {
		return ""
	}
	for v := range strings.SplitSeq(string(env), "\x00") {
		if what, ok := strings.CutPrefix(v, "container="); ok {
			return inventory.Text(what)
		}
	}
	return ""
}

// boot is the time of the start of the kernel: btime of /proc/stat.
func boot(fsys fs.FS) int64 {
	data, err := read(fsys, "proc/stat", maxSmall)
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(data)) {
		if t, ok := strings.CutPrefix(l, "btime "); ok {
			return positive(atoi(t))
		}
	}
	return 0
}

// load is /proc/loadavg in hundredths, as it is written there: "0.52 0.58 0.59 ...".
func load(fsys fs.FS) (all []int64) {
	fields := strings.Fields(line(fsys, "proc/loadavg"))
	for _, f := range fields[:min(3, len(fields))] {
		whole, part, _ := strings.Cut(f, ".")
		all = append(all, positive(atoi(whole)*100+atoi(part)))
	}
	return all
}

// meminfo is a line of /proc/meminfo in bytes.
func meminfo(fsys fs.FS, name string) int64 {
	data, err := read(fsys, "proc/meminfo", maxSmall)
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(l, name+":"); ok {
			return positive(atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB")) << 10)
		}
	}
	return 0
}
