package sitereport

import (
	"bytes"
	"compress/zlib"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestPakiti5(t *testing.T) {
	for name, want := range map[string]*Report{
		"pakiti5-rpm.txt": {
			Host: "wn042.example.org", Site: "EXAMPLE-T2", Tag: "wn",
			System: System{Name: "AlmaLinux release 9.5 (Teal Serval)", Arch: "x86_64", Kernel: "5.14.0-503.14.1.el9_5.x86_64"},
			Packages: []Package{
				{Manager: "rpm", Name: "bash", Version: "5.1.8-9.el9", Arch: "x86_64"},
				{Manager: "rpm", Name: "bind-libs", Version: "32:9.16.23-24.el9_5", Arch: "x86_64"},
				{Manager: "rpm", Name: "kernel-core", Version: "5.14.0-427.el9", Arch: "x86_64"},
				{Manager: "rpm", Name: "kernel-core", Version: "5.14.0-503.14.1.el9_5", Arch: "x86_64"},
				{Manager: "rpm", Name: "zlib", Version: "1.2.11-40.el9", Arch: "i686"},
				{Manager: "rpm", Name: "zlib", Version: "1.2.11-40.el9", Arch: "x86_64"},
			},
		},
		"pakiti5-dpkg.txt": {
			Host: "ui01.example.org", System: System{Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"},
			Packages: []Package{
				{Manager: "dpkg", Name: "bash", Version: "5.2.15-2+b8", Arch: "amd64"},
				{Manager: "dpkg", Name: "libc6", Version: "2.36-9+deb12u9", Arch: "amd64"},
				{Manager: "dpkg", Name: "libc6", Version: "2.36-9+deb12u9", Arch: "i386"},
			},
		},
		"pakiti5-pkg.txt": {
			Host: "fs.example.org", System: System{Name: "FreeBSD 14.1-RELEASE-p6", Arch: "amd64", Kernel: "14.1-RELEASE-p6"},
			Packages: []Package{
				{Manager: "freebsd", Name: "bash", Version: "5.2.37", Arch: "amd64"},
				{Manager: "freebsd", Name: "py311-setuptools", Version: "63.1.0_1", Arch: "amd64"},
			},
		},
	} {
		data := readTestdata(t, name)
		for form, data := range map[string][]byte{"as sent": data, "with blanks": bytes.ReplaceAll(data, []byte("\t"), []byte(" ")), "CR": bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))} {
			got, err := ParsePakiti5(data)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: %v\nhave %+v\nwant %+v", name, form, err, got, want)
			}
		}
		if !IsPakiti5(data) || IsPakiti5([]byte(nodeText)) {
			t.Errorf("%s is not known by its beginning", name)
		}
	}
}

func TestPakiti5Refusals(t *testing.T) {
	good := string(readTestdata(t, "pakiti5-rpm.txt"))
	for name, c := range map[string]struct{ old, new, says string }{
		"no beginning":     {"#\narch", "arch", "line 1:"},
		"no host":          {"host: ", "hast: ", "no host"},
		"services":         {"packager: rpm", "packager: svmon", "line 11:"},
		"no packager":      {"packager: rpm\n", "", "line 10:"},
		"OpenBSD":          {"packager: rpm\nsite: EXAMPLE-T2\nsystem: AlmaLinux", "packager: pkg\nsystem: OpenBSD", "package manager"},
		"two columns":      {"bash\t0:5.1.8-9.el9\tx86_64", "bash\t0:5.1.8-9.el9", "line 12:"},
		"four columns":     {"bash\t", "bash\t1\t", "line 12:"},
		"no field":         {"tag: wn", "tag wn", "line 9:"},
		"packages at once": {"#\nbash", "bash", "0 packages"},
	} {
		changed := strings.Replace(good, c.old, c.new, 1)
		if changed == good {
			t.Fatal(name)
		}
		_, err := ParsePakiti5([]byte(changed))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		refused(t, err, c.says)
	}
}

