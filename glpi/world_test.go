package glpi

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"muster/internal/collect"
	"muster/inventory"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A sample is a host as a test makes it.
type sample struct {
	name     string
	host     Host
	document *inventory.Document
	volatile *inventory.Volatile
}

func (s *sample) make(t testing.TB) []byte {
	t.Helper()
	data, err := Make(s.host, s.document, s.volatile).Marshal()
	check(t, err)
	return data
}

var someone = Host{ID: "9b2e4a1c-0d3f-4f5a-8b6c-7d8e9fa0b1c2", Name: "pc1", Agent: "1.2.0", Tag: "paris/lab"}

// samples are hosts of many systems: captures, lists of what is installed on many
// machines, and this machine.
func samples(t testing.TB) []sample {
	t.Helper()
	all := []sample{{"empty", Host{ID: "x"}, inventory.New(), nil}, windows(t), freebsd()}
	captures, err := filepath.Glob("../internal/collect/testdata/*.txtar")
	check(t, err)
	if len(captures) < 5 {
		t.Fatalf("only %d captures were found", len(captures))
	}
	for _, c := range captures {
		all = append(all, collected(t, filepath.Base(c), unpacked(t, c)))
	}
	data, err := os.ReadFile("../inventory/testdata/base.json")
	check(t, err)
	d, err := inventory.Parse(data)
	check(t, err)
	return append(all, sample{"every member", someone, d, lively()}, collected(t, "this machine", "/"))
}

// unpacked is the folder that a capture makes.
func unpacked(t testing.TB, capture string) string {
	t.Helper()
	a, err := txtar.ParseFile(capture)
	check(t, err)
	dir := t.TempDir()
	for _, f := range a.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		check(t, os.MkdirAll(filepath.Dir(name), 0o755))
		if target, ok := strings.CutPrefix(string(f.Data), "-> "); ok {
			check(t, os.Symlink(strings.TrimSpace(target), name))
			continue
		}
		check(t, os.WriteFile(name, bytes.ReplaceAll(f.Data, []byte(`\0`), []byte{0}), 0o644))
	}
	return dir
}

func collected(t testing.TB, name, root string) sample {
	t.Helper()
	r, err := collect.Collect(t.Context(), collect.Options{Root: root, Now: time.Unix(1_790_000_000, 0)})
	check(t, err)
	if len(r.Document.Packages) == 0 {
		t.Errorf("%s: no packages were found", name)
	}
	return sample{name, someone, r.Document, r.Volatile}
}

