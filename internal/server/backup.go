package server

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/internal/db"
	"muster/internal/durable"
)

// A Backup is one file: a tar archive compressed with zstd, readable by its owner
// alone, because it has the server's keys.
//
//	backup.json    what it is: format, server, time, what is in it
//	server.json ca/ index/ audit/ seal/ tls/ trust.d/
//	config.yaml    the configuration
//	muster.db      the database, as of one moment
//	repo/          the repository, the head last
//	end            says that nothing is missing
type Backup struct {
	Config   Config
	File     string // of the configuration; "" is none
	Packages bool   // with the files of packages
	Now      time.Time
	Drivers  []db.Driver
	Disk     *durable.Disk
}

// backupAbout is backup.json.
type backupAbout struct {
	Format   string `json:"format"`
	Server   string `json:"server"`
	Version  string `json:"version"` // of musterd
	Time     int64  `json:"time"`
	Database string `json:"database"` // dialect; only SQLite is in the backup
	Packages bool   `json:"packages"`
}

const (
	backupFormat = "musterd-backup/1"
	backupName   = "backup.json"
	backupEnd    = "end"
	backupConfig = "config.yaml"
	databaseName = "muster.db"
	headFile     = "repo/Packages.p7m"
)

// secrets are the folders of a backup besides the repository.
var secrets = []string{"ca", "index", auditDir, collectorDir, sealDir, "tls", trustDir}

// Write writes the backup to a file, or to one with the date in its name when
// to is a folder, and returns its name. The server may run: the database is
// copied as of one moment, and of the repository the head first, after which
// nothing that it names goes away.
//
// A database on a server of its own is not in the backup; the dialect says so.
func (b *Backup) Write(ctx context.Context, to string) (name string, dialect db.Dialect, err error) {
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, "musterd-"+b.Now.UTC().Format("20060102T150405Z")+".tar.zst")
	}
	if _, err := (Folder{Dir: b.Config.Data}).knownID(); err != nil {
		return "", "", err
	}
	d, err := db.Open(ctx, b.Config.DSN(), b.Drivers...)
	if err != nil {
		return "", "", err
	}
	defer d.Close()
	f, err := b.Disk.Create(to, 0o600)
	if err != nil {
		return "", "", muster.WithKind(muster.Unavailable, err)
	}
	if err := b.write(ctx, f, d); err != nil {
		f.Abort()
		return "", "", muster.Errorf(kindOr(err, muster.Unavailable), "cannot write the backup %q: %w", to, err)
	}
	return to, d.Dialect(), muster.WithKind(muster.Unavailable, f.Commit())
}

func kindOr(err error, other muster.ErrorKind) muster.ErrorKind {
	if k := muster.KindOf(err); k != muster.Internal {
		return k
	}
	return other
}

func (b *Backup) write(ctx context.Context, w io.Writer, d *db.DB) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	t := &taker{Writer: tar.NewWriter(z), folder: Folder{Dir: b.Config.Data}, now: b.Now}
	if err := b.take(ctx, t, d); err != nil {
		z.Close() //nolint:errcheck // the first error tells more
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

// take puts everything into the archive.
func (b *Backup) take(ctx context.Context, t *taker, d *db.DB) error {
	about := backupAbout{Format: backupFormat, Version: Version, Time: b.Now.Unix(), Database: string(d.Dialect()), Packages: b.Packages}
	var err error
	if about.Server, err = t.folder.knownID(); err != nil {
		return err
	}
	data, err := json.Marshal(about)
	if err != nil {
		return err
	}
	if err := t.bytes(backupName, data); err != nil {
		return err
	}
	if err := t.file("server.json"); err != nil {
		return err
	}
	for _, dir := range secrets {
		// The checkpoint would be newer than the copy of the log, and so an alarm.
		if err := t.tree(ctx, dir, func(name string) bool { return strings.HasPrefix(name, auditDir+"/"+checkpointFile) }); err != nil {
			return err
		}
	}
	if b.File != "" {
		if err := t.copyOf(b.File, backupConfig); err != nil {
			return err
		}
	}
	if err := b.takeDatabase(ctx, t, d); err != nil {
		return err
	}
	if err := b.takeRepository(ctx, t); err != nil {
		return err
	}
	return t.bytes(backupEnd, nil)
}

func (b *Backup) takeDatabase(ctx context.Context, t *taker, d *db.DB) error {
	if d.Dialect() != db.SQLite {
		return nil
	}
	dir, err := os.MkdirTemp(t.folder.Dir, ".backup-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, databaseName)
	if err := d.Backup(ctx, copied); err != nil {
		return err
	}
	return t.copyOf(copied, databaseName)
}

func (b *Backup) takeRepository(ctx context.Context, t *taker) error {
	head, err := os.ReadFile(t.folder.path(filepath.FromSlash(headFile)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	skip := func(name string) bool {
		return name == headFile || durable.IsTemp(name) || strings.HasSuffix(name, "/.lock") || !b.Packages && isPackage(name)
	}
	if err := t.tree(ctx, "repo", skip); err != nil {
		return err
	}
	return t.bytes(headFile, head)
}

func isPackage(name string) bool {
	return slices.Contains([]string{".mpk", ".mpp"}, filepath.Ext(name))
}

// knownID is the id of a server that has started before.
func (f Folder) knownID() (string, error) {
	if _, err := os.Stat(f.path(selfName)); err != nil {
		return "", muster.WithHint(muster.Errorf(muster.NotFound, "%q is no data folder of a server", f.Dir), "give the right one with --data or --config")
	}
	return f.id()
}

// A taker puts files of a folder into an archive.
type taker struct {
	*tar.Writer
	folder Folder
	now    time.Time
}

func (t *taker) bytes(name string, data []byte) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: t.now, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := t.Writer.Write(data)
	return err
}

func (t *taker) file(name string) error {
	return t.copyOf(t.folder.path(filepath.FromSlash(name)), name)
}

// copyOf adds the file at path. It has the size that it has now: what grows is
// no file of ours.
func (t *taker) copyOf(path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return muster.Errorf(muster.Invalid, "%q is no regular file", path)
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime(), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(t.Writer, io.LimitReader(f, info.Size()))
	return err
}

// tree adds the files below a folder, where there is one. A file that goes away
// meanwhile was not needed.
func (t *taker) tree(ctx context.Context, dir string, skip func(name string) bool) error {
	root := t.folder.path(dir)
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(t.folder.Dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if skip != nil && skip(name) || durable.IsTemp(name) {
			return nil
		}
		if err := t.copyOf(path, name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}