// pakiti4 is what a client of Pakiti 2 sends by openssl: the form is escaped but for
// blanks and line ends.
const pakiti4 = "type=rpm&host=ce01.example.org&os=Scientific Linux release 6.10 (Carbon)&arch=x86_64&tag=Pakiti client&kernel=2.6.32-754.el6.x86_64" +
	"&version=4&report=1&proxy=0&site=EXAMPLE&pkgs='bash' '0:4.1.2' '48.el6' 'x86_64'\n'libstdc%2b%2b' '0:4.4.7' '23.el6' 'x86_64'\n" +
	"'openssh' '1:5.3p1' '124.el6' 'x86_64'\n'gpg-pubkey' '0:192a7d7d' '4f6f6d0e' '0'\n"

func TestPakiti4(t *testing.T) {
	form, err := url.ParseQuery(pakiti4)
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{
		Host: "ce01.example.org", Site: "EXAMPLE", Tag: "Pakiti client",
		System: System{Name: "Scientific Linux release 6.10 (Carbon)", Arch: "x86_64", Kernel: "2.6.32-754.el6.x86_64"},
		Packages: []Package{
			{Manager: "rpm", Name: "bash", Version: "4.1.2-48.el6", Arch: "x86_64"},
			{Manager: "rpm", Name: "libstdc++", Version: "4.4.7-23.el6", Arch: "x86_64"},
			{Manager: "rpm", Name: "openssh", Version: "1:5.3p1-124.el6", Arch: "x86_64"},
		},
	}
	got, err := ParsePakiti4(form.Get)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nhave %+v\nwant %+v", err, got, want)
	}
	// In a form of several parts, as curl -F sends, nobody has taken the escapes away.
	form.Set("pkgs", "'g%2b%2b' '4:12.2.0-3' '' 'amd64'\n\n'base-files' '12.4+deb12u8' '' 'amd64'\n")
	form.Set("type", "dpkg")
	want.Packages = []Package{
		{Manager: "dpkg", Name: "base-files", Version: "12.4+deb12u8", Arch: "amd64"},
		{Manager: "dpkg", Name: "g++", Version: "4:12.2.0-3", Arch: "amd64"},
	}
	got, err = ParsePakiti4(form.Get)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nhave %+v\nwant %+v", err, got, want)
	}
	for _, bad := range []string{"bash 1 2 x86_64", "'bash' '1' '2'", "'bash' '1' '2' 'x86_64' 'y'", "'"} {
		form.Set("pkgs", "'a' '1' '' 'all'\n"+bad)
		_, err := ParsePakiti4(form.Get)
		refused(t, err, "line 2 of pkgs")
	}
	form.Set("type", "")
	_, err = ParsePakiti4(form.Get)
	refused(t, err, "package manager")
}

