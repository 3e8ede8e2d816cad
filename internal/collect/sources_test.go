package collect

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"muster/inventory"
)

// at is when files of trees were written.
const at = 1700000000

// TestSources reads a capture of each package manager.
func TestSources(t *testing.T) {
	musterMany := inventory.Package{Architecture: "noarch", Installed: 1795247627, Name: "muster-many", Size: 31092,
		Vendor: "Alice Martin <alice@example.org>", Version: "4.0-3"}
	musterHello := inventory.Package{Architecture: "noarch", Installed: 1795247627, Name: "muster-hello", Size: 30004,
		Vendor: "Example Institute", Version: "2:1.2-3"}
	for name, c := range map[string]struct {
		files fs.FS
		read  func(fs.FS) ([]inventory.Package, error)
		want  []inventory.Package
	}{
		"dpkg": {tree(t, "dpkg.txtar"), readDpkg, []inventory.Package{
			{Architecture: "amd64", Name: "base-files", Origin: "Debian", Size: 341 << 10, Vendor: "Santiago Vila <sanvila@debian.org>", Version: "12.4+deb12u11"},
			{Architecture: "amd64", Installed: at, Name: "bash", Size: 7164 << 10, SourceVersion: "5.2.15-2", Vendor: "Matthias Klose <doko@debian.org>", Version: "5.2.15-2+b8"},
			{Architecture: "amd64", Installed: at, Name: "libc6", Size: 13001 << 10, Source: "glibc", Vendor: "GNU Libc Maintainers <debian-glibc@lists.debian.org>", Version: "2.36-9+deb12u14"},
		}},
		"pacman": {tree(t, "pacman.txtar"), readPacman, []inventory.Package{
			{Architecture: "any", Installed: 1795246611, Name: "muster-hello", Size: 4099, Vendor: "Alice Martin <alice@example.org>", Version: "1:1.2-3"},
			{Architecture: "any", Installed: 1795246612, Name: "muster-hello-doc", Size: 12, Source: "muster-hello", Vendor: "Alice Martin <alice@example.org>", Version: "1:1.2-3"},
		}},
		"apk": {tree(t, "apk.txtar"), readApk, []inventory.Package{
			{Architecture: "x86_64", Name: "alpine-keys", Size: 159744, Vendor: "Natanael Copa <ncopa@alpinelinux.org>", Version: "2.4-r1"},
			{Architecture: "x86_64", Name: "musl", Size: 667648, Vendor: "Timo Teräs <timo.teras@iki.fi>", Version: "1.2.5-r0"},
			{Architecture: "x86_64", Name: "musl-utils", Size: 139264, Source: "musl", Vendor: "Timo Teräs <timo.teras@iki.fi>", Version: "1.2.5-r0"},
		}},
		"pkgsrc": {tree(t, "pkgsrc.txtar"), readPkgsrc, []inventory.Package{
			{Architecture: "x86_64", Installed: at, Name: "digest", Size: 58123, Source: "pkgtools/digest", Version: "20220214"},
			{Installed: at, Name: "py312-setuptools-scm", Version: "8.1.0nb2"},
		}},
		"brew": {tree(t, "brew.txtar"), readBrew, []inventory.Package{
			{Architecture: "arm64", Installed: 1718444400, Name: "age", Vendor: "homebrew/core", Version: "1.2.0"},
			{Architecture: "arm64", Installed: 1734600000, Name: "age", Vendor: "homebrew/core", Version: "1.2.1"},
			{Name: "broken", Version: "1.0"},
			{ID: "cask", Name: "firefox", Version: "132.0"},
		}},
		"snap": {tree(t, "snap.txtar"), readSnap, []inventory.Package{
			{Architecture: "amd64", ID: "42", Installed: at, Name: "hello", Size: 5, Version: "2.10"},
		}},
		"flatpak": {tree(t, "flatpak.txtar"), readFlatpak, []inventory.Package{
			{Architecture: "x86_64", ID: "stable", Installed: at, Name: "org.example.Editor", Signer: "flathub", Vendor: "The Editor Project", Version: "46.3"},
			{Architecture: "x86_64", ID: "46", Installed: at, Name: "org.example.Platform", Signer: "flathub", Version: "aaaabbbbcccc"},
		}},
		"macos": {tree(t, "macos.txtar"), readMacOS, []inventory.Package{
			{ID: "org.example.editor", Installed: at, Name: "Example Editor", Version: "4.1 & later"},
			{Installed: at, Name: "Writer", Version: "77"},
		}},
		"macos, binary": {one("Applications/Viewer.app/Contents/Info.plist", readTestdata(t, "binary.plist")), readMacOS, []inventory.Package{
			{ID: "org.example.viewer", Installed: at, Name: "Viewer", Version: "7.2"},
		}},
		"rpm, SQLite": {one("var/lib/rpm/rpmdb.sqlite", unzip(t, "rpmdb.sqlite.gz")), readRPM, []inventory.Package{musterHello, musterMany}},
		"rpm, BDB":    {one("var/lib/rpm/Packages", unzip(t, "Packages.gz")), readRPM, []inventory.Package{musterHello, musterMany}},
		"rpm, ndb":    {one("usr/lib/sysimage/rpm/Packages.db", ndb(rpmHeaders(t))), readRPM, []inventory.Package{musterHello, musterMany}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := c.read(c.files)
			if err != nil {
				t.Fatal(err)
			}
			r := &Report{Document: inventory.New()}
			if err := r.addPackages("dpkg", rows); err != nil {
				t.Fatal(err)
			}
			if rows = r.Document.Packages["dpkg"]; !slices.Equal(rows, c.want) {
				t.Errorf("have %+v\nwant %+v", rows, c.want)
			}
			if err := r.Document.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNothing holds that a host without a package manager has no failure.
func TestNothing(t *testing.T) {
	h := &host{files: fstest.MapFS{}, close: func() {}}
	r := &Report{Document: inventory.New(), Volatile: &inventory.Volatile{}}
	for _, s := range sections {
		r.note(s.name, s.read(h, r))
	}
	if len(r.Failures) > 0 || r.Document.Packages != nil {
		t.Errorf("%+v, %+v", r.Failures, r.Document)
	}
}

// TestBroken holds that a damaged database is a failure of its own section, not
// a host without packages.
func TestBroken(t *testing.T) {
	for name, data := range map[string]string{
		"var/lib/rpm/rpmdb.sqlite": "SQLite format 3\x00", "var/lib/rpm/Packages": "short",
		"usr/lib/sysimage/rpm/Packages.db": "RpmP", "var/db/pkg/local.sqlite": "",
	} {
		h := &host{files: one(name, []byte(data)), close: func() {}}
		r := &Report{Document: inventory.New(), Volatile: &inventory.Volatile{}}
		for _, s := range sections {
			r.note(s.name, s.read(h, r))
		}
		if len(r.Failures) != 1 {
			t.Errorf("%s: %+v", name, r.Failures)
		}
	}
}
