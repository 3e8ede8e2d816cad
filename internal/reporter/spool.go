package reporter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"muster"
	"muster/internal/durable"
)

// A spool keeps reports that could not be sent, a file each, in a folder. Its name
// begins with the time of the report, so that the oldest comes first. One process
// at a time uses it.
type spool struct {
	dir  string
	disk *durable.Disk
	lock *flock.Flock // nil: not locked
}

const (
	suffix   = ".report"
	noSpool  = "none" // of --spool
	lockName = "lock"

	// A collector takes reports of the last week at least.
	maxAge     = 7 * 24 * time.Hour
	maxWaiting = 64
	maxBytes   = 64 << 20
	maxBody    = 40 << 20
)

// openSpool is nil where there is none: nothing waits, and nothing can.
func (r *reporter) openSpool() (*spool, error) {
	dir := r.opts.spool
	if dir == noSpool {
		return nil, nil
	}
	if dir == "" {
		if dir = stateFolder(); dir == "" {
			return nil, nil
		}
	}
	s := &spool{dir: dir, disk: r.disk}
	return s, s.check()
}

// check holds that the folder, where there is one, is ours.
func (s *spool) check() error {
	info, err := os.Stat(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look at the spool: %w", err)
	}
	if !info.IsDir() {
		return muster.Errorf(muster.Invalid, "the spool %q is no folder", s.dir)
	}
	return checkOwner(s.dir, info)
}

// acquire waits until no other process uses the spool. It makes the folder when
// there is none and something is to be kept.
func (s *spool) acquire(ctx context.Context, create bool) error {
	if s.lock != nil {
		return nil
	}
	if create {
		if err := s.disk.MkdirAll(s.dir, 0o700); err != nil {
			return fmt.Errorf("cannot make the spool: %w", err)
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	lock := flock.New(filepath.Join(s.dir, lockName), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		if errors.Is(err, fs.ErrNotExist) && !create {
			return nil
		}
		return muster.WithKind(muster.Busy, fmt.Errorf("cannot lock the spool %q: %w", s.dir, err))
	}
	s.lock = lock
	return nil
}

func (s *spool) release() {
	if s != nil && s.lock != nil {
		s.lock.Close() //nolint:errcheck // the lock ends with the process at the latest
		s.lock = nil
	}
}

// waiting lists what waits, the oldest first. It sweeps up what a crash left and
// what is too old to be taken, and names that; an error is what could not be swept.
func (s *spool) waiting(now time.Time) (names, tooOld []string, err error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the spool: %w", err)
	}
	for _, e := range entries {
		at, isReport := timeOf(e.Name())
		switch {
		case durable.IsTemp(e.Name()):
			err = errors.Join(err, s.remove(e.Name()))
		case !isReport || !e.Type().IsRegular():
		case now.Sub(at) > maxAge:
			tooOld = append(tooOld, e.Name())
			err = errors.Join(err, s.remove(e.Name()))
		default:
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, tooOld, err
}

// timeOf reads the time from the name of a report.
func timeOf(name string) (time.Time, bool) {
	digits, rest, ok := strings.Cut(name, "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	return time.Unix(n, 0), ok && err == nil && strings.HasSuffix(rest, suffix)
}

// put keeps a report. The oldest go where there are too many: what a host has now
// matters more than what it had.
func (s *spool) put(name string, body []byte) (dropped []string, err error) {
	if err := s.disk.WriteFile(filepath.Join(s.dir, name), body, 0o600); err != nil {
		return nil, fmt.Errorf("cannot keep the report in the spool: %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the spool: %w", err)
	}
	slices.Reverse(entries) // by name: the newest first
	count, bytes := 0, int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		count++
		bytes += info.Size()
		if e.Name() != name && (count > maxWaiting || bytes > maxBytes) {
			if err := s.remove(e.Name()); err != nil {
				return dropped, err
			}
			dropped = append(dropped, e.Name())
		}
	}
	return dropped, nil
}

// read reads a report that waits.
func (s *spool) read(name string) ([]byte, error) {
	path := filepath.Join(s.dir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxBody {
		return nil, muster.Errorf(muster.Invalid, "%q is no report", path)
	}
	return os.ReadFile(path)
}

func (s *spool) remove(name string) error {
	if err := s.disk.Remove(filepath.Join(s.dir, name)); err != nil {
		return fmt.Errorf("cannot remove from the spool: %w", err)
	}
	return nil
}