func TestModes(t *testing.T) {
	for text, want := range map[string]Mode{"": StoreOnly, "0": StoreOnly, "1": StoreAndReport, "2": ReportOnly, "store-only": StoreOnly,
		"store-and-report": StoreAndReport, "report-only": ReportOnly} {
		if got, err := ParseMode(text); err != nil || got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	_, err := ParseMode("3")
	refused(t, err)
	if StoreOnly.Answers() || ReportOnly.Stores() || !StoreAndReport.Answers() || !StoreAndReport.Stores() {
		t.Error("modes mean something else")
	}
}

func TestGLPI(t *testing.T) {
	want := &GLPI{Action: "inventory", Device: "pc7-2025-01-01-10-00-00", Report: &Report{
		Host: "pc7.example.org", Site: "EXAMPLE",
		System: System{Name: "Debian GNU/Linux 12 (bookworm)", Arch: "x86_64", Kernel: "6.1.0-28-amd64"},
		Packages: []Package{
			{Manager: "dpkg", Name: "bash", Version: "5.2.15-2+b8", Arch: "amd64"},
			{Manager: "dpkg", Name: "libc6", Version: "2.36-9+deb12u9", Arch: "amd64"},
			{Manager: "dpkg", Name: "no-version"},
			{Manager: "flatpak", Name: "org.example.Editor", Version: "46.3", Arch: "x86_64"},
		},
	}}
	data := readTestdata(t, "glpi-agent.json")
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(data) //nolint:errcheck // a buffer takes all
	w.Close()
	g, err := Pack(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range [][]byte{data, z.Bytes(), g} {
		plain, err := Unpack(sent)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseGLPI(plain); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\nhave %+v\nwant %+v", err, got, want)
		}
	}
	contact, err := ParseGLPI([]byte(`{"action":"contact","deviceid":"x","name":"GLPI-Agent","version":"1.11","installed-tasks":["inventory"]}`))
	if err != nil || contact.Action != "contact" || contact.Device != "x" || contact.Report != nil {
		t.Errorf("%+v, %v", contact, err)
	}
}

// TestGLPIElsewhere reads what differs on other systems.
func TestGLPIElsewhere(t *testing.T) {
	for system, want := range map[string]Package{
		"freebsd":                  {Manager: "freebsd", Name: "x", Version: "1"},
		"Arch Linux":               {Manager: "pacman", Name: "x", Version: "1"},
		"NetBSD 10.0":              {Manager: "pkgsrc", Name: "x", Version: "1"},
		"Microsoft Windows 11 Pro": {},
	} {
		text := `{"action":"inventory","content":{"hardware":{"name":"John's PC"},"operatingsystem":{"full_name":"` + system + `"},"softwares":[{"name":"x","version":"1"},
			{"name":"Office","version":"16","from":"registry","publisher":"Some Corp"}]}}`
		g, err := ParseGLPI([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		office := Package{Manager: "windows", Name: "Office", Version: "16", Origin: "Some Corp"}
		if g.Report.Host != "John's-PC" || g.Report.Packages[len(g.Report.Packages)-1] != office {
			t.Errorf("%+v", g.Report)
		}
		if want != (Package{}) && g.Report.Packages[0] != want || want == (Package{}) && len(g.Report.Packages) != 1 {
			t.Errorf("%s: %+v", system, g.Report.Packages)
		}
	}
}

func TestGLPIRefusals(t *testing.T) {
	good := string(readTestdata(t, "glpi-agent.json"))
	for name, c := range map[string][2]string{
		"partial":      {`"action": "inventory"`, `"action": "inventory", "partial": true`},
		"no software":  {`"softwares"`, `"antivirus"`},
		"software {}":  {`"name": "bash"`, `"name": {"a": "b"}`},
		"no packages":  {`"deb"`, `"x"`},
		"no JSON":      {`"deviceid"`, `deviceid`},
		"no host":      {`"fqdn": "pc7.example.org"`, `"fqdn": ""`},
		"much of site": {`"tag": "EXAMPLE"`, `"tag": "` + strings.Repeat("x", 101) + `"`},
	} {
		changed := strings.ReplaceAll(good, c[0], c[1])
		switch name {
		case "no packages":
			changed = strings.ReplaceAll(changed, `"flatpak"`, `"y"`)
		case "no host":
			changed = strings.ReplaceAll(changed, `"name": "pc7"`, `"name": ""`)
		}
		if _, err := ParseGLPI([]byte(changed)); err == nil || changed == good {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestGLPIMemory: what takes a byte or two of a message takes as little of memory.
func TestGLPIMemory(t *testing.T) {
	const n = 1_000_000
	list := func(each string, n int) string {
		return `{"action":"inventory","content":{"softwares":[` + strings.Repeat(each+",", n-1) + each + `]}}`
	}
	for name, text := range map[string]string{
		"empty": list("{}", n), "none": list("0", n), "empty names": list(`{"name":""}`, n), "short names": list(`{"name":"a"}`, MaxPackages+1),
		"many lists": `{"action":"inventory","content":{` + strings.Repeat(`"softwares":[{"name":"a"}],`, n/20) + `"softwares":[{"name":"a"}]}}`,
		"many times": `{"action":"inventory","content":{` + strings.Repeat(`"softwares":[{"name":"a"},{"name":"b"},0],`, n/20) + `"softwares":[]}}`,
	} {
		data := []byte(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ParseGLPI(data); err == nil {
			t.Errorf("%s: taken", name)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 100*min(uint64(len(data)), MaxPackages*uint64(len(`{"name":"a"},`))) {
			t.Errorf("%s: %d bytes took %d", name, len(data), took)
		}
	}
}
