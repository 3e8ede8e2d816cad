package glpi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster"
	"muster/inventory"
)

func readNative(t testing.TB) validator {
	t.Helper()
	data, err := os.ReadFile("testdata/native.schema.json")
	check(t, err)
	return newValidator(t, data, false)
}

// What is written is what GLPI takes, whatever the host is, and the same each time.
func TestSchema(t *testing.T) {
	v := readNative(t)
	for _, s := range samples(t) {
		data := s.make(t)
		if err := v.check(data); err != nil {
			t.Errorf("%s: %v\n%.2000s", s.name, err, data)
		}
		if !bytes.Equal(data, s.make(t)) {
			t.Errorf("%s: differs the second time", s.name)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := drawn(rt)
		if data := s.make(t); v.check(data) != nil {
			rt.Fatalf("%v\n%s", v.check(data), data)
		}
	})
}

// A schema that takes anything would make TestSchema worthless.
func TestSchemaRefuses(t *testing.T) {
	v := readNative(t)
	w := windows(t)
	good := string(w.make(t))
	for _, change := range [][2]string{{`"deviceid":"` + someone.ID + `",`, ``}, {`"memory":16384`, `"memory":"16384"`}, {`"x86_64"`, `"amd64"`}, {`"bdate":"2023-04-21"`, `"bdate":"04/21/2023"`},
		{`"speed":"1000"`, `"speed":1000`}, {`"ipaddress":"192.0.2.7"`, `"ipaddress":"192.0.2"`}, {`"name":"PC12"`, `"name":""`}, {`"itemtype":"Computer"`, `"itemtype":"Toaster"`}, {`"letter"`, `"letters"`}} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s is not there", change[0])
		}
		if v.check([]byte(bad)) == nil {
			t.Errorf("%s is taken", change[1])
		}
	}
}

// published are the schemas of github.com/glpi-project/inventory_format (MIT) by
// their SHA-256: that of the first GLPI 10, that of the last before members that it does not know
// were let pass, and the newest.
var published = map[string]string{
	"1.1.14": "550133e8caffcc6319a35af1ea2251fef0dc84179ce5dfebad0ce9c50bba614d",
	"1.1.36": "db6f11c2f05ffd6df76ebda31b009236c608e20903d9f0003bb3b8cb31ac448a",
	"1.2.3":  "6cee24d8d78eae92eb35e9bf11541a019ce5c23305ea3d18e6368a8014cf4c70",
}

// The published schemas take what is written too. They are not part of this tree:
// MUSTER_GLPI_SCHEMAS names a folder with VERSION.json for each, of these bytes.
func TestPublishedSchema(t *testing.T) {
	dir := os.Getenv("MUSTER_GLPI_SCHEMAS")
	if dir == "" {
		t.Skip("needs the folder MUSTER_GLPI_SCHEMAS with inventory.schema.json of glpi-project/inventory_format, as 1.2.3.json and so on: docs/glpi.md")
	}
	for version, sum := range published {
		data, err := os.ReadFile(filepath.Join(dir, version+".json"))
		check(t, err)
		if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
			t.Fatalf("%s.json has the SHA-256 %x", version, got)
		}
		v, all := newValidator(t, data, true), samples(t)
		for _, s := range all {
			if err := v.check(s.make(t)); err != nil {
				t.Errorf("%s: %s: %v", version, s.name, err)
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			s := drawn(rt)
			if err := v.check(s.make(t)); err != nil {
				rt.Fatalf("%s: %v", version, err)
			}
		})
	}
}

// What a person looks for in GLPI is where they look for it.
func TestMake(t *testing.T) {
	w := windows(t)
	i := Make(w.host, w.document, w.volatile)
	c := &i.Content
	if i.Tag != "paris/lab" || c.Hardware.Name != "PC12" || c.OperatingSystem.FQDN != "PC12.lab.example.org" || c.OperatingSystem.Name != "Windows" || c.Hardware.VMSystem != "Physical" || c.OperatingSystem.Arch != "x86_64" {
		t.Errorf("%+v %+v", c.Hardware, c.OperatingSystem)
	}
	if want := (CPU{Arch: "x86_64", Core: 10, Manufacturer: "Intel", Name: "Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", Speed: 1900, Thread: 2}); len(c.CPUs) != 1 || c.CPUs[0] != want {
		t.Errorf("%+v", c.CPUs)
	}
	if want := (Drive{FileSystem: "NTFS", Free: 70 << 10, Letter: "C:", Total: 200 << 10, Device: `\\?\Volume{1}`}); c.Drives[0] != want {
		t.Errorf("%+v", c.Drives)
	}
	if len(c.Networks) != 3 || c.Networks[0].IPv4Mask != "255.255.255.0" || c.Networks[0].Gateway != "192.0.2.254" || c.Networks[1].IPv6Mask != "ffff:ffff:ffff:ffff::" || c.Networks[2].Type != "wifi" || c.Hardware.DefaultGateway != "192.0.2.254" {
		t.Errorf("%+v", c.Networks)
	}
	if want := []User{{Login: "alice"}, {Domain: "LAB", Login: "bob"}}; !slices.Equal(c.Users, want) || c.Hardware.LastUser != "bob" {
		t.Errorf("%+v %q", c.Users, c.Hardware.LastUser)
	}
	if c.BIOS.Date != "2023-04-21" || c.Hardware.ChassisType != "Laptop" || c.Memories[0].Capacity != 16384 || c.OperatingSystem.BootTime != "2026-05-28 20:26:40" {
		t.Errorf("%+v %+v %+v", c.BIOS, c.Hardware, c.OperatingSystem)
	}
	if n := slices.IndexFunc(c.Softwares, func(s Software) bool { return s.Name == "Microsoft Edge" }); n < 0 || c.Softwares[n].Publisher != "Microsoft Corporation" || c.Softwares[n].From != "registry" || c.Softwares[n].Installed != "2023-11-14" || c.Softwares[n].GUID == "" {
		t.Errorf("%d", n)
	}
}

