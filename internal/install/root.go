// Package install changes what is installed in a root, as a whole or not at
// all, and knows what is there.
//
// A root is a machine's file system ("/"), a prepared tree, or an area: a
// folder that an ordinary user owns. Its state lies in <root>/var/lib/muster
// (an area's in <area>/.muster) as plain files, each whole or absent:
//
//	root.json            what kind of root it is ([Config])
//	trust.d/*.pem        certificates whose signatures count
//	packages/<name>/     what is installed: manifest, signature, status.json
//	wanted.json          what was asked for by name, pinned, failed ([Wishes])
//	journal/<change>/    what was changed, when, why (package task)
//	stage/<change>/      new files before the commit point, replaced ones after
//	cache/ repos/ trust/ downloads and repositories
//	lock                 held by whoever changes the root
//
// A change is prepared beside its target: every new file is written and
// verified under stage/ and synced. Then the journal record says committed,
// in one rename. Then files are switched, one rename each, the replaced ones
// kept for undo, and actions run. A crash before the record leaves nothing, a
// crash after it is finished by the next command. [Apply] does all that for a
// list of [Step]; [Undo] takes a change back; [Check] compares a root with the
// manifests.
package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"muster"
	"muster/internal/durable"
	"muster/internal/task"
)

// A Root is an open root.
type Root struct {
	Dir    string // absolute
	State  string // absolute
	Config Config
	Disk   *durable.Disk // nil: the real disk
	Now    func() time.Time
	// Reopen finds the file of an installed package again, if it is still at
	// hand, for the payload of its actions. It may be nil.
	Reopen func(*Record) (*File, error)
}

// Config is root.json.
type Config struct {
	Format int `json:"format"`
	// Area is a root without privileges: no owners, no capabilities.
	Area bool `json:"area,omitempty"`
	// Platform is what packages must be made for.
	Platform muster.Platform `json:"platform"`
	// Umask, in octal, is what is taken off the modes of files in an area;
	// "0002" keeps them writable for the group that shares the area.
	Umask string `json:"umask,omitempty"`
	// KeepUndo is how many changes can be taken back; their replaced files are
	// kept. Default 5.
	KeepUndo int `json:"keep-undo,omitempty"`
	// Repositories are asked in this order for what they have.
	Repositories []Repository `json:"repositories,omitempty"`
}

// A Repository is where packages come from.
type Repository struct {
	ID   string   `json:"id,omitempty"` // as its head says; pinned at first use
	URLs []string `json:"urls"`         // mirrors, the first preferred
}

const defaultKeepUndo = 5

// StateDir is where the state of a root lies when it is set up.
func StateDir(dir string, area bool) string {
	if area {
		return filepath.Join(dir, ".muster")
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "ProgramData", "muster")
	}
	return filepath.Join(dir, "var", "lib", "muster")
}

// Setup prepares dir as a root and opens it. A root that was set up before
// keeps its state and gets the new configuration.
func Setup(dir string, cfg Config, disk *durable.Disk) (*Root, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if old, err := Open(dir, disk); err == nil && old.Config.Area != cfg.Area {
		return nil, muster.Errorf(muster.Conflict, "%q is set up already, and not the same way: its state lies in %q", dir, old.State)
	}
	r := &Root{Dir: dir, State: StateDir(dir, cfg.Area), Config: cfg, Disk: disk, Now: time.Now}
	r.Config.Format = 1
	if err := r.share(); err != nil {
		return nil, err
	}
	if !cfg.Area {
		if err := r.makeState(); err != nil {
			return nil, setupError(dir, err)
		}
	}
	for _, d := range []string{"", "trust.d", "packages", "journal", "cache"} {
		if err := r.Disk.MkdirAll(filepath.Join(r.State, d), 0o755); err != nil {
			return nil, setupError(dir, err)
		}
	}
	if err := r.SaveConfig(); err != nil {
		return nil, setupError(dir, err)
	}
	return r, nil
}

// makeState makes the folder of the state, for administrators alone to write in.
func (r *Root) makeState() error {
	if err := r.Disk.MkdirAll(filepath.Dir(r.State), 0o755); err != nil {
		return err
	}
	return makeState(r.State)
}

