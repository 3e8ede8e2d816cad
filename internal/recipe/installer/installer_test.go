package installer

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"muster"
	"muster/internal/script"
	"muster/internal/testneed"
)

func TestMain(m *testing.M) {
	script.Child()
	os.Exit(m.Run())
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	testneed.Program(t, name)
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func read1(t *testing.T, file string) *Facts {
	t.Helper()
	facts, err := Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// check compares the fields of facts that want has.
func check(t *testing.T, facts *Facts, want Facts) {
	t.Helper()
	got, expected := reflect.ValueOf(*facts), reflect.ValueOf(want)
	for i := range expected.NumField() {
		if expected.Field(i).IsZero() {
			continue
		}
		if !reflect.DeepEqual(got.Field(i).Interface(), expected.Field(i).Interface()) {
			t.Errorf("%s is %v, want %v", expected.Type().Field(i).Name, got.Field(i), expected.Field(i))
		}
	}
}

// TestMSI reads what the real wixl made.
func TestMSI(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "tool.exe"), []byte("MZ"), 0o644)
	const wxs = `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="11111111-2222-3333-4444-555555555555" Name="Tool é" Language="1033" Version="1.2.3"
           Manufacturer="Example &quot;Ltd&quot;" UpgradeCode="6C2B9C5A-0E56-4B0D-9F5E-4E9F1D3F7A10">
    <Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine"/>
    <Media Id="1" Cabinet="t.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="D" Name="tool">
      <Component Id="C" Guid="A5F7B9F0-4B3C-4C8E-8B7B-1E6B3F8E2D01"><File Id="F" Source="tool.exe" KeyPath="yes"/></Component>
    </Directory></Directory></Directory>
    <Feature Id="Main" Level="1"><ComponentRef Id="C"/></Feature>
  </Product>
</Wix>`
	os.WriteFile(filepath.Join(dir, "t.wxs"), []byte(wxs), 0o644)
	for arch, want := range map[string][]string{"x64": {"amd64"}, "x86": {"amd64", "386"}} {
		run(t, dir, "wixl", "--arch", arch, "-o", "tool.msi", "t.wxs")
		check(t, read1(t, filepath.Join(dir, "tool.msi")), Facts{Format: MSI, Name: "Tool é", Title: "Tool é", Version: "1.2.3",
			OS: []string{"windows"}, Arch: want, Vendor: `Example "Ltd"`, Key: "{11111111-2222-3333-4444-555555555555}"})
	}
}

const nsi = `Unicode true
Name "Tool"
OutFile "setup.exe"
VIProductVersion "1.2.3.0"
VIAddVersionKey "ProductName" "Tool"
VIAddVersionKey "ProductVersion" "1.2.3"
VIAddVersionKey "FileVersion" "1.2.3"
VIAddVersionKey "CompanyName" "Example"
VIAddVersionKey "FileDescription" "Tool setup"
VIAddVersionKey "LegalCopyright" "c"
Section
SectionEnd
`

// TestNSIS reads what the real makensis made.
func TestNSIS(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "t.nsi"), []byte(nsi), 0o644)
	run(t, dir, "makensis", "-V2", "t.nsi")
	check(t, read1(t, filepath.Join(dir, "setup.exe")), Facts{Format: Setup, Name: "Tool", Version: "1.2.3", Vendor: "Example",
		Summary: "Tool setup", OS: []string{"windows"}, Arch: []string{"amd64", "386"}, Maker: "NSIS", Silent: "/S", Key: "Tool"})
}

// goProgram compiles a program that does nothing.
func goProgram(t *testing.T, goos, arch, name string) string {
	t.Helper()
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n"), 0o644)
	os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644)
	t.Setenv("GOOS", goos)
	t.Setenv("GOARCH", arch)
	t.Setenv("CGO_ENABLED", "0")
	run(t, dir, "go", "build", "-o", name, ".")
	return filepath.Join(dir, name)
}

// TestMakers puts the marks of setup tools behind a real program.
func TestMakers(t *testing.T) {
	file := goProgram(t, "windows", "amd64", "Tool-Setup_1.4.2.exe")
	plain, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for mark, want := range map[string]Facts{
		"":                            {Silent: "/S", Key: "Tool-Setup"},
		"Inno Setup Setup Data (6.2":  {Maker: "Inno Setup", Silent: "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP-", Key: "Tool-Setup_is1"},
		string(wide("InstallShield")): {Maker: "InstallShield", Silent: `/s /v"/qn /norestart"`},
	} {
		os.WriteFile(file, append(bytes.Clone(plain), mark...), 0o644)
		want.Format, want.Version, want.Arch, want.OS = Setup, "1.4.2", []string{"amd64"}, []string{"windows"}
		check(t, read1(t, file), want)
	}
}

