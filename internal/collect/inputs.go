package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"path"
)

// Inputs returns a stamp for each section of which a few files tell whether it may
// have changed: their times and sizes, those of the entries of a folder included.
// Where the stamp is as it was, so is the section, but for what somebody did behind
// the back of a package manager. Sections that are not in it have to be looked at
// now and then.
func Inputs(root string) (map[string]string, error) {
	h, err := open(root)
	if err != nil {
		return nil, err
	}
	defer h.close()
	stamps := map[string]string{}
	for section, names := range inputs() {
		sum := sha256.New()
		for _, name := range names {
			addStamp(h.files, name, sum)
		}
		stamps[section] = hex.EncodeToString(sum.Sum(nil)[:12])
	}
	return stamps, nil
}

// inputs are the files and folders that a section is read from. A package manager
// that keeps a file a package changes the folder with each.
func inputs() map[string][]string {
	all := map[string][]string{
		"system":           {"etc/os-release", "etc/hostname", "etc/machine-id", "etc/localtime", "etc/locale.conf", "etc/default/locale"},
		"users":            {"etc/passwd"},
		"packages.apk":     apkDatabases,
		"packages.dpkg":    {dpkgStatus, dpkgParts},
		"packages.flatpak": {flatpakRoot + "/app", flatpakRoot + "/runtime", flatpakRoot + "/.changed"},
		"packages.freebsd": {freebsdDatabase, freebsdDatabase + "-wal"},
		"packages.pacman":  {pacmanLocal},
		"packages.pkgsrc":  pkgsrcDatabases,
		"packages.snap":    snapRoots,
		"packages.macos":   macOSFolders,
	}
	for _, dir := range rpmFolders {
		for _, name := range []string{"rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Packages"} {
			all["packages.rpm"] = append(all["packages.rpm"], path.Join(dir, name))
		}
	}
	return all
}

// addStamp adds what tells one state of a file or folder from the next.
func addStamp(fsys fs.FS, name string, sum hash.Hash) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return
	}
	fmt.Fprintf(sum, "%s %d %d\n", name, info.ModTime().UnixNano(), info.Size())
	if !info.IsDir() {
		return
	}
	// A new revision of an application changes its own folder alone.
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.IsDir() {
			fmt.Fprintf(sum, "%s %d\n", e.Name(), info.ModTime().UnixNano())
		}
	}
}