func setupError(dir string, err error) error {
	err = fmt.Errorf("cannot set up %q: %w", dir, err)
	if errors.Is(err, fs.ErrPermission) {
		return muster.WithHint(muster.WithKind(muster.Denied, err), "as an ordinary user, set up an area of your own with --root DIR")
	}
	return err
}

// Open opens a root that was set up.
func Open(dir string, disk *durable.Disk) (*Root, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, area := range []bool{true, false} {
		r := &Root{Dir: dir, State: StateDir(dir, area), Disk: disk, Now: time.Now}
		err := readJSON(r.file("root.json"), &r.Config)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if r.Config.Format != 1 || r.Config.Area != area {
			return nil, muster.Errorf(muster.Invalid, "%q is not for this muster: format %d", r.file("root.json"), r.Config.Format)
		}
		return r, r.share()
	}
	return nil, muster.WithHint(muster.Errorf(muster.NotFound, "%q is not set up", dir),
		"muster setup --root %s --repo URL --trust DIR", dir)
}

// SaveConfig makes r.Config durable.
func (r *Root) SaveConfig() error { return r.writeJSON(r.file("root.json"), &r.Config) }

// Journal is where the changes of the root are recorded.
func (r *Root) Journal() *task.Journal {
	return &task.Journal{Dir: r.file("journal"), Disk: r.Disk}
}

// file names a file of the state.
func (r *Root) file(name ...string) string {
	return filepath.Join(append([]string{r.State}, name...)...)
}

// CacheDir is where downloads are kept.
func (r *Root) CacheDir() string { return r.file("cache") }

// TrustDir holds the certificates whose signatures count.
func (r *Root) TrustDir() string { return r.file("trust.d") }

// umask is what is taken off modes: zero but in an area.
func (r *Root) umask() (fs.FileMode, error) {
	if !r.Config.Area {
		return 0, nil
	}
	if r.Config.Umask == "" {
		return 0o022, nil
	}
	n, err := strconv.ParseUint(r.Config.Umask, 8, 12)
	if err != nil || n > 0o777 || n&0o700 != 0 {
		return 0, muster.Errorf(muster.Invalid, "umask %q is not octal, or takes rights from the owner", r.Config.Umask)
	}
	return fs.FileMode(n), nil
}

// share has everything that is written from now on shared with the group,
// where the area is.
func (r *Root) share() error {
	mask, err := r.umask()
	if err != nil || !r.Config.Area || mask&0o020 != 0 {
		return err
	}
	shared := durable.Disk{Group: true}
	if r.Disk != nil {
		shared.Fault = r.Disk.Fault
	}
	r.Disk = &shared
	return nil
}

// mode is the mode that a file of a package gets in this root. In an area that
// a group shares, what the owner may do the group may do as well.
func (r *Root) mode(m fs.FileMode) fs.FileMode {
	if !r.Config.Area {
		return m
	}
	mask, _ := r.umask()
	m &= 0o777
	if mask&0o020 == 0 {
		m |= m >> 3 & 0o070
	}
	return m &^ mask
}

// dirMode is the mode of directories of the state and of those that packages do not name.
func (r *Root) dirMode() fs.FileMode { return r.mode(0o755) }

func (r *Root) keepUndo() int {
	if r.Config.KeepUndo > 0 {
		return r.Config.KeepUndo
	}
	return defaultKeepUndo
}

// maxState bounds a file of the state that is read whole.
const maxState = 64 << 20

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxState {
		return nil, muster.Errorf(muster.Invalid, "%q is larger than %d bytes", name, maxState)
	}
	return os.ReadFile(name)
}

func readJSON(name string, v any) error {
	data, err := readFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	return nil
}

func encodeJSON(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", " ")
	return append(data, '\n'), err
}

func (r *Root) writeJSON(name string, v any) error {
	data, err := encodeJSON(v)
	if err != nil {
		return err
	}
	return r.Disk.WriteFile(name, data, 0o644)
}
