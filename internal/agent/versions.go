package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"muster/internal/durable"
	"muster/version"
)

// Versions are the versions of the agent that lie beside the program that the
// machine came with: <state>/agent/<version>/muster, and state.json, which says
// the one that runs. Nothing else switches: no link, no service.
//
//	staged ──started, says "well" in time──▶ current ──next one is well──▶ previous ──▶ removed
//	   └────crashed, hung, did not start────▶ bad, tried again after a day, then after weeks
//
// A new version is started under the eyes of the one before (see [Launcher]). How
// often it was is written before each start, so that one that takes the machine
// down with it is given up too. A start that was cut short counts for nothing.
type Versions struct {
	Dir  string
	Disk *durable.Disk
	// Base is the version of the program that the machine came with, "" where that
	// is not known. It runs where it is newer than what lies beside it.
	Base string
	Now  func() time.Time // nil is time.Now
}

// VersionsOf are the versions of the agent on a root whose state lies in dir.
func VersionsOf(state string, disk *durable.Disk) *Versions {
	return &Versions{Dir: filepath.Join(state, "agent"), Disk: disk}
}

// switches is state.json. A version "" is the program that the machine came with.
// Programs of several versions read and write it: fields are added, never changed.
type switches struct {
	Current  string            `json:"current,omitempty"`
	Previous string            `json:"previous,omitempty"`
	Trial    string            `json:"trial,omitempty"`  // staged, and not yet well
	Starts   int               `json:"starts,omitempty"` // of Trial, or else of Current since it was last well
	Spared   int               `json:"spared,omitempty"` // starts in a row that were cut short
	Bad      map[string]string `json:"bad,omitempty"`    // why, by version
	Bans     map[string]ban    `json:"bans,omitempty"`   // for how long, by version
	// Told are the bad versions that the server has heard of.
	Told map[string]bool `json:"told,omitempty"`
}

// A ban is how long a bad version is not tried again: what failed may have been the
// machine, on a bad day.
type ban struct {
	At    int64 `json:"at"`    // Unix seconds: when it was last found bad
	Times int   `json:"times"` // that it was
}

// The first ban of a version, and every further one.
const (
	firstBan = 24 * time.Hour
	nextBan  = 7 * 24 * time.Hour
)

// Starts that a version gets before it is given up. One that ran well once has
// more: what ends it may be the machine.
const (
	trialStarts   = 2
	currentStarts = 5
)

// maxSpared is how many starts in a row may be cut short without counting. A version
// that is never found well however often it is tried is none to have.
const maxSpared = 20

func (v *Versions) read() *switches {
	s := new(switches)
	h := Home{Dir: v.Dir}
	if h.readJSON("state.json", s) != nil {
		s = new(switches) // lost: the program that the machine came with runs, and updates itself
	}
	if s.Bad == nil {
		s.Bad = map[string]string{}
	}
	if s.Bans == nil {
		s.Bans = map[string]ban{}
	}
	if s.Told == nil {
		s.Told = map[string]bool{}
	}
	return s
}

func (v *Versions) write(s *switches) error {
	h := Home{Dir: v.Dir, Disk: v.Disk}
	return h.writeJSON("state.json", s)
}

func (v *Versions) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

// program is the file of a version.
func (v *Versions) program(version string) string {
	name := "muster"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(v.Dir, folderOf(version), name)
}

// folderOf makes a version a name of a folder: colons are none on Windows.
func folderOf(version string) string { return strings.ReplaceAll(version, ":", "%3a") }

// stage puts the program of a version in its place, to be tried at the next start.
func (v *Versions) stage(version string, program []byte) error {
	if err := v.Disk.MkdirAll(filepath.Dir(v.program(version)), 0o755); err != nil {
		return err
	}
	if err := v.Disk.WriteFile(v.program(version), program, 0o755); err != nil {
		return err
	}
	s := v.read()
	s.Trial, s.Starts, s.Spared = version, 0, 0
	return v.write(s)
}

