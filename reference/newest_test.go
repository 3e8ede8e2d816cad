package reference

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/deb822"
	"muster/internal/testneed"
	"muster/sitereport"
)

const debianIndex = `Package: openssl
Source: openssl (3.0.17-1~deb12u2)
Version: 3.0.17-1~deb12u2+b1
Architecture: amd64
Description: tool
 that goes on
 .
Depends: libc6

# a comment
package: openssl
version: 3.0.9-1
architecture: amd64

Package: openssl
Version: 3.0.18-1
Architecture: i386

Package: base-files
Version: 12.4
Architecture: all
`

// wishes are the rows of what was collected.
func wishes(n *Newest) (all []string) {
	for _, w := range n.List("").Wanted {
		all = append(all, fmt.Sprintf("%s %s:%s %s", w.Manager, w.Name, w.Arch, w.Want))
	}
	return all
}

func TestAddDebian(t *testing.T) {
	packed := map[string][]byte{"plain": []byte(debianIndex), "crlf": []byte(strings.ReplaceAll(debianIndex, "\n", "\r\n"))}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(debianIndex)) //nolint:errcheck // into memory
	z.Close()
	packed["gzip"] = b.Bytes()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed["zstd"] = enc.EncodeAll([]byte(debianIndex), nil)
	for _, program := range []string{"xz", "bzip2"} {
		cmd := exec.Command(testneed.Program(t, program), "-c")
		cmd.Stdin = strings.NewReader(debianIndex)
		if packed[program], err = cmd.Output(); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range packed {
		var n, sources Newest
		sources.Sources = true
		if err := errors.Join(n.AddDebian(name, bytes.NewReader(data)), sources.AddDebian(name, bytes.NewReader(data))); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := []string{"dpkg base-files:all >= 12.4", "dpkg openssl:amd64 >= 3.0.17-1~deb12u2+b1", "dpkg openssl:i386 >= 3.0.18-1"}
		if got := wishes(&n); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
		want = []string{"dpkg source:base-files: >= 12.4", "dpkg source:openssl: >= 3.0.18-1"}
		if got := wishes(&sources); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAddDebianRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"Package: a\n\nVersion: 1\n":                              `"Packages", line 2: no version`,
		"Package: a\nVersion: 1\nnonsense\n":                      `line 3: a line without a colon`,
		"Package: a\nPackage: b\n":                                "stands twice",
		" lost: 1\n":                                              "continues nothing",
		"Package: " + strings.Repeat("a", 70_000):                 "too long",
		"Package: a\nVersion: " + strings.Repeat("1", 300) + "\n": "version of more than",
		"Package: source:a\nVersion: 1\n":                         "is no name of a package",
		"\x1f\x8bgarbage":                                         `cannot decompress "Packages"`,
		"\x28\xb5\x2f\xfdgarbage":                                 "line 1",
	} {
		var n Newest
		if err := n.AddDebian("Packages", strings.NewReader(text)); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v, want %q", text, err, says)
		}
	}
	// What is not needed may be as long as it likes.
	var n Newest
	if err := n.AddDebian("Packages", strings.NewReader("Package: a\nDepends: "+strings.Repeat("b, ", 100_000)+"\n "+strings.Repeat("c", 200_000)+"\nVersion: 1\n")); err != nil || n.Len() != 1 {
		t.Error(err)
	}
}