// Every package is there once, and software of muster too.
func TestSoftware(t *testing.T) {
	d := inventory.New()
	d.Packages = map[string][]inventory.Package{"dpkg": {{Architecture: "amd64", Name: "bash", Version: "5"}, {Architecture: "i386", Name: "bash", Version: "5"}, {ID: "a", Name: "x", Version: "1"}, {ID: "b", Name: "x", Version: "1"}},
		"apk": {{Name: "bash", Version: "5"}}}
	d.Muster = []inventory.Installed{{Arch: "all", Installed: 1700000000, Name: "age", Root: "/home/a/area", Version: "1-1"}}
	want := []Software{{From: "apk", Name: "bash", Version: "5"}, {Arch: "amd64", From: "deb", Name: "bash", Version: "5"}, {Arch: "i386", From: "deb", Name: "bash", Version: "5"},
		{From: "deb", Name: "x", Version: "1"}, {Arch: "all", Folder: "/home/a/area", From: "muster", Installed: "2023-11-14", Name: "age", Version: "1-1"}}
	if got := Make(someone, d, nil).Content.Softwares; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{"04/01/2014": "2014-04-01", "2014-04-01": "2014-04-01", "20140401": "2014-04-01", "1": "", "": "", "31/12/2014": "", "04/01/14": "2014-04-01"} {
		if got := firmwareDate(text); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
	for model, want := range map[string]int{"Xeon @ 2.60GHz": 2600, "x @ 3 GHz": 3000, "@ 3.125GHz": 3125, "AMD EPYC": 0, "@ 3.1415GHz": 0} {
		if got := clock(model); got != want {
			t.Errorf("%q has %d MHz", model, got)
		}
	}
	if chassis(9) != "Laptop" || chassis(17) != "Main Server Chassis" || chassis(36) != "Stick PC" || chassis(37) != "" || chassis(-1) != "" {
		t.Error("the table of chassis is wrong")
	}
	for _, s := range []struct {
		inventory.System
		want string
	}{{inventory.System{Hyper: "kvm"}, "KVM"}, {inventory.System{Hyper: "unknown"}, "Virtual Machine"}, {inventory.System{Hyper: "kvm", Container: "lxc"}, "lxc"}, {inventory.System{}, "Physical"}} {
		if got := virtual(&s.System); got != s.want {
			t.Errorf("%+v is %q", s.System, got)
		}
	}
}

func TestTooLarge(t *testing.T) {
	i := Inventory{DeviceID: "x", Content: Content{Softwares: slices.Repeat([]Software{{Name: strings.Repeat("x", 1000)}}, 45_000)}}
	if _, err := i.Marshal(); muster.KindOf(err) != muster.Invalid {
		t.Error(err)
	}
}

// The members of the schema here are those that are written: none is checked in vain.
func TestNativeSchemaIsWhole(t *testing.T) {
	var all bytes.Buffer
	for _, s := range samples(t) {
		all.Write(s.make(t))
	}
	data, err := os.ReadFile("testdata/native.schema.json")
	check(t, err)
	var schema any
	check(t, json.Unmarshal(data, &schema))
	eachMember(schema, func(name string) {
		if !bytes.Contains(all.Bytes(), []byte(`"`+name+`":`)) {
			t.Errorf("no sample has %q", name)
		}
	})
}

func eachMember(schema any, f func(name string)) {
	switch v := schema.(type) {
	case map[string]any:
		if p, ok := v["properties"].(map[string]any); ok {
			for name := range p {
				f(name)
			}
		}
		for _, x := range v {
			eachMember(x, f)
		}
	case []any:
		for _, x := range v {
			eachMember(x, f)
		}
	}
}
