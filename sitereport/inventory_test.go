package sitereport

import (
	"reflect"
	"testing"

	"muster/inventory"
)

func TestOf(t *testing.T) {
	d := inventory.New()
	d.System = &inventory.System{OS: "linux", Arch: "amd64", Hostname: "node17", Domain: "example.org", ID: "debian", Version: "12",
		Name: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-28-amd64"}
	d.Packages = map[string][]inventory.Package{
		"rpm": {
			{Architecture: "x86_64", Name: "bind-libs", Source: "bind", Vendor: "Example", Version: "32:9-1"},
			{Name: "gpg-pubkey", Version: "b86b3716-61e69f29"},
		},
		"dpkg": {
			{Architecture: "amd64", Installed: 5, Name: "bash", Origin: "Here", Size: 9, SourceVersion: "5.2.15-2", Vendor: "A Maintainer", Version: "5.2.15-2+b8"},
		},
		"flatpak": {{Name: "org.example.Editor", Signer: "flathub", Vendor: "The Project", Version: "46"}},
		"windows": {{ID: "{1}", Name: "Office", Vendor: "Some Corp", Version: "16"}, {ID: "{2}", Name: "Office", Vendor: "Some Corp", Version: "16"}},
	}
	want := &Report{
		Host:   "node17.example.org",
		System: System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"},
		Packages: []Package{
			{Manager: "dpkg", Name: "bash", Version: "5.2.15-2+b8", Arch: "amd64", SourceVersion: "5.2.15-2", Origin: "Here"},
			{Manager: "flatpak", Name: "org.example.Editor", Version: "46", Origin: "flathub"},
			{Manager: "rpm", Name: "bind-libs", Version: "32:9-1", Arch: "x86_64", Source: "bind", Origin: "Example"},
			{Manager: "windows", Name: "Office", Version: "16", Origin: "Some Corp"},
		},
	}
	got := Of(d)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("have %+v\nwant %+v", got, want)
	}
	if _, err := got.Marshal(); err != nil {
		t.Error(err)
	}
	for from, want := range map[[2]string]string{
		{"linux", "arm64"}: "aarch64", {"darwin", "arm64"}: "arm64", {"darwin", "amd64"}: "x86_64", {"freebsd", "amd64"}: "amd64",
		{"windows", "amd64"}: "x86_64", {"linux", "riscv64"}: "riscv64",
	} {
		if got := machine(from[0], from[1]); got != want {
			t.Errorf("%v is %s, not %s", from, got, want)
		}
	}
	if empty := Of(inventory.New()); empty.Host != "" || len(empty.Packages) > 0 {
		t.Errorf("%+v", empty)
	}
}