// A bomb is refused after the bytes that an index may have.
func TestBomb(t *testing.T) {
	r := &limited{r: io.LimitReader(zeros{}, 100), left: 50}
	if n, err := io.Copy(io.Discard, r); muster.KindOf(err) != muster.Invalid || n > 50 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// FuzzDebian: a second reader, package deb822, sees the same newest versions.
func FuzzDebian(f *testing.F) {
	f.Add(debianIndex)
	f.Add("Package: a\nVersion: 1\n \nPackage: b\nVersion: 2\nArchitecture:\n all\n")
	f.Add("Package: a\nSource: s (2)\nVersion: 1\n\t\n\n#\nPackage: a\nVersion: 1:0\n")
	f.Fuzz(func(t *testing.T, text string) {
		stanzas, problem := deb822.Parse(text)
		for _, s := range []bool{false, true} {
			n := Newest{Sources: s}
			if err := n.AddDebian("x", strings.NewReader(text)); err != nil {
				if muster.KindOf(err) != muster.Invalid {
					t.Fatal(err)
				}
				continue
			}
			if problem != nil || strings.Contains(text, "\r") {
				continue // that reader is stricter with what is skipped here
			}
			if want, ok := plainDebian(stanzas, s); ok && !maps.Equal(n.rows, want) {
				t.Fatalf("%q read as %v, a second reader says %v", text, n.rows, want)
			}
		}
	})
}

// plainDebian is false for stanzas whose fields go on in a second line, which those
// that matter do not.
func plainDebian(stanzas []deb822.Stanza, sources bool) (map[key]string, bool) {
	rows := map[key]string{}
	for _, s := range stanzas {
		d := debianStanza{name: s.Get("Package"), version: s.Get("Version"), arch: s.Get("Architecture"), source: s.Get("Source")}
		if strings.Contains(d.name+d.version+d.arch+d.source, "\n") {
			return nil, false
		}
		k := key{"dpkg", d.name, d.arch}
		if sources {
			if d.source != "" {
				k.name, d.version = d.origin()
			}
			k.name, k.arch = sourcePrefix+k.name, ""
		}
		if was, ok := rows[k]; !ok || orders["dpkg"](d.version, was) > 0 {
			rows[k] = d.version
		}
	}
	return rows, true
}

// TestAptAgrees holds the lists of this machine's repositories against what apt says:
// behind is what can be upgraded, and nothing else is.
func TestAptAgrees(t *testing.T) {
	apt, aptGet, query := testneed.Program(t, "apt"), testneed.Program(t, "apt-get"), testneed.Program(t, "dpkg-query")
	const helper = "/usr/lib/apt/apt-helper"
	if _, err := os.Stat(helper); err != nil {
		testneed.Missing(t, helper)
	}
	run := func(program string, args ...string) []byte {
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v", program, args, err)
		}
		return out
	}
	files := strings.Fields(string(run(aptGet, "indextargets", "--format", "$(FILENAME)", "Created-By: Packages")))
	if len(files) == 0 {
		testneed.Missing(t, "lists of apt: apt-get update")
	}
	if strings.Contains(string(run(testneed.Program(t, "apt-cache"), "policy")), "Pin: ") {
		t.Skip("apt has pins of its own")
	}
	var n Newest
	for _, file := range files {
		if err := n.AddDebian(file, bytes.NewReader(run(helper, "cat-file", file))); err != nil {
			t.Fatal(err)
		}
	}
	var has []sitereport.Package
	for line := range strings.Lines(string(run(query, "-W", "-f", "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n"))) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[0] == "installed" {
			has = append(has, sitereport.Package{Manager: "dpkg", Name: f[1], Version: f[2], Arch: f[3]})
		}
	}
	var behind, counts = map[string]bool{}, map[Verdict]int{}
	for _, r := range Compare(n.List("debian"), &Host{}, has, 0) {
		counts[r.Verdict]++
		if r.Verdict == Behind {
			behind[r.Name] = true
		}
	}
	upgradable := map[string]bool{}
	for line := range strings.Lines(string(run(apt, "list", "--upgradable"))) {
		if name, _, ok := strings.Cut(line, "/"); ok {
			upgradable[name] = true
		}
	}
	if !maps.Equal(behind, upgradable) {
		t.Errorf("behind are %v\napt upgrades %v", slices.Sorted(maps.Keys(behind)), slices.Sorted(maps.Keys(upgradable)))
	}
	if counts[Equal] < len(has)/2 {
		t.Errorf("of %d packages %v", len(has), counts)
	}
	t.Logf("%d packages listed, %d installed: %v", n.Len(), len(has), counts)
}

