package fetch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster"
)

// partAge is how long a broken transfer waits to be gone on with.
const partAge = 7 * 24 * time.Hour

// touch marks a file as used now.
func (c *Client) touch(path string) {
	now := time.Now()
	os.Chtimes(path, now, now) // only the order of Clean depends on it
}

// Clean removes the files of the cache that were not used for the longest
// time, until no more than max bytes are left, and broken transfers of more
// than a week ago. It returns the bytes that it freed. Files that are being
// fetched stay.
func (c *Client) Clean(max int64) (freed int64, err error) {
	files, total, err := c.cached()
	if err != nil {
		return 0, err
	}
	slices.SortFunc(files, func(a, b cacheFile) int { return a.used.Compare(b.used) })
	for _, f := range files {
		old := f.part && time.Since(f.used) > partAge
		if !old && (f.part || total <= max) || c.flying(f.sum) {
			continue
		}
		if err := c.Disk.Remove(f.path); err != nil {
			return freed, muster.WithKind(muster.Unavailable, err)
		}
		total -= f.size
		freed += f.size
	}
	return freed, nil
}

type cacheFile struct {
	path string
	sum  string
	part bool
	size int64
	used time.Time
}

// cached lists the files of the cache and the bytes that they take.
func (c *Client) cached() (files []cacheFile, total int64, err error) {
	entries, err := os.ReadDir(c.Cache)
	if os.IsNotExist(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, muster.WithKind(muster.Unavailable, err)
	}
	for _, e := range entries {
		sum, suffix, _ := strings.Cut(e.Name(), ".")
		info, err := e.Info()
		if err != nil || len(sum) != 64 || !info.Mode().IsRegular() {
			continue
		}
		files = append(files, cacheFile{filepath.Join(c.Cache, e.Name()), sum, suffix != "", info.Size(), info.ModTime()})
		total += info.Size()
	}
	return files, total, nil
}

func (c *Client) flying(sum string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flights[sum] != nil
}
