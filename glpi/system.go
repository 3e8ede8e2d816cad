package glpi

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"muster/inventory"
)

// system is the operating system, and what the machine is called.
func (c *Content) system(h Host, d *inventory.Document, v *inventory.Volatile) {
	s := d.System
	if s == nil {
		c.Hardware.Name = h.Name
		return
	}
	c.Hardware.Name = cmp.Or(shortName(s.Hostname), h.Name)
	c.Hardware.Workgroup = s.Domain
	c.Hardware.VMSystem = virtual(s)
	o := &System{Arch: machine(s.Arch), Domain: s.Domain, FQDN: fullName(s), FullName: s.Name, KernelName: s.OS, KernelVersion: s.Kernel,
		Name: cmp.Or(distributions[s.ID], s.ID, s.OS), Version: s.Version, BootTime: moment(v.Boot, time.DateTime)}
	if s.OS == "windows" {
		o.KernelName, o.KernelVersion = "MSWin32", s.Version
	}
	c.OperatingSystem = o
}

// shortName is the first label: GLPI names computers by it, and finds the rest in fqdn.
func shortName(host string) string {
	short, _, _ := strings.Cut(host, ".")
	return short
}

func fullName(s *inventory.System) string {
	switch {
	case strings.Contains(s.Hostname, "."):
		return s.Hostname
	case s.Hostname != "" && s.Domain != "":
		return s.Hostname + "." + s.Domain
	}
	return ""
}

// distributions are names of systems as GLPI's own agent writes them, so that a
// computer does not change its system with the program that tells of it.
var distributions = map[string]string{
	"alpine": "Alpine", "arch": "Arch Linux", "centos": "CentOS", "debian": "Debian", "fedora": "Fedora", "freebsd": "FreeBSD", "gentoo": "Gentoo",
	"linuxmint": "Linux Mint", "macos": "macOS", "darwin": "macOS", "opensuse-leap": "openSUSE Leap", "opensuse-tumbleweed": "openSUSE Tumbleweed",
	"raspbian": "Raspbian", "rhel": "RedHat", "rocky": "Rocky Linux", "almalinux": "AlmaLinux", "sles": "SLES", "ubuntu": "Ubuntu", "windows": "Windows",
}

// machine is what uname calls a GOARCH.
func machine(arch string) string {
	if m, ok := machines[arch]; ok {
		return m
	}
	return arch
}

var machines = map[string]string{"386": "i686", "amd64": "x86_64", "arm64": "aarch64", "ppc64": "powerpc64", "ppc64le": "powerpc64"}

// virtual is the kind of machine; GLPI takes it for the type of a computer unless it
// is "Physical".
func virtual(s *inventory.System) string {
	if s.Container != "" {
		return cmp.Or(containers[s.Container], s.Container)
	}
	if s.Hyper == "" {
		return "Physical"
	}
	return cmp.Or(hypervisors[s.Hyper], "Virtual Machine")
}

var (
	containers  = map[string]string{"docker": "Docker", "podman": "Podman", "systemd-nspawn": "SystemdNspawn"}
	hypervisors = map[string]string{"kvm": "KVM", "xen": "Xen", "vmware": "VMware", "microsoft": "Hyper-V", "virtualbox": "VirtualBox", "parallels": "Parallels"}
)

// moment writes Unix seconds, in UTC; nothing for what is no time of this calendar.
func moment(t int64, layout string) string {
	if t <= 0 || t > 253402300799 { // the year 9999
		return ""
	}
	return time.Unix(t, 0).UTC().Format(layout)
}

// users are those who may sign in, and those who are.
func (c *Content) users(u *inventory.Users, v *inventory.Volatile) {
	if u != nil {
		for _, a := range u.Accounts {
			c.LocalUsers = append(c.LocalUsers, LocalUser{Home: a.Home, ID: a.UID, Login: a.Name, Name: a.Full, Shell: a.Shell})
		}
	}
	here, last := map[User]bool{}, inventory.Session{}
	for _, s := range v.Sessions {
		if user(s.User).Login == "" {
			continue
		}
		here[user(s.User)] = true
		if last.User == "" || s.Since > last.Since {
			last = s
		}
	}
	c.Users = slices.SortedFunc(maps.Keys(here), func(a, b User) int {
		return cmp.Or(cmp.Compare(a.Login, b.Login), cmp.Compare(a.Domain, b.Domain))
	})
	c.Hardware.LastUser = user(last.User).Login
}

// user reads alice, or DOMAIN\alice of Windows.
func user(name string) User {
	if domain, login, ok := strings.Cut(name, `\`); ok {
		return User{Domain: domain, Login: login}
	}
	return User{Login: name}
}
