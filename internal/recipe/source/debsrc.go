package source

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster"
)

// sourcesAge is how old apt's lists of sources may be before they are fetched
// again.
const sourcesAge = 24 * time.Hour

// debSource gets the files of a Debian source package. Most machines list only
// binary packages; then apt works with a state of its own in the cache, made of
// the machine's lists with deb turned into deb-src.
func (f *Fetcher) debSource(ctx context.Context, r request) (string, []Fetched, error) {
	if !aptName.MatchString(r.rest) {
		return "", nil, muster.Errorf(muster.Invalid, "a source package is written deb-src:name[=version]")
	}
	name, _, _ := strings.Cut(r.rest, "=")
	to := filepath.Join(r.dir, name)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", nil, err
	}
	var options []string
	if !f.Offline {
		var err error
		if options, err = f.sourceState(ctx, r.rest); err != nil {
			return "", nil, err
		}
	}
	r.dir = to
	_, got, err := f.apt(ctx, r, options, "source", "--download-only", "--only-source")
	if err == nil && r.sum != "" {
		err = muster.Errorf(muster.Invalid, "a source package has several files; apt's signed index says their hashes")
	}
	return to, got, err
}

// sourceState returns the options that let apt find the source.
func (f *Fetcher) sourceState(ctx context.Context, name string) ([]string, error) {
	_, err := f.run(ctx, f.Cache, nil, "apt-get", "-q", "source", "--download-only", "--only-source", "--print-uris", name)
	if err == nil {
		return nil, nil
	}
	state := filepath.Join(f.Cache, "apt")
	options := aptOptions(state)
	stamp := filepath.Join(state, "updated")
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < sourcesAge {
		return options, nil
	}
	if err := makeState(state); err != nil {
		return nil, err
	}
	f.logf("fetching the lists of Debian sources")
	_, err = f.run(ctx, f.Cache, nil, "apt-get", append(options, "-q", "update")...)
	if err != nil {
		err = muster.WithHint(err, "add deb-src lines to the machine's apt sources, or check the network")
		return nil, err
	}
	return options, os.WriteFile(stamp, nil, 0o644)
}

// aptOptions point apt at a state of its own. Keys stay the machine's.
func aptOptions(state string) []string {
	var options []string
	for _, o := range []string{
		"Dir::Etc::sourcelist=" + filepath.Join(state, "sources.list"),
		"Dir::Etc::sourceparts=" + filepath.Join(state, "sources.list.d"),
		"Dir::State::lists=" + filepath.Join(state, "lists"),
		"Dir::Cache=" + filepath.Join(state, "cache"),
		"Acquire::Languages=none",
	} {
		options = append(options, "-o", o)
	}
	if os.Geteuid() == 0 {
		options = append(options, "-o", "APT::Sandbox::User=root")
	}
	return options
}

// makeState writes the lists of sources that correspond to the machine's.
func makeState(state string) error {
	for _, dir := range []string{"lists/partial", "cache/archives/partial", "sources.list.d"} {
		if err := os.MkdirAll(filepath.Join(state, dir), 0o755); err != nil {
			return err
		}
	}
	const etc = "/etc/apt"
	main, err := os.ReadFile(filepath.Join(etc, "sources.list"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(filepath.Join(state, "sources.list"), sourceLines(main), 0o644); err != nil {
		return err
	}
	parts, err := os.ReadDir(filepath.Join(etc, "sources.list.d"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, part := range parts {
		data, err := os.ReadFile(filepath.Join(etc, "sources.list.d", part.Name()))
		if err != nil {
			return err
		}
		switch filepath.Ext(part.Name()) {
		case ".list":
			data = sourceLines(data)
		case ".sources":
			data = sourceTypes(data)
		default:
			continue
		}
		if err := os.WriteFile(filepath.Join(state, "sources.list.d", part.Name()), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sourceLines turns the deb lines of a sources.list(5) into deb-src lines.
func sourceLines(data []byte) []byte {
	var out []byte
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(bytes.TrimLeft(line, " \t"), []byte("deb")); ok && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			out = append(append(out, "deb-src"...), rest...)
		}
	}
	return out
}

// sourceTypes does the same for the deb822 form.
func sourceTypes(data []byte) []byte {
	var out []byte
	for line := range bytes.Lines(data) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if ok && strings.EqualFold(string(bytes.TrimSpace(name)), "types") {
			line = []byte("Types: deb-src\n")
		}
		out = append(out, line...)
	}
	return out
}