// next is the version to start, and counts the start before it is made. Without try
// it is none that would have to be tried.
func (v *Versions) next(try bool) (version string, trial bool, err error) {
	s := v.read()
	if s.outdate(v.Base) {
		if err := errors.Join(v.write(s), v.clean(s)); err != nil {
			return "", false, err
		}
	}
	if s.Trial != "" && s.Starts >= trialStarts {
		s.give(s.Trial, fmt.Sprintf("it was started %d times, and never told that it was well", s.Starts), v.now())
	}
	if s.Trial == "" && s.Current != "" && s.Starts >= currentStarts {
		s.give(s.Current, fmt.Sprintf("it was started %d times in a row without being well", s.Starts), v.now())
	}
	if s.Trial != "" && !try {
		return s.Current, false, nil // the count is that of the trial
	}
	if version, trial = s.Current, s.Trial != ""; trial {
		version = s.Trial
	}
	if version == "" {
		return "", false, nil // there is none behind it: counting would lead nowhere
	}
	s.Starts++
	return version, trial, v.write(s)
}

// outdate forgets the versions that are older than the program that the machine came
// with, where there are any: somebody has brought a newer one.
func (s *switches) outdate(base string) (changed bool) {
	older := func(have string) bool { return base != "" && have != "" && version.Compare(have, base) < 0 }
	if older(s.Trial) {
		s.Trial, s.Starts, changed = "", 0, true
	}
	if older(s.Current) {
		s.Current, s.Previous, changed = "", "", true
	}
	return changed
}

// give gives a version up for a while: the one before runs.
func (s *switches) give(version, why string, now time.Time) {
	s.Bad[version], s.Bans[version] = why, ban{now.Unix(), s.Bans[version].Times + 1}
	delete(s.Told, version)
	s.Starts, s.Spared = 0, 0
	switch version {
	case s.Trial:
		s.Trial = ""
	case s.Current:
		s.Current, s.Previous = s.Previous, ""
	}
}

// banned reports whether a version is not to be tried now. A clock that was set back
// ends the ban.
func (s *switches) banned(version string, now time.Time) bool {
	b, bad := s.Bans[version]
	pause := firstBan
	if b.Times > 1 {
		pause = nextBan
	}
	since := now.Sub(time.Unix(b.At, 0))
	return bad && since >= 0 && since < pause
}

// give gives a version up, durably.
func (v *Versions) give(version, why string) error {
	s := v.read()
	s.give(version, why, v.now())
	return v.write(s)
}

// Spare has the last start not count: it was cut short before anything was found out.
func (v *Versions) Spare() error {
	s := v.read()
	if s.Starts == 0 || s.Spared >= maxSpared {
		return nil
	}
	s.Starts, s.Spared = s.Starts-1, s.Spared+1
	return v.write(s)
}

// Well has the version on trial be the current one, or forgets how often the
// current one was started.
func (v *Versions) Well() error {
	s := v.read()
	if s.Trial == "" && s.Starts == 0 && s.Spared == 0 {
		return nil
	}
	if s.Trial != "" {
		s.Previous, s.Current, s.Trial = s.Current, s.Trial, ""
		s.pardon(s.Current)
	}
	s.Starts, s.Spared = 0, 0
	if err := v.write(s); err != nil {
		return err
	}
	return v.clean(s)
}

// pardon forgets what was wrong with a version that is well now.
func (s *switches) pardon(version string) {
	delete(s.Bad, version)
	delete(s.Bans, version)
	delete(s.Told, version)
}

// clean removes the versions that nothing goes back to.
func (v *Versions) clean(s *switches) error {
	entries, err := os.ReadDir(v.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || name == folderOf(s.Current) || name == folderOf(s.Previous) || name == folderOf(s.Trial) {
			continue
		}
		if err := v.Disk.RemoveAll(filepath.Join(v.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
