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

	"muster"
	"muster/internal/durable"
)

// Versions are the versions of the agent that lie beside the program that the
// machine came with: <state>/agent/<version>/muster, and state.json, which says
// the one that runs. Nothing else switches: no link, no service.
//
//	staged ──started, says "well" in time──▶ current ──next one is well──▶ previous ──▶ removed
//	   └────crashed, hung, did not start────▶ bad, never tried again
//
// A new version is started under the eyes of the one before (see [Launcher]). How
// often it was is written before each start, so that one that takes the machine
// down with it is given up too.
type Versions struct {
	Dir  string
	Disk *durable.Disk
}

// VersionsOf are the versions of the agent on a root whose state lies in dir.
func VersionsOf(state string, disk *durable.Disk) *Versions {
	return &Versions{Dir: filepath.Join(state, "agent"), Disk: disk}
}

// switches is state.json. A version "" is the program that the machine came with.
type switches struct {
	Current  string            `json:"current,omitempty"`
	Previous string            `json:"previous,omitempty"`
	Trial    string            `json:"trial,omitempty"`  // staged, and not yet well
	Starts   int               `json:"starts,omitempty"` // of Trial, or else of Current since it was last well
	Bad      map[string]string `json:"bad,omitempty"`    // why, by version
	// Told are the bad versions that the server has heard of.
	Told map[string]bool `json:"told,omitempty"`
}

// Starts that a version gets before it is given up. One that ran well once has
// more: what ends it may be the machine.
const (
	trialStarts   = 2
	currentStarts = 5
)

func (v *Versions) read() *switches {
	s := new(switches)
	h := Home{Dir: v.Dir}
	if h.readJSON("state.json", s) != nil {
		s = new(switches) // lost: the program that the machine came with runs, and updates itself
	}
	if s.Bad == nil {
		s.Bad = map[string]string{}
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
	s.Trial, s.Starts = version, 0
	return v.write(s)
}

// next is the version to start, and counts the start before it is made.
func (v *Versions) next() (version string, trial bool, err error) {
	s := v.read()
	if s.Trial != "" && s.Starts >= trialStarts {
		s.give(s.Trial, fmt.Sprintf("it was started %d times, and never told that it was well", s.Starts))
	}
	if s.Trial == "" && s.Current != "" && s.Starts >= currentStarts {
		s.give(s.Current, fmt.Sprintf("it was started %d times in a row without being well", s.Starts))
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

// give gives a version up: the one before runs.
func (s *switches) give(version, why string) {
	s.Bad[version] = why
	s.Starts = 0
	switch version {
	case s.Trial:
		s.Trial = ""
	case s.Current:
		s.Current, s.Previous = s.Previous, ""
	}
}

// give gives a version up, durably.
func (v *Versions) give(version, why string) error {
	s := v.read()
	s.give(version, why)
	return v.write(s)
}

// Well has the version on trial be the current one, or forgets how often the
// current one was started.
func (v *Versions) Well() error {
	s := v.read()
	if s.Trial == "" && s.Starts == 0 {
		return nil
	}
	if s.Trial != "" {
		s.Previous, s.Current, s.Trial = s.Current, s.Trial, ""
	}
	s.Starts = 0
	if err := v.write(s); err != nil {
		return err
	}
	return v.clean(s)
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

// A Launcher starts the agent's current version, and watches over a new one until
// that has said that it is well. It does nothing else, so that there is little in
// it to go wrong: it is the one part that does not update itself.
type Launcher struct {
	Versions *Versions
	// Patience is how long a new version has to say that it is well; 0 is 3 minutes.
	Patience time.Duration
	// Try starts a program and returns nil as soon as it says that it is well. It
	// leaves nothing running.
	Try func(program string, patience time.Duration) error
	// Become has the program take this one's place. Where it returns, the agent is
	// over, wants another version started ([ErrAnother]), or could not be started.
	Become func(program string) error
	Say    func(format string, args ...any)
}

// Run runs versions until the agent is over. The program that the machine came
// with is "" to Become.
func (l *Launcher) Run() error {
	if l.Patience == 0 {
		l.Patience = 3 * time.Minute
	}
	for {
		version, trial, err := l.Versions.next()
		if err != nil {
			l.Say("cannot choose a version of the agent: %v", err)
			return l.Become("")
		}
		program := ""
		if version != "" {
			program = l.Versions.program(version)
		}
		if trial {
			l.try(version, program)
			continue
		}
		err = l.Become(program)
		switch {
		case errors.Is(err, ErrAnother):
		case err == nil || version == "":
			return err
		default:
			l.Say("version %s of the agent cannot be started: %v", version, err)
			if err := l.Versions.give(version, err.Error()); err != nil {
				return muster.WithKind(muster.Unavailable, err)
			}
		}
	}
}

// try decides over a new version. What cannot be written down is tried again at
// the next start, as often as next allows.
func (l *Launcher) try(version, program string) {
	err := l.Try(program, l.Patience)
	if err == nil {
		l.Say("version %s of the agent is well", version)
		err = l.Versions.Well()
	} else {
		l.Say("version %s of the agent is given up: %v", version, err)
		err = l.Versions.give(version, err.Error())
	}
	if err != nil {
		l.Say("cannot write down how version %s did: %v", version, err)
	}
}
