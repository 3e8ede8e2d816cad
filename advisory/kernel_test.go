package advisory

import (
	"testing"
	"time"

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

// TestIdle: a kernel whose package was replaced in place runs on until the next boot. The
// package stands for it: all that is found in it is found in the older one.
func TestIdle(t *testing.T) {
	for _, c := range []struct {
		running, manager, name, version string
		idle                            bool
	}{
		{"6.10.5-arch1-1", "pacman", "linux", "6.10.6.arch1-1", false},
		{"6.10.0-arch1-1", "pacman", "linux", "6.10.1.arch2-1", false},
		{"6.10.5-arch1-1", "pacman", "linux-zen", "6.10.6.zen1-1", true},
		{"6.10.5-arch1-1", "pacman", "linux-lts", "6.6.46-1", true},
		{"6.10.5-zen1-1-zen", "pacman", "linux-zen", "6.10.6.zen1-1", false},
		{"6.10.5-zen1-1-zen", "pacman", "linux", "6.10.6.arch1-1", true},
		{"6.6.45-1-lts", "pacman", "linux-lts", "6.6.46-1", false},
		{"6.6.45-1-lts", "pacman", "linux", "6.10.6.arch1-1", true},
		{"6.6.52-0-lts", "apk", "linux-lts", "6.6.53-r1", false},
		{"6.6.52-0-lts", "apk", "linux-virt", "6.6.53-r1", true},
		{"6.6.52-0-lts", "pacman", "curl", "8-1", false},
		{"", "pacman", "linux", "6.10.6.arch1-1", false},
		// Of others the running kernel's package stays beside the new one.
		{"6.1.0-28-amd64", "dpkg", "linux-image-6.1.0-27-amd64", "6.1.115-1", true},
		{"5.14.0-427.13.1.el9_4.x86_64", "rpm", "kernel-core", "5.14.0-362.8.1.el9_3", true},
	} {
		pkg := sitereport.Package{Manager: c.manager, Name: c.name, Version: c.version, Arch: "x86_64"}
		if got := Idle(sitereport.System{Kernel: c.running}, pkg); got != c.idle {
			t.Errorf("%s %s on %s: idle %v", c.name, c.version, c.running, got)
		}
	}
}

// TestReplacedKernel: the finding is open, though the kernel that runs has no package.
func TestReplacedKernel(t *testing.T) {
	x := indexOf(&Advisory{ID: "CVE-1", Affected: []Affected{{Ecosystem: "arch", Name: "linux", Binary: true, Ranges: []Range{{Fixed: "6.10.9.arch1-1"}}}}})
	h := Host{System: sitereport.System{ID: "arch", Name: "Arch Linux", Kernel: "6.10.5-arch1-1"},
		Packages: []sitereport.Package{{Manager: "pacman", Name: "linux", Version: "6.10.6.arch1-1", Arch: "x86_64"}}}
	if found := MatchAll(nil, h, x, nil, time.Time{}); len(found.Open) != 1 || len(found.Idle) != 0 {
		t.Errorf("%+v", found)
	}
}