// lively is what changes by itself.
func lively() *inventory.Volatile {
	return &inventory.Volatile{Format: inventory.Format, Boot: 1_780_000_000, Time: 1_790_000_000,
		Free:     []inventory.Free{{Free: 5 << 30, Target: "/"}, {Free: 70 << 30, Target: `C:\`}},
		Sessions: []inventory.Session{{User: "alice", Since: 5}, {User: `LAB\bob`, Since: 9, TTY: "2"}, {User: "alice", Since: 7}}}
}

// windows is a desktop with what many of them have.
func windows(t testing.TB) sample {
	t.Helper()
	data, err := os.ReadFile("../internal/simulate/lists/windows.txt")
	check(t, err)
	d := inventory.New()
	d.System = &inventory.System{Arch: "amd64", Domain: "lab.example.org", Hostname: "PC12", ID: "windows", Name: "Windows 11 Pro 23H2", OS: "windows", Version: "10.0.22631"}
	d.Hardware = &inventory.Hardware{BIOS: &inventory.BIOS{Date: "04/21/2023", Vendor: "Dell Inc.", Version: "1.14.1"}, Chassis: 9, Memory: 16 << 30,
		CPUs:  []inventory.CPU{{Cores: 10, Model: "Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", Sockets: 1, Threads: 12, Vendor: "GenuineIntel"}},
		Board: "Dell Inc. 0F6P3V", Product: "Latitude 5490", Serial: "ABC1234", UUID: "4c4c4544-0042-3510-8044-b1c04f423232", Vendor: "Dell Inc."}
	d.Network = &inventory.Network{Gateways: []string{"fe80::1", "192.0.2.254"}, Interfaces: []inventory.Interface{
		{Addresses: []string{"192.0.2.7/24", "2001:db8::7/64"}, MAC: "02:00:00:00:00:01", MTU: 1500, Name: "Ethernet", Speed: 1000}, {MAC: "02:00:00:00:00:02", Name: "Wi-Fi"}}}
	d.Disks = &inventory.Disks{Mounts: []inventory.Mount{{Size: 200 << 30, Source: `\\?\Volume{1}`, Target: `C:\`, Type: "NTFS"}}}
	var rows []inventory.Package
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		f := strings.Split(line, "|")
		rows = append(rows, inventory.Package{Architecture: []string{"amd64", "386", "user"}[i%3], ID: fmt.Sprintf("{%08X}", i), Installed: 1700000000, Name: f[1], Version: f[2], Vendor: f[3]})
	}
	d.Packages = map[string][]inventory.Package{"windows": inventory.SortPackages(rows)}
	return sample{"windows", someone, d, lively()}
}

func freebsd() sample {
	d := inventory.New()
	d.System = &inventory.System{Arch: "riscv64", Hostname: "box.example.org", Hyper: "unknown", ID: "freebsd", Kernel: "14.2-RELEASE", Name: "FreeBSD 14.2-RELEASE", OS: "freebsd", Version: "14.2"}
	d.Hardware = &inventory.Hardware{CPUs: []inventory.CPU{{Model: "SiFive", Threads: 4, Cores: 4, Sockets: 2}}, Memory: 512 << 10}
	d.Packages = map[string][]inventory.Package{"freebsd": {{Architecture: "FreeBSD:14:riscv64", ID: "shells/bash", Installed: 1, Name: "bash", Size: 9, Vendor: "a@example.org", Version: "5.2.37"}}}
	return sample{"freebsd", someone, d, nil}
}

// anyText is a text that an inventory may have.
func anyText(t *rapid.T, label string) string {
	return inventory.Text(rapid.OneOf(rapid.Just(""), rapid.StringN(0, 40, 200), rapid.SampledFrom([]string{"a", "2024-01-01", "192.0.2.1", "C:", "amd64", "01/02/2006"})).Draw(t, label))
}

func anyNumber(t *rapid.T, label string) int64 {
	return rapid.OneOf(rapid.SampledFrom([]int64{0, 1, mib, 1700000000, 1 << 53}), rapid.Int64Range(0, 1<<53)).Draw(t, label)
}

// drawn is a host of which anything is anything.
func drawn(t *rapid.T) sample {
	text := func(l string) string { return anyText(t, l) }
	n := func(l string) int64 { return anyNumber(t, l) }
	d := inventory.New()
	if rapid.Bool().Draw(t, "system") {
		d.System = &inventory.System{Arch: text("arch"), Container: text("container"), Domain: text("domain"), Hostname: text("host"), Hyper: text("hyper"), ID: text("id"),
			Kernel: text("kernel"), Name: text("name"), OS: rapid.SampledFrom([]string{"linux", "windows", "darwin", ""}).Draw(t, "os"), Version: text("version")}
	}
	if rapid.Bool().Draw(t, "hardware") {
		d.Hardware = &inventory.Hardware{BIOS: &inventory.BIOS{Date: text("date"), Vendor: text("vendor"), Version: text("v")}, Board: text("board"), Chassis: int(n("chassis")),
			CPUs:   []inventory.CPU{{Cores: int(n("cores")), Model: text("model"), Sockets: int(n("sockets") % 300), Threads: int(n("threads")), Vendor: text("cpu vendor")}},
			Memory: n("memory"), PCI: []inventory.PCI{{Class: text("class"), Device: text("device"), Slot: text("slot"), Vendor: text("pci vendor")}}, Serial: text("serial"), UUID: text("uuid")}
	}
	if rapid.Bool().Draw(t, "network") {
		d.Network = &inventory.Network{DNS: []string{text("dns")}, Gateways: []string{text("gateway"), "192.0.2.254"}, Interfaces: []inventory.Interface{
			{Addresses: []string{text("address"), rapid.SampledFrom([]string{"192.0.2.7/24", "2001:db8::1/0", "::ffff:192.0.2.1/96", "10.0.0.1/0"}).Draw(t, "cidr")}, MAC: text("mac"), Name: text("interface"), Speed: int(n("speed"))}}}
	}
	d.Disks = &inventory.Disks{Devices: []inventory.Device{{Name: text("disk"), Size: n("size")}}, Mounts: []inventory.Mount{{Size: n("total"), Source: text("source"), Target: text("target"), Type: text("type")}}}
	d.Users = &inventory.Users{Accounts: []inventory.Account{{Full: text("full"), Name: text("account"), UID: text("uid")}}}
	for _, source := range inventory.Sources {
		if rapid.IntRange(0, 9).Draw(t, source) == 0 {
			d.Packages = map[string][]inventory.Package{source: inventory.SortPackages([]inventory.Package{
				{Architecture: text("arch"), ID: text("id"), Installed: n("installed"), Name: "p" + text("p"), Size: n("p size"), Vendor: text("p vendor"), Version: text("p version")},
				{Name: "same"}, {Name: "same", ID: "2"}})}
		}
	}
	v := &inventory.Volatile{Format: inventory.Format, Boot: n("boot"), Sessions: []inventory.Session{{User: text("user")}, {User: text("d") + `\` + text("u")}}}
	return sample{"drawn", Host{ID: "x" + text("host id"), Agent: text("agent"), Name: text("host name"), Tag: text("tag")}, d, v}
}

// A validator is a schema to hold documents against.
type validator struct{ *jsonschema.Schema }

// newValidator reads a schema; strict has it refuse every member that it does not name.
func newValidator(t testing.TB, data []byte, strict bool) validator {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	check(t, err)
	if strict {
		closeObjects(value)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	check(t, c.AddResource("schema.json", value))
	s, err := c.Compile("schema.json")
	check(t, err)
	return validator{s}
}

// closeObjects has every object with properties refuse others, as GLPI 10 does.
func closeObjects(value any) {
	switch v := value.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			closeObjects(x)
		}
	case []any:
		for _, x := range v {
			closeObjects(x)
		}
	}
}

func (v validator) check(data []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return v.Validate(value)
}
