package faults_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"muster/internal/testneed"
)

// A fileSystem can be made in an image file.
type fileSystem struct {
	name string
	size int64 // of the smallest image
	mkfs []string
}

// XFS refuses file systems below 300 MB. Images are sparse: what a cut copies
// is what the file system has written, 1 to 4 MB.
var fileSystems = []fileSystem{
	{"ext4", 24 << 20, []string{"mkfs.ext4", "-q", "-F", "-J", "size=4"}},
	{"xfs", 320 << 20, []string{"mkfs.xfs", "-q", "-f"}},
	{"btrfs", 128 << 20, []string{"mkfs.btrfs", "-q", "-f", "--mixed"}},
}

// An image is a file that holds a file system, and where that is mounted.
type image struct {
	testing.TB
	fs   fileSystem
	file string
	at   string
}

// newImage makes a file system and mounts it.
func newImage(t testing.TB, f fileSystem, name string) *image {
	t.Helper()
	needSite(t)
	testneed.Program(t, f.mkfs[0])
	if err := exec.Command("losetup", "-f").Run(); err != nil {
		testneed.Missing(t, "loop device")
	}
	im := &image{t, f, inSite(name + ".img"), inSite(name)}
	file, err := os.Create(im.file)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(f.size); err != nil {
		t.Fatal(err)
	}
	im.tool(append(f.mkfs, im.file)...)
	if err := os.MkdirAll(im.at, 0o755); err != nil {
		t.Fatal(err)
	}
	im.mount()
	t.Cleanup(im.remove)
	return im
}

func (im *image) tool(args ...string) {
	im.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		im.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// mount mounts the image; the file system replays its journal. nouuid: copies
// of one XFS have one name.
func (im *image) mount() {
	im.Helper()
	options := "loop"
	if im.fs.name == "xfs" {
		options += ",nouuid"
	}
	im.tool("mount", "-t", im.fs.name, "-o", options, im.file, im.at)
}

func (im *image) unmount() {
	im.Helper()
	im.tool("umount", "-d", im.at)
}

func (im *image) remove() {
	exec.Command("umount", "-d", "-l", im.at).Run()
	os.Remove(im.file)
}

// root is the root on the image.
func (im *image) root() *host { return &host{im.TB, filepath.Join(im.at, "root")} }

// A cut is what the disk held at an instant.
type cut []extent

type extent struct {
	at   int64
	data []byte
}

// cut copies the image while it is in use. What writes to it meanwhile could
// make a copy of no instant at all; two copies that are the same show one.
func (im *image) cut() cut {
	im.Helper()
	last := im.copied()
	for range 100 {
		next := im.copied()
		if next.same(last) {
			return next
		}
		last = next
	}
	im.Fatalf("%s does not come to rest", im.file)
	return nil
}

// copied reads what is not a hole.
func (im *image) copied() (all cut) {
	im.Helper()
	f, err := os.Open(im.file)
	if err != nil {
		im.Fatal(err)
	}
	defer f.Close()
	for at := int64(0); ; {
		begin, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return all
		}
		end, err2 := unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE)
		if err != nil || err2 != nil {
			im.Fatal(err, err2)
		}
		e := extent{begin, make([]byte, end-begin)}
		if _, err := f.ReadAt(e.data, begin); err != nil {
			im.Fatal(err)
		}
		all, at = append(all, e), end
	}
}

func (c cut) same(other cut) bool {
	if len(c) != len(other) {
		return false
	}
	for i := range c {
		if c[i].at != other[i].at || !bytes.Equal(c[i].data, other[i].data) {
			return false
		}
	}
	return true
}

// restore mounts what the disk held as another image, after the power is back.
func (im *image) restore(c cut, name string) *image {
	im.Helper()
	copy := &image{im.TB, im.fs, inSite(name + ".img"), inSite(name)}
	f, err := os.Create(copy.file)
	if err != nil {
		im.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(im.fs.size); err != nil {
		im.Fatal(err)
	}
	for _, e := range c {
		if _, err := f.WriteAt(e.data, e.at); err != nil {
			im.Fatal(err)
		}
	}
	if err := os.MkdirAll(copy.at, 0o755); err != nil {
		im.Fatal(err)
	}
	copy.mount()
	return copy
}

// flush syncs another file of the file system, as any program may: the journal
// is written, with what it holds of files that nobody synced.
func (im *image) flush() {
	im.Helper()
	f, err := os.OpenFile(filepath.Join(im.at, "other"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		im.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, "another program"); err != nil {
		im.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		im.Fatal(err)
	}
}
