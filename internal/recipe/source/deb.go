package source

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"muster"
)

// A package as apt knows it: name[:arch][=version][/suite].
var aptName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?(=[0-9A-Za-z.+~:-]+)?(/[0-9A-Za-z.-]+)?$`)

// An aptFile is a file that apt would fetch, with the hash that its signed
// index gives.
type aptFile struct {
	name string
	size int64
	sum  string // sha256
}

// deb gets a Debian package. apt's settings of this machine say from where.
func (f *Fetcher) deb(ctx context.Context, r request) (string, []Fetched, error) {
	if !aptName.MatchString(r.rest) {
		return "", nil, muster.Errorf(muster.Invalid, "a package is written deb:name[=version][/suite]")
	}
	paths, got, err := f.apt(ctx, r, nil, "download")
	if err != nil {
		return "", nil, err
	}
	return one(paths, got, r)
}

// apt gets the files of one apt command. Which they are is asked every time,
// unless offline, because the version that a name means moves.
func (f *Fetcher) apt(ctx context.Context, r request, options []string, command ...string) ([]string, []Fetched, error) {
	if f.Offline {
		if paths, got, ok := f.recall(r.source, r.dir); ok {
			return paths, got, nil
		}
		return nil, nil, f.offline(r.rest)
	}
	tmp, err := f.scratch()
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(tmp)
	args := append(append([]string{"-q"}, options...), command...)
	out, err := f.run(ctx, tmp, nil, "apt-get", append(args, "--print-uris", r.rest)...)
	if err != nil {
		return nil, nil, muster.WithHint(err, "apt's lists may be old: apt-get update")
	}
	files, err := parseURIs(string(out))
	if err != nil {
		return nil, nil, err
	}
	if paths, got, ok := f.haveAll(files, r); ok {
		return paths, got, nil
	}
	f.logf("fetching %s", r.source)
	if os.Geteuid() == 0 {
		args = append(args, "-o", "APT::Sandbox::User=root") // its own user may not write here
	}
	if _, err := f.run(ctx, tmp, nil, "apt-get", append(args, r.rest)...); err != nil {
		return nil, nil, err
	}
	list, err := f.putAll(files, tmp, r)
	if err != nil {
		return nil, nil, err
	}
	return f.keep([]string{r.source}, list, r.dir)
}

// haveAll takes files out of the cache by the hashes that apt gives.
func (f *Fetcher) haveAll(files []aptFile, r request) ([]string, []Fetched, bool) {
	var list []held
	for _, a := range files {
		if _, err := os.Stat(f.blob(a.sum)); err != nil {
			return nil, nil, false
		}
		list = append(list, held{Name: a.name, URL: aptURL(r, a.name), SHA256: a.sum, Size: a.size})
	}
	paths, got, err := f.keep([]string{r.source}, list, r.dir)
	for i := range got {
		got[i].Cached = true
	}
	return paths, got, err == nil
}

func (f *Fetcher) putAll(files []aptFile, tmp string, r request) ([]held, error) {
	var list []held
	for _, a := range files {
		file, err := within(tmp, a.name)
		if err != nil {
			return nil, err
		}
		h, err := f.put(file, a.name, aptURL(r, a.name))
		if err != nil {
			return nil, err
		}
		if h.SHA256 != a.sum {
			return nil, wrong(a.name, a.sum, h.SHA256)
		}
		list = append(list, h)
	}
	return list, nil
}

// aptURL names a file of apt's: the package as it was asked for does not, but
// the name of the file has the version and architecture.
func aptURL(r request, file string) string {
	scheme, _, _ := strings.Cut(r.source, ":")
	name, _, _ := strings.Cut(r.rest, "/")
	name, _, _ = strings.Cut(name, "=")
	return scheme + ":" + name + "#" + file
}

// parseURIs reads what apt-get --print-uris writes: 'URI' file size ALGORITHM:hash,
// one a line, among talk.
func parseURIs(text string) ([]aptFile, error) {
	var files []aptFile
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 4 || !strings.HasPrefix(fields[0], "'") || !strings.HasSuffix(fields[0], "'") {
			continue
		}
		size, err := strconv.ParseInt(fields[2], 10, 64)
		sum, ok := strings.CutPrefix(fields[3], "SHA256:")
		if err != nil || size < 0 || size > MaxFile || !ok || !validSum(sum) {
			return nil, muster.Errorf(muster.Denied, "apt gives no sha256 and size for %q", fields[1])
		}
		if fields[1] != filepath.Base(fields[1]) || strings.HasPrefix(fields[1], ".") {
			return nil, muster.Errorf(muster.Denied, "apt gives the file name %q", fields[1])
		}
		files = append(files, aptFile{fields[1], size, sum})
	}
	if len(files) == 0 {
		return nil, muster.Errorf(muster.NotFound, "apt knows no file of it")
	}
	return files, nil
}
