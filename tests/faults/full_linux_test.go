package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A disk is a file system with a root that fills up.
type disk struct {
	*host
	at string
}

// fill leaves so many bytes free. It fills after the program has looked at the
// free space, and before it needs it: checking beforehand is not enough.
func (d *disk) fill(leave int64) {
	d.Helper()
	f, err := os.Create(filepath.Join(d.at, "filler"))
	if err != nil {
		d.Fatal(err)
	}
	defer f.Close()
	size := int64(0)
	for step := int64(4 << 20); step >= 1024; {
		if err := unix.Fallocate(int(f.Fd()), 0, size, step); err != nil {
			step /= 2
			continue
		}
		size += step
	}
	if err := f.Truncate(max(0, size-leave)); err != nil {
		d.Fatal(err)
	}
	d.sync()
}

func (d *disk) empty() {
	d.Helper()
	if err := os.Remove(filepath.Join(d.at, "filler")); err != nil {
		d.Fatal(err)
	}
	d.sync()
}

func (d *disk) sync() {
	d.Helper()
	if out, err := exec.Command("sync", "-f", d.at).CombinedOutput(); err != nil {
		d.Fatalf("%v: %s", err, out)
	}
}

// TestCase26DiskFull fills the disk while the program is at work, to 10 levels,
// or to 40.
func TestCase26DiskFull(t *testing.T) {
	for _, name := range []string{"ext4", "tmpfs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needSite(t)
			s := scenarios[1]
			at := ""
			if name == "ext4" {
				at = newImage(t, fileSystems[0], "full-ext4").at
			} else {
				at = newTmpfs(t, "full-tmpfs", "24m")
			}
			d := &disk{&host{t, filepath.Join(at, "root")}, at}
			found := map[string]int{}
			for level := 0; level < 40; level += stride(4) {
				d.copyOf(s.template(t).dir)
				d.sync()
				found[d.fullAt(s, int64(level)*8<<10)]++
				if t.Failed() {
					return
				}
			}
			t.Logf("%d levels: %v", total(found), found)
			if found["old"] == 0 || found["new"] == 0 {
				t.Errorf("the levels do not show both: %v", found)
			}
		})
	}
}

// fullAt runs a scenario on a disk that has so many bytes free when it begins
// to stage.
func (d *disk) fullAt(s scenario, free int64) string {
	d.Helper()
	filled := false
	r := d.watch(func(c call) verdict {
		if !filled && strings.Contains(c.path, "/stage/") {
			filled = true
			d.fill(free)
		}
		return verdict{}
	}, strings.Fields(s.do)...)
	what := fmt.Sprintf("%d KiB free", free>>10)
	if r.code != 0 && !strings.Contains(r.output, unix.ENOSPC.Error()) {
		d.Errorf("%s: the message does not say why: %s", what, r.output)
	}
	// A full disk is no reason for a root to be a mixture: not even before
	// anything recovers it.
	d.must("list")
	d.empty()
	if r.code == 0 {
		state := d.whole(s, what)
		if state != "new" {
			d.Errorf("%s: said to be done, and is %q", what, state)
		}
		return state
	}
	return d.recovered(s, what)
}

// newTmpfs mounts a file system in memory.
func newTmpfs(t *testing.T, name, size string) string {
	t.Helper()
	at := inSite(name)
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", at).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", at).Run() })
	return at
}

// TestCase26Quota has a quota in place of a full disk: what the program asked
// of the free space told it nothing. Quotas of btrfs hold for root too.
func TestCase26Quota(t *testing.T) {
	t.Parallel()
	needSite(t)
	s := scenarios[1]
	im := newImage(t, fileSystems[2], "quota")
	im.tool("btrfs", "subvolume", "create", filepath.Join(im.at, "limited"))
	im.tool("btrfs", "quota", "enable", im.at)
	limited := filepath.Join(im.at, "limited")
	h := &host{t, filepath.Join(limited, "root")}
	h.copyOf(s.template(t).dir)
	im.tool("sync", "-f", im.at)
	im.tool("btrfs", "qgroup", "limit", "200K", limited)
	r := h.run(s.do)
	if r.code == 0 || !strings.Contains(r.output, unix.EDQUOT.Error()) {
		t.Errorf("exit code %d: %s", r.code, r.output)
	}
	im.tool("btrfs", "qgroup", "limit", "none", limited)
	if state := h.recovered(s, "quota"); state != "old" {
		t.Errorf("the root is %q", state)
	}
}

// TestCase26ReadOnly has the file system refuse everything from some call on,
// as ext4 does after an error of the disk.
func TestCase26ReadOnly(t *testing.T) {
	for i, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			im := newImage(t, fileSystems[0], "readonly-"+s.name)
			h := im.root()
			for n := 20 + i; ; n += stride(131) {
				h.copyOf(s.template(t).dir)
				im.tool("sync", "-f", im.at)
				at, durable, r := im.shutdownAt(n, s.do)
				if at.n == 0 {
					break
				}
				if r.code == 0 && !durable {
					t.Errorf("said to be done, though the disk was gone before %v", at)
				}
				im.unmount()
				im.mount()
				h.recovered(s, "the disk was gone before "+at.String())
				if t.Failed() {
					return
				}
			}
		})
	}
}

// shutdownAt shuts the file system down before the n-th call, and tells whether
// it was recorded by then that the change is done.
func (im *image) shutdownAt(n int, line string) (at call, durable bool, r result) {
	im.Helper()
	h := im.root()
	before := h.lastChange().ID
	r = h.watch(func(c call) verdict {
		if c.n == n {
			at, durable = c, h.recordedDone(c, before)
			im.shutdown()
		}
		return verdict{}
	}, strings.Fields(line)...)
	return at, durable, r
}

// shutdown is FS_IOC_SHUTDOWN without a flush of the journal.
func (im *image) shutdown() {
	im.Helper()
	f, err := os.Open(im.at)
	if err != nil {
		im.Fatal(err)
	}
	defer f.Close()
	const request, noFlush = 0x8004587d, 2
	if err := unix.IoctlSetPointerInt(int(f.Fd()), request, noFlush); err != nil {
		im.Fatal(err)
	}
}