func TestPrograms(t *testing.T) {
	file := goProgram(t, "linux", "arm64", "Tool-2.0.1-aarch64.AppImage")
	check(t, read1(t, file), Facts{Format: AppImage, Name: "Tool", Version: "2.0.1", OS: []string{"linux"}, Arch: []string{"arm64"}})
	data, _ := os.ReadFile(file)
	copy(data[8:], "AI\x02")
	os.WriteFile(file, data, 0o644)
	check(t, read1(t, file), Facts{Format: AppImage, Maker: "AppImage"})
}

func TestArchives(t *testing.T) {
	dir := t.TempDir()
	top := filepath.Join(dir, "tool-1.2")
	os.MkdirAll(top, 0o755)
	os.WriteFile(filepath.Join(top, "configure"), nil, 0o755)
	run(t, dir, "tar", "-czf", "tool-1.2.tar.gz", "tool-1.2")
	facts := read1(t, filepath.Join(dir, "tool-1.2.tar.gz"))
	check(t, facts, Facts{Format: Archive, Name: "tool", Version: "1.2", Strip: 1, OS: []string{"all"}})
	if !facts.Has("configure") || facts.Has("go.mod") {
		t.Errorf("names: %v", facts.Names)
	}
	run(t, top, "tar", "-cf", "../tool.tar", "./configure")
	check(t, read1(t, filepath.Join(dir, "tool.tar")), Facts{Format: Archive, Name: "tool"})
}

func TestNames(t *testing.T) {
	for file, want := range map[string]string{
		"age-v1.3.2-linux-amd64.tar.gz": "age 1.3.2 [linux] [amd64]",
		"hello_2.10.orig.tar.gz":        "hello 2.10 [all] [all]",
		"node-v20.1.0-win-x64.zip":      "node 20.1.0 [all] [amd64]",
		"Tool Setup 1.0.5.exe":          "Tool Setup 1.0.5 [all] [all]",
		"jdk-17.0.2_macos-aarch64.tgz":  "jdk 17.0.2 [darwin] [arm64]",
		"plain.zip":                     "plain  [all] [all]",
		"lib-1.0~rc1.tar.xz":            "lib 1.0~rc1 [all] [all]",
		"helm-darwin-arm64":             "helm-darwin-arm64  [darwin] [arm64]",
	} {
		f := &Facts{File: file}
		f.guessFromName()
		if got := strings.Join([]string{f.Name, f.Version, "[" + strings.Join(f.OS, " ") + "]", "[" + strings.Join(f.Arch, " ") + "]"}, " "); got != want {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
}

func TestNothingKnown(t *testing.T) {
	for name, data := range map[string]string{"text": strings.Repeat("hello\n", 200), "empty": "", "MZ": "MZ", "ELF": "\x7fELF", "compound": "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"} {
		file := filepath.Join(t.TempDir(), "f")
		os.WriteFile(file, []byte(data), 0o644)
		if facts, err := Read(t.Context(), file); err == nil {
			t.Errorf("%s: %+v", name, facts)
		} else if muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: kind %s: %v", name, muster.KindOf(err), err)
		}
	}
}

// propertySet writes a summary information of one text.
func propertySet(property uint32, text string) []byte {
	b := make([]byte, 48)
	binary.LittleEndian.PutUint32(b[44:], 48)
	for _, n := range []uint32{0, 1, property, 16, 30, uint32(len(text) + 1)} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return append(append(b, text...), 0)
}

// FuzzSummary holds that a text that comes out stands in the stream, and that
// what is written is read.
func FuzzSummary(f *testing.F) {
	f.Add(propertySet(pidTemplate, "x64;1033"), "x64;1033")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		if got := summaryText(data, pidTemplate); !bytes.Contains(data, []byte(got)) {
			t.Errorf("%q is not in the stream", got)
		}
		if strings.Contains(text, "\x00") {
			return
		}
		if got := summaryText(propertySet(pidTemplate, text), pidTemplate); got != text {
			t.Errorf("wrote %q, read %q", text, got)
		}
	})
}

// FuzzCompound reads summaries of damaged Windows Installer packages.
func FuzzCompound(f *testing.F) {
	seed, err := os.ReadFile("testdata/small.msi")
	if err != nil {
		f.Fatal(err)
	}
	if got, err := msiTemplate(bytes.NewReader(seed)); got != "x64;1033" || err != nil {
		f.Fatalf("%q, %v", got, err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := msiTemplate(bytes.NewReader(data))
		if err != nil && muster.KindOf(err) != muster.Invalid {
			t.Errorf("kind %s: %v", muster.KindOf(err), err)
		}
		if len(got) > len(data) {
			t.Errorf("%d bytes out of %d", len(got), len(data))
		}
	})
}