func TestAddPkgsrc(t *testing.T) {
	const text = "PKGNAME=mktool-1.4.2\nCOMMENT=High = performance\nMACHINE_ARCH=aarch64\nDESCRIPTION=\n\n" +
		"PKGNAME=py312-foo-1.2nb1\nMACHINE_ARCH=aarch64\n\nPKGNAME=mktool-1.4.2nb1\nMACHINE_ARCH=aarch64\n"
	var n Newest
	if err := n.AddPkgsrc("pkg_summary", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	want := []string{"pkgsrc mktool:aarch64 >= 1.4.2nb1", "pkgsrc py312-foo:aarch64 >= 1.2nb1"}
	if got := wishes(&n); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for text, says := range map[string]string{
		"COMMENT=x\n":                "PKGNAME is missing",
		"PKGNAME=a-1\nPKGNAME=b-1\n": "stands twice",
		"PKGNAME=a\n":                "has no version",
		"PKGNAME=-1\n":               "has no version",
		"nonsense\n":                 "without an equals sign",
		"PKGNAME=a-" + strings.Repeat("1", 70_000): "too long",
	} {
		if err := new(Newest).AddPkgsrc("x", strings.NewReader(text)); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v, want %q", text, err, says)
		}
	}
}

func TestAddFreeBSD(t *testing.T) {
	const text = `{"name":"curl","origin":"ftp/curl","version":"8.9.1_1","arch":"freebsd:14:x86:64","abi":"FreeBSD:14:amd64","deps":{}}
{"name":"curl","version":"8.9.1_2","abi":"FreeBSD:14:amd64"}
{"name":"ca_root_nss","version":"3.93,1","arch":"FreeBSD:14:*"}
`
	for name, data := range map[string]string{"packagesite.yaml": text, "packagesite.pkg": string(archive(t, "packagesite.yaml.sig", "x", "packagesite.yaml", text))} {
		var n Newest
		if err := n.AddFreeBSD(name, strings.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		want := []string{"freebsd ca_root_nss:FreeBSD:14:* >= 3.93,1", "freebsd curl:FreeBSD:14:amd64 >= 8.9.1_2"}
		if got := wishes(&n); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, bad := range []string{"{", `{"name":"a"}`, "[]", `{"name":"` + strings.Repeat("a", 1<<20+1) + `"}`} {
		if err := new(Newest).AddFreeBSD("x", strings.NewReader(bad)); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), `"x", line 1`) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

// archive makes an archive of files, name and content.
func archive(t testing.TB, files ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(files[i+1])) //nolint:errcheck // into memory
	}
	w.Close()
	return b.Bytes()
}

