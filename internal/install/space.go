package install

import (
	"fmt"
	"path/filepath"

	"muster"
)

// margin is left free on each file system: logs and other programs need it.
const margin = 8 << 20

// checkSpace refuses a change that the disk has no room for, before anything
// is written.
func (s *stager) checkSpace(need []int64) error {
	for i, n := range need {
		base := s.root.abs(s.bases[i])
		free, err := freeSpace(filepath.Dir(s.existing(base)))
		if err != nil {
			return fmt.Errorf("cannot tell the free space of %q: %w", base, err)
		}
		if n += margin; n > free {
			return muster.WithHint(
				muster.Errorf(muster.Unavailable, "not enough space at %q: %s needed, %s free", filepath.Dir(base), BytesText(n), BytesText(free)),
				"free some, for instance with 'muster clean'; nothing was changed")
		}
	}
	return nil
}

// existing is a name in the lowest directory above name that exists.
func (s *stager) existing(name string) string {
	for {
		dir := filepath.Dir(name)
		if info, err := lstat(dir); err == nil && info != nil || dir == name {
			return name
		}
		name = dir
	}
}

// need sums what each stage folder will hold: contents, and a block for each
// new name, which later is the room that the switch needs in directories.
func (s *stager) need(ops []*Op) []int64 {
	need := make([]int64, len(s.bases))
	for _, op := range ops {
		if op.Op == "mkdir" || op.New != "" {
			need[op.Base] += 4096
		}
	}
	for _, list := range s.diff.content {
		for _, p := range list {
			need[p.op.Base] += roundUp(p.file.Size)
		}
	}
	return need
}

const padName = "pad"

// reserve writes a file that the switch removes: what directories and the
// journal need after the commit point is set aside before it.
func (s *stager) reserve(ops []*Op) error {
	size := make([]int64, len(s.bases))
	for _, op := range ops {
		if op.Inside {
			continue // it comes with its directory
		}
		size[op.Base] += 256
		if op.Op == "mkdir" {
			size[op.Base] += 4096
		}
	}
	for i, base := range s.bases {
		f, err := s.root.Disk.NewFile(filepath.Join(s.root.abs(base), padName), 0o600)
		if err != nil {
			return err
		}
		block := make([]byte, 64<<10)
		for i := range block {
			block[i] = byte(i*7 + i>>8) // not zeros, which some file systems do not store
		}
		for left := size[i] + 64<<10; left > 0 && err == nil; left -= int64(len(block)) {
			_, err = f.Write(block)
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// release gives the reserved space back.
func (s *switcher) release() error {
	for _, base := range s.sw.Bases {
		if err := s.root.Disk.Remove(filepath.Join(s.root.abs(base), padName)); err != nil {
			return err
		}
	}
	return nil
}

// BytesText prints a number of bytes for people: "1 byte", "2.5 MiB".
func BytesText(n int64) string {
	const unit = 1024
	switch {
	case n == 1:
		return "1 byte"
	case n < unit:
		return fmt.Sprintf("%d bytes", n)
	}
	value, exp := float64(n)/unit, 0
	for value >= unit && exp < 3 {
		value /= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGT"[exp])
}
