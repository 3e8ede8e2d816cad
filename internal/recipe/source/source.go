// Package source fetches what recipes build from, through the ordinary client
// of each world, and keeps it by content so that the next build needs no
// network.
//
//	go:module@version            go mod download; a folder
//	npm:name@version             npm pack; a .tgz file
//	deb:name[=version][/suite]   apt-get download; a .deb file
//	deb-src:name[=version]       apt-get source --download-only; a folder
//	git:URL#commit-or-tag        git; a folder
//	https://..., http://...      a file; its sha256 must be given
//	file:path                    a file or folder, relative to the recipe
//
// Start with [Fetcher.Fetch]. What a registry promises is checked again here:
// Go's checksum database, npm's integrity, the hashes in apt's signed indexes,
// Git's object names. Each file fetched is told with its sha256.
package source

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"muster"
)

// MaxFile bounds a fetched file in bytes.
const MaxFile = 16 << 30

// A Fetcher fetches sources. Its methods may run at the same time in several
// processes that share Cache.
type Fetcher struct {
	Cache   string    // folder of what was fetched
	Base    string    // folder that file: sources are relative to
	Offline bool      // only what the cache holds
	Log     io.Writer // what is being fetched; nil is nowhere
}

// A Fetched is one file that was fetched, or one folder of Git.
type Fetched struct {
	// URL names exactly what was fetched, in the grammar of Fetch, with the
	// version or commit that a vaguer name led to.
	URL string
	// SHA256 is that of the file; of a folder that of its list, see [TreeSum].
	SHA256 string
	Size   int64 // bytes
	Cached bool  // nothing went over the network
}

// A request is one call of Fetch.
type request struct {
	source string // whole
	rest   string // behind the scheme
	sum    string // sha256 that the caller wants, or ""
	dir    string // where the result goes
}

var schemes = map[string]func(*Fetcher, context.Context, request) (string, []Fetched, error){
	"deb":     (*Fetcher).deb,
	"deb-src": (*Fetcher).debSource,
	"file":    (*Fetcher).file,
	"git":     (*Fetcher).git,
	"go":      (*Fetcher).goModule,
	"http":    (*Fetcher).web,
	"https":   (*Fetcher).web,
	"npm":     (*Fetcher).npm,
}

// Fetch puts a copy of the source into dir, which the caller may change, and
// returns its path. sum, unless empty, is the sha256 that the file must have.
//
// Errors: Invalid for a source that cannot be understood, Denied for content
// that is not what was promised, NotFound, and Unavailable where the network or
// a program is missing.
func (f *Fetcher) Fetch(ctx context.Context, source, sum, dir string) (string, []Fetched, error) {
	scheme, rest, _ := strings.Cut(source, ":")
	fetch := schemes[scheme]
	if fetch == nil || rest == "" || strings.ContainsAny(source, "\x00\r\n") {
		err := muster.Errorf(muster.Invalid, "cannot fetch %q: unknown source", source)
		return "", nil, muster.WithHint(err, "sources start with one of: %s", strings.Join(slices.Sorted(maps.Keys(schemes)), ": ")+":")
	}
	if sum = strings.ToLower(sum); sum != "" && !validSum(sum) {
		return "", nil, muster.Errorf(muster.Invalid, "cannot fetch %q: %q is not a sha256", source, sum)
	}
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	path, got, err := fetch(f, ctx, request{source, rest, sum, dir})
	if err != nil {
		return "", nil, fmt.Errorf("cannot fetch %q: %w", source, err)
	}
	return path, got, nil
}

// Known reports whether source is in the grammar of Fetch, rather than the path
// of a file. A drive letter of Windows is no scheme.
func Known(source string) bool {
	scheme, rest, _ := strings.Cut(source, ":")
	return schemes[scheme] != nil && rest != ""
}

// NeedsSum reports whether a source must be given with a sha256, because
// nothing else says what it is.
func NeedsSum(source string) bool {
	scheme, _, _ := strings.Cut(source, ":")
	return scheme == "http" || scheme == "https"
}

// FetchFirst is Fetch for a source that is new to a person, who has no sha256 of
// it yet: what comes is believed, and recorded for the next time.
func (f *Fetcher) FetchFirst(ctx context.Context, source, dir string) (string, []Fetched, error) {
	if !NeedsSum(source) {
		return f.Fetch(ctx, source, "", dir)
	}
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return "", nil, err
	}
	path, got, err := f.believe(ctx, source, dir)
	if err != nil {
		return "", nil, fmt.Errorf("cannot fetch %q: %w", source, err)
	}
	return path, []Fetched{got}, nil
}

func validSum(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// wrong reports content that is not what was promised.
func wrong(name, want, got string) error {
	err := muster.Errorf(muster.Denied, "%q has sha256 %s, not %s", name, got, want)
	return muster.WithHint(err, "if upstream replaced the file, find out why before you write the new sha256 into the recipe")
}

func (f *Fetcher) offline(what string) error {
	err := muster.Errorf(muster.Unavailable, "%s is not in the cache %q, and this build is offline", what, f.Cache)
	return muster.WithHint(err, "build once with the network")
}

func (f *Fetcher) logf(format string, args ...any) {
	if f.Log != nil {
		fmt.Fprintf(f.Log, format+"\n", args...)
	}
}

// maxOutput bounds what is read of a program's answer, in bytes.
const maxOutput = 16 << 20

// run runs a client program in dir with the builder's own settings, and returns
// its standard output.
func (f *Fetcher) run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "there is no program %q on this builder", name)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0"), env...)
	var out, talk limited
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, muster.Errorf(muster.Unavailable, "%s %s: %w: %s", name, strings.Join(args, " "), err, lastLines(talk.String()+out.String()))
	}
	return out.data, nil
}

// limited keeps the first maxOutput bytes.
type limited struct{ data []byte }

func (l *limited) Write(p []byte) (int, error) {
	l.data = append(l.data, p[:min(len(p), maxOutput-len(l.data))]...)
	return len(p), nil
}

func (l *limited) String() string { return string(l.data) }

// lastLines is the end of a program's talk, where the reason stands.
func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}

// scratch makes a folder in the cache that the caller removes, so that files
// can be moved into the cache.
func (f *Fetcher) scratch() (string, error) {
	return os.MkdirTemp(f.Cache, ".fetch-*")
}

// within returns the path of a file that a program made in dir under a name
// that came from outside.
func within(dir, name string) (string, error) {
	if name == "" || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return "", muster.Errorf(muster.Invalid, "%q is no file name", name)
	}
	return filepath.Join(dir, name), nil
}
