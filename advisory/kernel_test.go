package advisory

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/advisory/systems"
	"muster/sitereport"
)

// TestKernel tells kernels that run from those that lie about, as real systems
// name both.
func TestKernel(t *testing.T) {
	for _, c := range []struct {
		running, manager, name, version, arch, source string
		kernel, runs                                  bool
	}{
		{"6.1.0-28-amd64", "dpkg", "linux-image-6.1.0-28-amd64", "6.1.119-1", "amd64", "linux-signed-amd64", true, true},
		{"6.1.0-28-amd64", "dpkg", "linux-image-6.1.0-27-amd64", "6.1.115-1", "amd64", "linux-signed-amd64", true, false},
		{"6.1.0-28-amd64", "dpkg", "linux-image-6.1.0-28-amd64-unsigned", "6.1.119-1", "amd64", "linux", true, true},
		{"6.1.0-28-amd64", "dpkg", "linux-image-amd64", "6.1.119-1", "amd64", "linux-signed-amd64", true, false},
		{"6.1.0-28-amd64", "dpkg", "linux-headers-6.1.0-28-amd64", "6.1.119-1", "amd64", "linux", true, false},
		{"6.1.0-28-amd64", "dpkg", "linux-libc-dev", "6.1.119-1", "amd64", "linux", true, false},
		{"6.1.0-28-amd64", "dpkg", "bpftool", "7.1.0+6.1.119-1", "amd64", "linux", false, false},
		{"6.1.0-28-amd64", "dpkg", "linux-perf-6.1", "6.1.119-1", "amd64", "linux", false, false},
		{"6.1.0-28-amd64", "dpkg", "usbip", "2.0+6.1.119-1", "amd64", "linux", false, false},
		{"6.1.0-28-amd64", "dpkg", "hyperv-daemons", "6.1.119-1", "amd64", "linux", false, false},
		{"5.15.0-91-generic", "dpkg", "linux-tools-5.15.0-91", "5.15.0-91.101", "amd64", "linux", true, false},
		{"6.1.0-28-amd64", "dpkg", "linux-base", "4.9", "all", "", false, false},
		{"6.1.0-28-amd64", "dpkg", "util-linux", "2.38.1-5", "amd64", "", false, false},
		{"5.15.0-91-generic", "dpkg", "linux-image-5.15.0-91-generic", "5.15.0-91.101", "amd64", "linux-signed", true, true},
		{"5.15.0-91-generic", "dpkg", "linux-modules-extra-5.15.0-91-generic", "5.15.0-91.101", "amd64", "linux", true, true},
		{"5.15.0-91-generic", "dpkg", "linux-image-unsigned-5.15.0-89-generic", "5.15.0-89.99", "amd64", "linux", true, false},
		{"6.5.0-1020-aws", "dpkg", "linux-image-6.5.0-1020-aws", "6.5.0-1020.20~22.04.1", "amd64", "linux-signed-aws-6.5", true, true},
		{"6.5.0-1020-aws", "dpkg", "linux-headers-6.5.0-1020-aws", "6.5.0-1020.20~22.04.1", "amd64", "linux-aws-6.5", true, false},
		{"6.5.0-1020-aws", "dpkg", "linux-firmware", "20220329.git681281e4-0ubuntu3.31", "all", "", false, false},
		{"6.12.48+deb13-amd64", "dpkg", "linux-image-6.12.48+deb13-amd64", "6.12.48-1", "amd64", "linux-signed-amd64", true, true},
		{"5.15.0-91-generic", "dpkg", "linux-image-generic", "5.15.0.91.88", "amd64", "linux-meta", true, false},
		{"5.14.0-427.13.1.el9_4.x86_64", "rpm", "kernel-core", "5.14.0-427.13.1.el9_4", "x86_64", "kernel", true, true},
		{"5.14.0-427.13.1.el9_4.x86_64", "rpm", "kernel-core", "0:5.14.0-362.8.1.el9_3", "x86_64", "kernel", true, false},
		{"5.14.0-427.13.1.el9_4.x86_64", "rpm", "kernel", "0:5.14.0-427.13.1.el9_4", "x86_64", "", true, true},
		{"5.14.0-427.13.1.el9_4.x86_64+debug", "rpm", "kernel-core", "5.14.0-427.13.1.el9_4", "x86_64", "kernel", true, false},
		{"5.14.0-427.13.1.el9_4.x86_64+debug", "rpm", "kernel-debug-core", "5.14.0-427.13.1.el9_4", "x86_64", "kernel", true, true},
		{"5.14.0-427.13.1.el9_4.x86_64", "rpm", "kernel-headers", "5.14.0-362.8.1.el9_3", "x86_64", "kernel", false, false},
		{"2.6.18-398.el5", "rpm", "kernel", "2.6.18-398.el5", "x86_64", "", true, true},
		{"5.15.0-204.147.6.2.el9uek.x86_64", "rpm", "kernel-uek-core", "5.15.0-204.147.6.2.el9uek", "x86_64", "kernel-uek", true, true},
		{"4.18.0-553.rt7.342.el8_10.x86_64", "rpm", "kernel-rt-core", "4.18.0-553.rt7.342.el8_10", "x86_64", "kernel-rt", true, true},
		{"5.14.21-150400.24.63-default", "rpm", "kernel-default", "5.14.21-150400.24.63.1", "x86_64", "kernel-default", true, true},
		{"5.14.21-150400.24.63-default", "rpm", "kernel-default", "5.14.21-150400.24.60.1", "x86_64", "kernel-default", true, false},
		{"6.6.52-0-lts", "apk", "linux-lts", "6.6.52-r0", "x86_64", "", true, true},
		{"6.6.52-0-lts", "apk", "linux-virt", "6.6.52-r0", "x86_64", "linux-lts", true, false},
		{"6.6.52-0-lts", "apk", "linux-firmware", "20240909-r0", "x86_64", "", false, false},
		{"6.10.5-arch1-1", "pacman", "linux", "6.10.5.arch1-1", "x86_64", "", true, true},
		{"6.10.0-arch1-2", "pacman", "linux", "6.10.arch1-2", "x86_64", "", true, true},
		{"6.10.5-zen1-1-zen", "pacman", "linux-zen", "6.10.5.zen1-1", "x86_64", "", true, true},
		{"6.6.46-1-lts", "pacman", "linux-lts", "6.6.46-1", "x86_64", "", true, true},
		{"6.6.46-1-lts", "pacman", "linux", "6.10.5.arch1-1", "x86_64", "", true, false},
		// A report that does not name the running kernel: each may be it.
		{"", "rpm", "kernel-core", "5.14.0-362.8.1.el9_3", "x86_64", "kernel", true, true},
		{"", "dpkg", "linux-image-amd64", "6.1.119-1", "amd64", "linux-signed-amd64", true, false},
		{"", "dpkg", "linux-libc-dev", "6.1.119-1", "amd64", "linux", true, false},
		// A container on another system's kernel has none of its own that runs.
		{"6.18.44-other", "dpkg", "linux-libc-dev", "6.1.119-1", "amd64", "linux", true, false},
		{"14.1-RELEASE-p5", "freebsd", "curl", "8.9.1", "amd64", "", false, false},
	} {
		kernel, runs := Kernel(sitereport.System{Kernel: c.running},
			sitereport.Package{Manager: c.manager, Name: c.name, Version: c.version, Arch: c.arch, Source: c.source})
		if kernel != c.kernel || runs != c.runs {
			t.Errorf("%s %s, running %q: kernel %v, runs %v", c.name, c.version, c.running, kernel, runs)
		}
	}
}