func TestAddAlpine(t *testing.T) {
	const text = "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:1\no:musl\n\nP:musl-utils\nV:1.2.5-r1\nA:x86_64\no:musl\n\nP:musl\nV:1.2.5-r10\nA:x86_64\n"
	for name, data := range map[string][]byte{"APKINDEX": []byte(text), "APKINDEX.tar": archive(t, ".SIGN.RSA.x", "s", "DESCRIPTION", "v3", "APKINDEX", text)} {
		var n Newest
		if err := n.AddAlpine(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if got := wishes(&n); !slices.Equal(got, []string{"apk musl:x86_64 >= 1.2.5-r10", "apk musl-utils:x86_64 >= 1.2.5-r1"}) {
			t.Errorf("%s: %q", name, got)
		}
		n = Newest{Sources: true}
		if err := n.AddAlpine(name, bytes.NewReader(data)); err != nil || !slices.Equal(wishes(&n), []string{"apk source:musl: >= 1.2.5-r10"}) {
			t.Errorf("%s: %q (%v)", name, wishes(&n), err)
		}
	}
	for _, bad := range []string{"P:a\n", "P:a\nP:b\n", "nonsense\n", "S:1\n", "P:" + strings.Repeat("a", 70_000)} {
		if err := new(Newest).AddAlpine("x", strings.NewReader(bad)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
}

func TestAddPacman(t *testing.T) {
	desc := func(name, version, base string) string {
		return "%FILENAME%\nx.pkg.tar.zst\n\n%NAME%\n" + name + "\n\n%BASE%\n" + base + "\n\n%VERSION%\n" + version + "\n\n%DESC%\n%NAME%\n\n%LICENSE%\nMIT\nBSD\n\n%ARCH%\nx86_64\n\n%DEPENDS%\nglibc\n"
	}
	data := archive(t, "linux-6.10.5.arch1-1/desc", desc("linux", "6.10.5.arch1-1", "linux"), "linux-docs-6.10.6.arch1-1/desc", desc("linux-docs", "6.10.6.arch1-1", "linux"), "linux-docs-6.10.6.arch1-1/files", "x")
	var n Newest
	if err := n.AddPacman("core.db", bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if got := wishes(&n); !slices.Equal(got, []string{"pacman linux:x86_64 >= 6.10.5.arch1-1", "pacman linux-docs:x86_64 >= 6.10.6.arch1-1"}) {
		t.Errorf("%q", got)
	}
	for _, bad := range [][]byte{[]byte(strings.Repeat("no archive ", 100)), archive(t, "a/desc", "%NAME%\na\n"), archive(t, "a/desc", "%NAME%\na\nb\n")} {
		if err := new(Newest).AddPacman("core.db", bytes.NewReader(bad)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
}

// FuzzLines: whatever stands in an index of pkgsrc, FreeBSD, apk or pacman, what is taken can be
// printed as a list.
func FuzzLines(f *testing.F) {
	f.Add("PKGNAME=mktool-1.4.2\nMACHINE_ARCH=aarch64\n\nPKGNAME=a-1\n")
	f.Add(`{"name":"curl","version":"8.9.1_1","abi":"FreeBSD:14:amd64"}`)
	f.Add("P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\n\nP:a\nV:1\n")
	f.Add(string(archive(f, "linux-6.10.5.arch1-1/desc", "%NAME%\nlinux\n\n%VERSION%\n6.10.5.arch1-1\n")))
	f.Add(string(archive(f, "APKINDEX", "P:musl\nV:1.2.5-r0\n")))
	f.Fuzz(func(t *testing.T, text string) {
		for _, add := range []func(*Newest) error{
			func(n *Newest) error { return n.AddPkgsrc("x", strings.NewReader(text)) },
			func(n *Newest) error { return n.AddFreeBSD("x", strings.NewReader(text)) },
			func(n *Newest) error { return n.AddAlpine("x", strings.NewReader(text)) },
			func(n *Newest) error { return n.AddPacman("x", strings.NewReader(text)) },
		} {
			var n Newest
			if err := add(&n); err != nil {
				if muster.KindOf(err) != muster.Invalid {
					t.Fatal(err)
				}
				continue
			}
			l := n.List("x")
			if err := l.Check(); err != nil {
				t.Fatal(err)
			}
			same(t, l)
		}
	})
}

const primary = `<?xml version="1.0" encoding="UTF-8"?>
<!-- of <package> -->
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="3">
<package type="rpm">
  <name>bash</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="5.1.8" rel="9.el9"/>
  <summary>The &quot;shell&quot;</summary><description><![CDATA[ <name>no</name> ]]></description>
  <format>
    <rpm:sourcerpm>bash-5.1.8-9.el9.src.rpm</rpm:sourcerpm>
    <rpm:provides><rpm:entry name="bash" flags="EQ" epoch="0" ver="5.1.8" rel="9.el9"/></rpm:provides>
  </format>
</package>
<package type="rpm"><name>bash</name><arch>x86_64</arch><version epoch='0' rel='6.el9' ver='5.1.8' a = "x>y" /></package>
<package type="rpm"><name>bash</name><arch>src</arch><version epoch="0" ver="9" rel="9"/></package>
<package type="rpm"><name>lib&#x63;&amp;&#49;</name><arch>noarch</arch><version epoch="2" ver="1" rel="1"/>
  <format><rpm:sourcerpm>libc-1-1.src.rpm</rpm:sourcerpm></format></package>
</metadata>
`

func TestAddPrimary(t *testing.T) {
	var n, sources Newest
	sources.Sources = true
	if err := errors.Join(n.AddPrimary("primary.xml", strings.NewReader(primary)), sources.AddPrimary("primary.xml", strings.NewReader(primary))); err != nil {
		t.Fatal(err)
	}
	want := []string{"rpm bash:x86_64 >= 5.1.8-9.el9", "rpm libc&1:noarch >= 2:1-1"}
	if got := wishes(&n); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	want = []string{"rpm source:bash: >= 5.1.8-9.el9", "rpm source:libc: >= 2:1-1"}
	if got := wishes(&sources); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for text, says := range map[string]string{
		"":                                  "there is no list of packages in it",
		"<metadata>":                        "unexpected EOF",
		"<html></html>":                     "this is no list of packages",
		"<metadata></metadata><metadata/>":  "this is no list of packages",
		"<metadata></meta>":                 `the end of "meta", which is not open`,
		"<!DOCTYPE x []><metadata/>":        "document types are not read",
		"<metadata>\n<package/></metadata>": "line 2: no name",
		"<metadata><package><name>a</name><name>a</name></package></metadata>":                   "stands twice",
		"<metadata><package><name>&bad;</name></package></metadata>":                             "an entity that is not known",
		"<metadata><package><name>a</name><version ver=1/></package></metadata>":                 "without quotes",
		"<metadata><package><name>" + strings.Repeat("a", 5000) + "</name></package></metadata>": "text of more than",
		"<metadata><package a='" + strings.Repeat("a", 70_000) + "'/></metadata>":                "a tag of more than",
		"<metadata>" + strings.Repeat("<a>", 40):                                                 "an element without a name, or more than 32",
		"lost <metadata></metadata>":                                                             "",
	} {
		err := new(Newest).AddPrimary("primary.xml", strings.NewReader(text))
		if says == "" && err == nil {
			continue
		}
		if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v, want %q", text, err, says)
		}
	}
}

// FuzzPrimary: a second reader, encoding/xml, sees the same packages in documents that
// both take.
func FuzzPrimary(f *testing.F) {
	f.Add(primary)
	f.Add("<metadata><package><name>a</name><arch>b</arch><version ver='1' rel=\"2\"/></package></metadata>")
	f.Add("<metadata><package><name>a<!-- x -->b</name><version ver='1'/><format><sourcerpm>s-1-1.src.rpm</sourcerpm></format></package></metadata>")
	f.Add("<metadata><package><name><![CDATA[a&amp;]]></name><arch/><version ver='1' rel=''></version></package></metadata>")
	f.Fuzz(func(t *testing.T, text string) {
		var n Newest
		if err := n.AddPrimary("x", strings.NewReader(text)); err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Fatal(err)
			}
			return
		}
		want, ok := plainPrimary(text)
		if ok && !maps.Equal(n.rows, want) {
			t.Fatalf("%q read as %v, a second reader says %v", text, n.rows, want)
		}
	})
}

func plainPrimary(text string) (map[key]string, bool) {
	var doc struct {
		XMLName  xml.Name `xml:"metadata"`
		Packages []struct {
			Name    []string `xml:"name"`
			Arch    []string `xml:"arch"`
			Version []struct {
				Epoch string `xml:"epoch,attr"`
				Ver   string `xml:"ver,attr"`
				Rel   string `xml:"rel,attr"`
			} `xml:"version"`
			Inner string `xml:",innerxml"`
		} `xml:"package"`
	}
	if err := xml.Unmarshal([]byte(text), &doc); err != nil || strings.Contains(text, "\r") {
		return nil, false
	}
	rows := map[key]string{}
	for _, p := range doc.Packages {
		if len(p.Name) != 1 || len(p.Arch) > 1 || len(p.Version) != 1 {
			return nil, false
		}
		k := key{"rpm", strings.Trim(p.Name[0], " \t\n"), ""}
		if len(p.Arch) == 1 {
			k.arch = strings.Trim(p.Arch[0], " \t\n")
		}
		if k.arch == "src" || k.arch == "nosrc" {
			continue
		}
		v := p.Version[0]
		s := v.Ver
		if v.Rel != "" {
			s += "-" + v.Rel
		}
		if v.Epoch != "" && v.Epoch != "0" {
			s = v.Epoch + ":" + s
		}
		if was, ok := rows[k]; !ok || orders["rpm"](s, was) > 0 {
			rows[k] = s
		}
	}
	return rows, true
}

// FuzzRepomd: the list of packages lies in the repository.
func FuzzRepomd(f *testing.F) {
	f.Add(`<repomd><data type="filelists"/><data type="primary"><checksum type="sha256">00</checksum><location href="repodata/a.xml.gz"/></data></repomd>`)
	f.Add(`<repomd><data type="primary"><location href="../a"/></data></repomd>`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRepomd([]byte(text))
		if err == nil && (!fs.ValidPath(r.Location.Href) || strings.HasPrefix(r.Location.Href, "/")) {
			t.Fatalf("%q", r.Location.Href)
		}
	})
}

// TestRPMAgrees makes a repository with the programs of rpm, and lets rpm itself say
// which of its packages is the newest.
func TestRPMAgrees(t *testing.T) {
	build, create := testneed.Program(t, "rpmbuild"), testneed.Program(t, "createrepo_c")
	rpm := testneed.Program(t, "rpm")
	dir := t.TempDir()
	versions := []string{"0:1.0-1", "0:1.0~rc1-1", "0:1.0^git1-1", "0:1.10-1", "0:1.9-2", "1:0.5-1", "1:0.5-1.el9", "1:0.5-1.el10"}
	for i, v := range versions {
		epoch, rest, _ := strings.Cut(v, ":")
		ver, rel, _ := strings.Cut(rest, "-")
		spec := fmt.Sprintf("Name: thing\nEpoch: %s\nVersion: %s\nRelease: %s\nSummary: x\nLicense: x\nBuildArch: noarch\n%%description\nx & <y>\n%%files\n", epoch, ver, rel)
		name := filepath.Join(dir, fmt.Sprintf("%d.spec", i))
		if err := os.WriteFile(name, []byte(spec), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(build, "-bb", "--define", "_topdir "+dir, "--define", "_rpmdir "+dir+"/repo", name).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	newest := versions[0]
	for _, v := range versions {
		out, err := exec.Command(rpm, "--eval", fmt.Sprintf(`%%{lua: print(rpm.vercmp(%q, %q))}`, v, newest)).Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(out)) == "1" {
			newest = v
		}
	}
	for _, how := range []string{"--general-compress-type=gz", "--general-compress-type=xz", "--general-compress-type=zstd", "--general-compress-type=bz2", "--checksum=sha512"} {
		out, err := exec.Command(create, how, "--no-database", dir+"/repo").CombinedOutput()
		if err != nil {
			if strings.Contains(string(out), "zstd") {
				t.Logf("this createrepo_c knows no zstd")
				continue
			}
			t.Fatalf("%v: %s", err, out)
		}
		var n Newest
		if err := n.AddRPM(os.DirFS(dir + "/repo")); err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		if got := wishes(&n); !slices.Equal(got, []string{"rpm thing:noarch >= " + newest}) {
			t.Errorf("%s: %q, rpm says %s", how, got, newest)
		}
	}
	files, err := filepath.Glob(dir + "/repo/repodata/*primary.xml*")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, 0)
	if err := os.WriteFile(files[0], data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := new(Newest).AddRPM(os.DirFS(dir + "/repo")); muster.KindOf(err) != muster.Invalid {
		t.Errorf("a changed list is taken: %v", err)
	}
}
