package collect

import (
	"io/fs"
	"time"

	"muster"
)

// maxTries is how often a database that is being written is read anew.
const maxTries = 3

// steady calls read until none of the named files changed meanwhile. Package
// managers write their databases for a moment at a time; taking their locks
// would need the right to write, and would stop them.
func steady(fsys fs.FS, files []string, read func() error) error {
	var err error
	for range maxTries {
		before := stamps(fsys, files)
		err = read()
		if stamps(fsys, files) == before {
			return err
		}
	}
	if err != nil {
		return err
	}
	return muster.Errorf(muster.Busy, "%q is being written", files[0])
}

// stamp is what tells that a file was written.
type stamp struct {
	size int64
	time time.Time
}

func stamps(fsys fs.FS, files []string) (all [2]stamp) {
	for i, name := range files[:min(len(files), len(all))] {
		if info, err := fs.Stat(fsys, name); err == nil {
			all[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return all
}