// TestKernels: what is idle on a host as a whole, and as what its running kernel is judged.
func TestKernels(t *testing.T) {
	const rpms = "kernel-core 5.14.0-427.13.1.el9_4 kernel|kernel 5.14.0-427.13.1.el9_4 kernel"
	for _, c := range []struct {
		system, running, manager string
		packages                 string // name version source, with "|" between them
		idle                     string // names
		own                      string // name version source
	}{
		{"debian 12", "6.1.0-28-amd64", "dpkg", "linux-image-6.1.0-28-amd64 6.1.119-1 linux-signed-amd64|linux-image-6.1.0-27-amd64 6.1.115-1 linux-signed-amd64|linux-libc-dev 6.1.119-1 linux",
			"linux-image-6.1.0-27-amd64 linux-libc-dev", ""},
		// Removed, self-built, or around a container: none is idle, but what never runs.
		{"debian 12", "6.1.0-26-amd64", "dpkg", "linux-image-6.1.0-28-amd64 6.1.119-1 linux-signed-amd64|linux-image-6.1.0-27-amd64 6.1.115-1 linux-signed-amd64|linux-libc-dev 6.1.119-1 linux|linux-image-amd64 6.1.119-1 linux-signed-amd64",
			"linux-libc-dev linux-image-amd64", ""},
		{"debian 12", "6.18.44-other", "dpkg", "linux-libc-dev 6.1.119-1 linux|bpftool 7 linux", "linux-libc-dev", ""},
		{"debian 13", "6.12.43+deb13-amd64", "dpkg", "linux-image-6.12.48+deb13-amd64 6.12.48-1 linux-signed-amd64", "", "linux-image 6.12.43-99 linux-signed-amd64"},
		{"debian 12", "", "dpkg", "linux-image-6.1.0-28-amd64 6.1.119-1 linux-signed-amd64|linux-image-amd64 6.1.119-1 linux-signed-amd64", "linux-image-amd64", ""},
		{"ubuntu 22.04", "5.15.0-91-generic", "dpkg", "linux-image-5.15.0-92-generic 5.15.0-92.102 linux-signed|linux-image-6.5.0-21-generic 6.5.0-21.21 linux-signed-hwe-6.5|linux-modules-5.15.0-92-generic 5.15.0-92.102 linux", "",
			"linux-image 5.15.0-91.99999 linux-signed"},
		{"ubuntu 22.04", "6.5.0-1020-aws", "dpkg", "linux-image-5.15.0-92-generic 5.15.0-92.102 linux-signed", "", ""},
		{"rocky 9.4", "5.14.0-427.13.1.el9_4.x86_64", "rpm", rpms + "|kernel-core 5.14.0-362.8.1.el9_3 kernel", "kernel-core", ""},
		{"rocky 9.4", "5.14.0-362.8.1.el9_3.x86_64", "rpm", rpms, "", "kernel 5.14.0-362.8.1.el9_3 kernel|kernel-core 5.14.0-362.8.1.el9_3 kernel"},
		{"rocky 9.4", "6.9.1-1.el9.elrepo.x86_64", "rpm", rpms, "", ""},
		{"rocky 9.4", "6.9.1-1.el9.elrepo.x86_64", "rpm", rpms + "|kernel-ml-core 6.9.1-1.el9.elrepo kernel-ml", "kernel-core kernel", ""},
		{"ol 9.3", "5.15.0-204.147.6.2.el9uek.x86_64", "rpm", rpms + "|kernel-uek-core 5.15.0-205.1.1.el9uek kernel-uek", "", "kernel-uek-core 5.15.0-204.147.6.2.el9uek kernel-uek"},
		{"rhel 5.11", "2.6.18-371.el5", "rpm", "kernel 2.6.18-398.el5 kernel", "", "kernel 2.6.18-371.el5 kernel"},
		{"sles 15.4", "5.14.21-150400.24.60-default", "rpm", "kernel-default 5.14.21-150400.24.63.1 kernel-default", "", "kernel-default 5.14.21-150400.24.60.99 kernel-default"},
		{"arch", "6.10.5-arch1-1", "pacman", "linux 6.10.6.arch1-1 |linux-lts 6.6.46-1", "", "linux 6.10.5.arch1-1 linux"},
		{"arch", "6.10.0-arch1-2", "pacman", "linux 6.10.6.arch1-1", "", "linux 6.10.arch1-2 linux"},
		{"arch", "6.10.5-zen1-1-zen", "pacman", "linux 6.10.6.arch1-1|linux-zen 6.10.6.zen1-1", "", "linux-zen 6.10.5.zen1-1 linux-zen"},
		{"arch", "6.6.45-1-lts", "pacman", "linux-lts 6.6.46-1", "", "linux-lts 6.6.45-1 linux-lts"},
		{"alpine 3.20.1", "6.6.52-0-lts", "apk", "linux-lts 6.6.53-r1 linux-lts|linux-virt 6.6.53-r1 linux-lts|linux-firmware 1-r0", "", "linux-lts 6.6.52-r0 linux-lts"},
		{"alpine 3.20.1", "6.6.53-1-virt", "apk", "linux-lts 6.6.53-r1 linux-lts|linux-virt 6.6.53-r1 linux-lts", "linux-lts", ""},
	} {
		id, release, _ := strings.Cut(c.system, " ")
		s := sitereport.System{ID: id, Version: release, Kernel: c.running}
		var packages []sitereport.Package
		for _, text := range strings.Split(c.packages, "|") {
			f := append(strings.Fields(text), "")
			packages = append(packages, sitereport.Package{Manager: c.manager, Name: f[0], Version: f[1], Source: f[2], Arch: "x86_64"})
		}
		k := KernelsOf(s, systems.Builtin().Of(id, release, ""), slices.Values(packages))
		var idle, own []string
		for _, pkg := range packages {
			if k.Idle(pkg) {
				idle = append(idle, pkg.Name)
			}
		}
		for _, o := range k.Own {
			own = append(own, o.Name+" "+o.Version+" "+o.Source)
			if o.As != c.running {
				t.Errorf("%s: people call it %q", c.running, o.As)
			}
		}
		slices.Sort(own)
		if strings.Join(idle, " ") != c.idle || strings.Join(own, "|") != c.own {
			t.Errorf("%s on %s: idle %q, judged %q", c.running, c.system, idle, own)
		}
	}
}

