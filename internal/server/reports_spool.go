package server

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster"
	"muster/internal/durable"
)

// A spool is a folder of sealed reports that are opened elsewhere: one file each, of
//
//	muster-spool 1 TIME ADDRESS LF sealed message
//
// TIME is when it came, in Unix seconds; ADDRESS from where, or "-". Files are named by
// the time in nanoseconds, so that names sort as reports came, and by a hash of the
// neighbourhood they are from. A file that is there is whole and was acknowledged; who
// has dealt with it deletes it. Other files in the folder are none of the spool's.
type spool struct {
	dir  string
	most int64 // bytes
	disk *durable.Disk

	mu      sync.Mutex
	total   int64
	near    map[string]int64
	counted time.Time
}

const (
	spoolDir    = "spool"
	refusedDir  = "refused" // in it, of what could not be taken
	spoolMagic  = "muster-spool 1 "
	spoolFile   = 4 << 10         // what a small file takes on a disk, and its name
	spoolFresh  = 5 * time.Second // after that it is looked what was taken out
	maxSpoolRow = 128
)

var spoolName = regexp.MustCompile(`^[0-9]{19}-([0-9a-f]{12})-[0-9a-f]{16}\.p7m$`)

// openSpool makes the folder and finds out how full it is.
func openSpool(dir string, most int64, disk *durable.Disk) (*spool, error) {
	if err := disk.MkdirAll(dir, 0o700); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	s := &spool{dir: dir, most: most, disk: disk}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.recount(time.Now())
}

// recount adds up what lies there. The caller holds mu.
func (s *spool) recount(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	refused, err := sizes(filepath.Join(s.dir, refusedDir))
	if err != nil {
		return err
	}
	s.total, s.near, s.counted = 0, map[string]int64{}, now
	for _, size := range refused {
		s.total += size.bytes
	}
	for _, e := range entries {
		m := spoolName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // taken out meanwhile
		}
		s.total += info.Size() + spoolFile
		s.near[m[1]] += info.Size() + spoolFile
	}
	return nil
}

// A spoolSize is a file and what it takes on the disk.
type spoolSize struct {
	name  string
	bytes int64
}

// sizes lists the letters of a folder that need not be there, the oldest first.
func sizes(dir string) (all []spoolSize, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && spoolName.MatchString(e.Name()) {
			all = append(all, spoolSize{e.Name(), info.Size() + spoolFile})
		}
	}
	return all, nil
}

// add keeps a letter. When it returns nil, the letter is on disk.
func (s *spool) add(l letter) error {
	sum := sha256.Sum256([]byte(neighbourhood(l.address).String()))
	near := hex.EncodeToString(sum[:6])
	data := l.spooled()
	size := int64(len(data)) + spoolFile
	if err := s.reserve(near, size); err != nil {
		return err
	}
	var random [8]byte
	rand.Read(random[:])
	name := fmt.Sprintf("%019d-%s-%s.p7m", l.at.UnixNano(), near, hex.EncodeToString(random[:]))
	if err := s.disk.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		s.reserve(near, -size) //nolint:errcheck // giving back is never refused
		return muster.WithKind(muster.Unavailable, err)
	}
	return nil
}

// reserve counts bytes of a neighbourhood, or says Busy.
func (s *spool) reserve(near string, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := func() bool { return size > 0 && (s.total+size > s.most || s.near[near]+size > max(s.most/4, size)) }
	if now := time.Now(); full() && now.Sub(s.counted) > spoolFresh {
		if err := s.recount(now); err != nil {
			return err
		}
	}
	if full() {
		return muster.WithHint(muster.Errorf(muster.Busy, "the collector keeps as many reports as it may"), "send it again later; 'musterd collect' makes room")
	}
	s.total += size
	s.near[near] += size
	return nil
}

// size is how full the spool is, in bytes.
func (s *spool) size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// spooled lists the letters of a folder, the oldest first.
func spooled(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	for _, e := range entries {
		if spoolName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// spooled is a letter as a file of the spool.
func (l letter) spooled() []byte {
	address := "-"
	if l.address.IsValid() {
		address = l.address.Unmap().WithZone("").String()
	}
	return fmt.Appendf(nil, "%s%d %s\n%s", spoolMagic, l.at.Unix(), address, l.body)
}

// readSpooled reads one.
func readSpooled(path string) (letter, error) {
	f, err := os.Open(path)
	if err != nil {
		return letter{}, muster.WithKind(muster.Unavailable, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReportBody+maxSpoolRow+1))
	if err != nil {
		return letter{}, muster.WithKind(muster.Unavailable, err)
	}
	return parseSpooled(data)
}

func parseSpooled(data []byte) (l letter, err error) {
	row, body, ok := bytes.Cut(data, []byte("\n"))
	rest, magic := strings.CutPrefix(string(row[:min(len(row), maxSpoolRow)]), spoolMagic)
	when, address, both := strings.Cut(rest, " ")
	at, err := strconv.ParseInt(when, 10, 64)
	if !ok || !magic || !both || err != nil || at < 0 || len(row) > maxSpoolRow || len(data) > maxReportBody+maxSpoolRow {
		return letter{}, muster.Errorf(muster.Invalid, "this is no file of the spool")
	}
	l = letter{body: body, at: time.Unix(at, 0)}
	if address != "-" {
		if l.address, err = netip.ParseAddr(address); err != nil {
			return letter{}, muster.Errorf(muster.Invalid, "this is no file of the spool: %w", err)
		}
	}
	if !bytes.HasPrefix(l.spooled(), data[:len(row)+1]) { // one form
		return letter{}, muster.Errorf(muster.Invalid, "this is no file of the spool")
	}
	return l, nil
}
