package inventory

import (
	"fmt"

	"pgregory.net/rapid"
)

// desktop is a document with n packages.
func desktop(n int) *Document {
	d := New()
	d.System = &System{Arch: "amd64", Hostname: "pc1", ID: "debian", OS: "linux", Version: "12"}
	d.Hardware = &Hardware{CPUs: []CPU{{Cores: 4, Model: "Some CPU @ 3 GHz", Threads: 8}}, Memory: 16 << 30}
	d.Disks = &Disks{Devices: []Device{{Name: "sda", Size: 1 << 40}}, Mounts: []Mount{{Source: "/dev/sda1", Target: "/", Type: "ext4"}}}
	d.Network = &Network{Interfaces: []Interface{{Addresses: []string{"192.0.2.7/24"}, Name: "eth0"}}}
	d.Users = &Users{Accounts: []Account{{Name: "alice", Shell: "/bin/bash", UID: "1000"}}}
	d.Muster = []Installed{{Arch: "amd64", Kind: "base", Manifest: "00", Name: "age", Status: "OK", Version: "1.2.1"}}
	d.Audits = []Audit{{Output: "all\nwell", Package: "age", Status: "OK"}}
	var rows []Package
	for i := range n {
		rows = append(rows, Package{Architecture: "amd64", Installed: int64(1700000000 + i), Name: fmt.Sprintf("lib-package-%d", i),
			Size: int64(i) << 10, Vendor: "A Team <team@lists.example.org>", Version: fmt.Sprintf("1:%d.2-3+deb12u1", i%40)})
	}
	d.setPackages("dpkg", SortPackages(rows))
	return d
}

// drawPackages draws few names and versions, so that two draws have much in common.
func drawPackages(t *rapid.T) []Package {
	return SortPackages(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Package {
		return Package{
			Architecture:  rapid.SampledFrom([]string{"", "amd64", "i386"}).Draw(t, "arch"),
			ID:            rapid.SampledFrom([]string{"", "", "x"}).Draw(t, "id"),
			Installed:     rapid.Int64Range(0, 2).Draw(t, "installed"),
			Name:          rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name"),
			Origin:        rapid.SampledFrom([]string{"", "o"}).Draw(t, "origin"),
			Source:        rapid.SampledFrom([]string{"", "s"}).Draw(t, "source"),
			SourceVersion: rapid.SampledFrom([]string{"", "9"}).Draw(t, "source version"),
			Version:       rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "version"),
		}
	}), 0, 12).Draw(t, "rows"))
}

func drawDocument(t *rapid.T) *Document {
	d := New()
	for _, source := range []string{"dpkg", "rpm"} {
		d.setPackages(source, drawPackages(t))
	}
	if rapid.Bool().Draw(t, "system") {
		d.System = &System{Arch: "amd64", Hostname: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "host"), OS: "linux"}
	}
	if rapid.Bool().Draw(t, "users") {
		d.Users = &Users{}
	}
	if rapid.Bool().Draw(t, "statuses") {
		d.Status = []Status{{Available: "2-1", By: "group lab", Name: "p", Status: rapid.SampledFrom([]string{"NEED-INSTALL", "ERROR"}).Draw(t, "stands")}}
	}
	if rapid.Bool().Draw(t, "audits") {
		d.Audits = []Audit{{Package: "p", Status: rapid.SampledFrom([]string{"OK", "ERROR"}).Draw(t, "status")}}
	}
	return d
}
