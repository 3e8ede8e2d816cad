package recipe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"muster/internal/recipe/archive"
	"muster/internal/recipe/source"
	"muster/pkgfile"
)

// cacheFolder is where fetched sources are kept unless the caller says so.
func cacheFolder(asked string) (string, error) {
	if asked != "" {
		return filepath.Abs(asked)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "muster", "sources"), err
}

// fetch is fetch(source, sha256 = ""). It returns the path of a file or folder
// of the build's own.
func (b *builder) fetch(ctx context.Context, a *arguments) (any, error) {
	name, sum := a.text("source"), a.textOr("sha256", "")
	if err := a.done(); err != nil {
		return nil, err
	}
	f := source.Fetcher{Cache: b.opts.Cache, Base: b.recipe.Dir, Offline: b.opts.Offline, Log: b.opts.Log}
	// One folder for each call: two sources may bring files of one name.
	dir := filepath.Join(b.base, "sources", strconv.Itoa(len(b.report.Sources)))
	to, got, err := f.Fetch(ctx, name, sum, dir)
	if err != nil {
		return nil, err
	}
	b.report.Sources = append(b.report.Sources, got...)
	return to, b.linkInto(to)
}

// linked are the folders that build() finds in every fetched folder too, so
// that "root/usr/bin/" means the package also with cwd in the source.
var linked = []string{"root", "payload", "files"}

// linkInto adds those links to a folder, where it has nothing of that name.
func (b *builder) linkInto(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return err
	}
	for _, name := range linked {
		err := os.Symlink(filepath.Join(b.base, name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// ownLink reports whether e is such a link, which came into the package with a
// whole source folder.
func (b *builder) ownLink(e pkgfile.Entry) bool {
	name := path.Base(e.Path)
	return e.Type == pkgfile.Symlink && slices.Contains(linked, name) && e.Link == filepath.Join(b.base, name)
}

// unpack is unpack(file, to = ".", strip = 0). It returns the path of the
// folder. The helper of actions that unpacks on hosts calls it target.
func (b *builder) unpack(ctx context.Context, a *arguments) (any, error) {
	a.alias("target", "to")
	name, to, strip := a.text("file"), a.textOr("to", "."), a.intOr("strip", 0)
	if err := a.done(); err != nil {
		return nil, err
	}
	rel, err := b.relative(to)
	if err != nil {
		return nil, err
	}
	if strip < 0 || strip > 64 {
		return nil, invalidf("unpack: strip %d is out of range", strip)
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(b.base, filepath.FromSlash(name))
	}
	metas, err := b.unpackInto(ctx, name, rel, int(strip))
	if err != nil {
		return nil, err
	}
	b.record(rel, metas)
	folder := filepath.Join(b.base, filepath.FromSlash(rel))
	if rel == "." || inPackage(rel) {
		return folder, nil
	}
	return folder, b.linkInto(folder)
}

func (b *builder) unpackInto(ctx context.Context, file, rel string, strip int) ([]archive.Meta, error) {
	base, err := os.OpenRoot(b.base)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	if err := base.MkdirAll(rel, 0o755); err != nil {
		return nil, err
	}
	folder, err := base.OpenRoot(rel)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return archive.Unpack(ctx, file, folder, archive.Options{Strip: strip})
}

// inPackage reports whether a path relative to the build folder lies in what
// becomes the package.
func inPackage(rel string) bool {
	top, _, _ := strings.Cut(rel, "/")
	return top == "root" || top == "payload"
}

// record keeps what an archive said of files that are now in the package.
func (b *builder) record(rel string, metas []archive.Meta) {
	for _, m := range metas {
		name := path.Join(rel, m.Path)
		if !inPackage(name) {
			continue
		}
		at := b.attrs.of(name)
		at.owner, at.mode, at.set = m.Owner, m.Mode, true
		at.config = m.Config && strings.HasPrefix(name, "root/")
		at.xattrs = nil
		for attr, value := range m.Xattrs {
			at.setXattr(attr, value)
		}
	}
}
