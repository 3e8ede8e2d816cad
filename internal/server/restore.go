package server

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/internal/durable"
	"muster/internal/repo"
	"muster/sign"
)

// A Restore makes a data folder of a backup.
type Restore struct {
	Data     string // the folder
	Database string // file of the database, where it is SQLite's; "" is in the folder
	Force    bool   // put a folder that is there aside, and a database
	Now      time.Time
	Disk     *durable.Disk

	unlock func()
}

// Restored says what came of a backup.
type Restored struct {
	Server   string
	Time     time.Time // of the backup
	Database string    // dialect; other than SQLite's it is not in the backup
	Packages bool
	Aside    string // where the folder is that was there; "" there was none
	Config   string // file of the configuration that was in the backup, or ""
}

// Read restores the backup in a file. The folder appears when all of it is on
// disk: whatever happens before leaves everything as it was.
//
// Hosts believe no head of the repository that is older than one they have seen.
// So the head is signed anew, which makes it the newest.
//
// No server may run on the folder: what it acknowledged meanwhile would be lost.
func (r *Restore) Read(file string) (*Restored, error) {
	if err := r.take(); err != nil {
		return nil, err
	}
	defer r.unlock()
	f, err := os.Open(file)
	if err != nil {
		return nil, muster.WithKind(muster.NotFound, err)
	}
	defer f.Close()
	if err := r.Disk.MkdirAll(filepath.Dir(r.Data), 0o755); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	part, err := os.MkdirTemp(filepath.Dir(r.Data), ".restore-*")
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	defer os.RemoveAll(part)
	about, err := r.unpack(f, part)
	if err != nil {
		return nil, fmt.Errorf("cannot restore %q: %w", file, err)
	}
	folder := Folder{Dir: part, Disk: r.Disk}
	if err := folder.renewHead(r.Now); err != nil {
		return nil, fmt.Errorf("cannot restore %q: %w", file, err)
	}
	out := &Restored{Server: about.Server, Time: time.Unix(about.Time, 0), Database: about.Database, Packages: about.Packages}
	return out, r.swap(part, out)
}

// take refuses what has something in it, unless that is meant, and a folder on
// which a server runs.
func (r *Restore) take() (err error) {
	r.Data, r.unlock = filepath.Clean(r.Data), func() {}
	entries, err := os.ReadDir(r.Data)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return muster.WithKind(muster.Unavailable, err)
	}
	if len(entries) > 0 && !r.Force {
		return inTheWay(r.Data, "is not empty")
	}
	if _, err := os.Lstat(r.Database); err == nil && !r.Force {
		return inTheWay(r.Database, "is there already")
	}
	if len(entries) > 0 {
		r.unlock, err = lockFolder(r.Data, "stop it first: 'systemctl stop musterd'")
		return err
	}
	return nil
}

func inTheWay(name, how string) error {
	return muster.WithHint(muster.Errorf(muster.Conflict, "%q %s", name, how), "stop the server and give --force: what is there is put aside")
}

// maxSecret bounds files of a backup that are read into memory.
const maxSecret = 1 << 20

// unpack writes the files of a backup below dir, and syncs them.
func (r *Restore) unpack(in io.Reader, dir string) (*backupAbout, error) {
	z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	about, err := readAbout(t)
	if err != nil {
		return nil, err
	}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, muster.Errorf(muster.Invalid, "the backup is not whole: its end is missing")
		}
		if err != nil {
			return nil, muster.WithKind(muster.Invalid, err)
		}
		if h.Name == backupEnd {
			break
		}
		if err := r.unpackFile(t, h, dir); err != nil {
			return nil, err
		}
	}
	return about, muster.WithKind(muster.Unavailable, r.Disk.SyncTree(dir))
}

func readAbout(t *tar.Reader) (*backupAbout, error) {
	h, err := t.Next()
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "this is no backup of musterd: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(t, maxSecret))
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	about := new(backupAbout)
	if h.Name != backupName || json.Unmarshal(data, about) != nil || about.Format != backupFormat {
		return nil, muster.Errorf(muster.Invalid, "this is no backup of musterd, or of a newer one")
	}
	return about, nil
}

// unpackFile writes one file. Its name must be one that a backup has.
func (r *Restore) unpackFile(t io.Reader, h *tar.Header, dir string) error {
	top, _, inside := strings.Cut(h.Name, "/")
	good := !inside && slices.Contains([]string{selfName, backupConfig, databaseName}, top) || inside && (slices.Contains(secrets, top) || top == "repo")
	if !good || h.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(h.Name)) || filepath.ToSlash(filepath.Clean(h.Name)) != h.Name {
		return muster.Errorf(muster.Invalid, "the backup has a file %q, which no backup has", h.Name)
	}
	name := filepath.Join(dir, filepath.FromSlash(h.Name))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	mode := os.FileMode(0o600)
	if top == "repo" {
		mode = 0o644
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer f.Close()
	if _, err := io.Copy(f, t); err != nil {
		kind := muster.Invalid // the backup is cut off, or damaged
		if errors.As(err, new(*fs.PathError)) {
			kind = muster.Unavailable // a disk failed
		}
		return muster.Errorf(kind, "cannot restore %q: %w", h.Name, err)
	}
	if err := f.Close(); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	// Entity tags of the repository are of times.
	return muster.WithKind(muster.Unavailable, os.Chtimes(name, h.ModTime, h.ModTime))
}

// renewHead signs the head of the repository anew, where there is one.
func (f Folder) renewHead(now time.Time) error {
	if _, err := os.Stat(f.path(filepath.FromSlash(headFile))); err != nil {
		return nil
	}
	self, err := f.Open(now)
	if err != nil {
		return err
	}
	anchors, err := f.Anchors()
	if err != nil {
		return err
	}
	var trust *sign.Trust // nobody: the chain is taken at its own word
	for _, a := range anchors {
		if trust == nil {
			trust = new(sign.Trust)
		}
		trust.Add(a.Cert)
	}
	p := &repo.Publisher{Dir: f.path("repo"), Trust: trust, Signers: []*sign.Identity{self.Index}, Disk: f.Disk}
	_, err = p.Refresh()
	return err
}
