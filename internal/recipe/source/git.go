package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"muster"
)

// objectName is a whole commit: SHA-1 or SHA-256.
var objectName = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// git gets the files of one commit. The cache keeps a bare mirror of each
// repository, and submodules are not fetched. A commit's name is a checksum; a
// tag is not, and the commit it led to is recorded.
func (f *Fetcher) git(ctx context.Context, r request) (string, []Fetched, error) {
	address, ref, ok := cutLast(r.rest, "#")
	if !ok || ref == "" || strings.HasPrefix(address, "-") || strings.HasPrefix(ref, "-") {
		return "", nil, muster.Errorf(muster.Invalid, "a commit is written git:URL#commit-or-tag")
	}
	mirror := filepath.Join(f.Cache, "git", keyOf(address))
	commit, cached, err := f.commit(ctx, mirror, address, ref)
	if err != nil {
		return "", nil, err
	}
	to := filepath.Join(r.dir, strings.TrimSuffix(path.Base(filepath.ToSlash(address)), ".git"))
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", nil, err
	}
	if err := f.checkout(ctx, mirror, commit, to); err != nil {
		return "", nil, err
	}
	tree := Fetched{URL: "git:" + publicURL(address) + "#" + commit, Cached: cached}
	if tree.SHA256, tree.Size, err = TreeSum(to); err != nil {
		return "", nil, err
	}
	if r.sum != "" && r.sum != tree.SHA256 {
		return "", nil, wrong(r.rest, r.sum, tree.SHA256)
	}
	return to, []Fetched{tree}, nil
}

// checkout writes the files of a commit into a folder, as they are in Git.
func (f *Fetcher) checkout(ctx context.Context, mirror, commit, to string) error {
	tmp, err := f.scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(tmp, "index")} // other builds may use the mirror now
	_, err = f.run(ctx, f.Cache, env, "git", "--git-dir="+mirror, "--work-tree="+to,
		"-c", "core.autocrlf=false", "checkout", "--force", commit, "--", ".")
	return err
}

// commit finds the commit that ref means, fetching unless the mirror has it.
func (f *Fetcher) commit(ctx context.Context, mirror, address, ref string) (name string, cached bool, err error) {
	_, err = os.Stat(mirror)
	have := err == nil
	if have && (f.Offline || objectName.MatchString(ref)) {
		if name, err := f.resolve(ctx, mirror, ref); err == nil {
			return name, true, nil
		}
	}
	if f.Offline {
		return "", false, f.offline(address + "#" + ref)
	}
	f.logf("fetching %s", publicURL(address))
	if have {
		_, err = f.run(ctx, f.Cache, nil, "git", "--git-dir="+mirror, "fetch", "--quiet", "--prune", "--tags", "--force", "origin", "+refs/*:refs/*")
	} else {
		err = f.clone(ctx, mirror, address)
	}
	if err != nil {
		return "", false, err
	}
	name, err = f.resolve(ctx, mirror, ref)
	return name, false, err
}

// clone makes the mirror aside and moves it into place, so that a clone cut
// short is never taken for whole.
func (f *Fetcher) clone(ctx context.Context, mirror, address string) error {
	tmp, err := f.scratch()
	if err != nil {
		return err
	}
	defer removeAll(tmp)
	if err := os.MkdirAll(filepath.Dir(mirror), 0o755); err != nil {
		return err
	}
	aside := filepath.Join(tmp, "mirror")
	if _, err := f.run(ctx, f.Base, nil, "git", "clone", "--quiet", "--mirror", "--template=", "--", address, aside); err != nil {
		return err
	}
	return os.Rename(aside, mirror)
}

func (f *Fetcher) resolve(ctx context.Context, mirror, ref string) (string, error) {
	out, err := f.run(ctx, f.Cache, nil, "git", "--git-dir="+mirror, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return "", muster.Errorf(muster.NotFound, "the repository has no commit or tag %q", ref)
	}
	return strings.TrimSpace(string(out)), nil
}

// keyOf is a file name for an address.
func keyOf(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:16])
}

// publicURL is an address without user and password. In one that cannot be read,
// such as for a password with a percent sign, they end with the last "@".
func publicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		scheme, rest, ok := strings.Cut(address, "://")
		if at := strings.LastIndex(rest, "@"); ok && at >= 0 {
			return scheme + "://" + rest[at+1:]
		}
		return address
	}
	u.User = nil
	return u.String()
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// removeAll removes a folder in which programs may have left folders that
// nobody may write to.
func removeAll(dir string) {
	filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(name, 0o700)
		}
		return nil
	})
	os.RemoveAll(dir)
}