// TestOwnKernel: the kernel that runs is judged, though it has no package any more, and so
// is the system of FreeBSD.
func TestOwnKernel(t *testing.T) {
	x := indexOf(
		&Advisory{ID: "CVE-1", Affected: []Affected{{Ecosystem: "arch", Name: "linux", Binary: true, Ranges: []Range{{Fixed: "6.10.9.arch1-1"}}}}},
		&Advisory{ID: "CVE-2", Affected: []Affected{{Ecosystem: "arch", Name: "linux", Binary: true, Ranges: []Range{{Fixed: "6.10.6.arch1-1"}}}}},
		&Advisory{ID: "SA-1", Affected: []Affected{{Ecosystem: "freebsd", Name: "FreeBSD-kernel", Binary: true, Ranges: []Range{{Fixed: "14.1_6"}}}}})
	h := Host{System: sitereport.System{ID: "arch", Name: "Arch Linux", Kernel: "6.10.5-arch1-1"},
		Packages: []sitereport.Package{{Manager: "pacman", Name: "linux", Version: "6.10.6.arch1-1", Arch: "x86_64"}}}
	var got []string
	found := MatchAll(nil, h, x, nil, time.Time{})
	for _, f := range found.Open {
		got = append(got, f.Advisory.ID+" "+f.Package.Version+" "+f.Note)
	}
	want := []string{"CVE-1 6.10.5-arch1-1 " + NoteRuns, "CVE-2 6.10.5-arch1-1 " + NoteRuns, "CVE-1 6.10.6.arch1-1 "}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) || len(found.Idle) != 0 {
		t.Errorf("%q", got)
	}
	h = Host{System: sitereport.System{ID: "freebsd", Version: "14.1", Name: "FreeBSD 14.1-RELEASE-p6", Kernel: "14.1-RELEASE-p5"}}
	if found := MatchAll(nil, h, x, nil, time.Time{}); len(found.Open) != 1 || found.Open[0].Note != "" {
		t.Errorf("%+v", found)
	}
}

// TestRunningRows: each row of the table is read, and of what it says something comes.
func TestRunningRows(t *testing.T) {
	for _, row := range runningRows() {
		if row.manager == "" || row.version != "" && len(row.packages) == 0 || strings.Contains(row.version, "$") && row.release.NumSubexp() == 0 {
			t.Errorf("%+v", row)
		}
	}
}
