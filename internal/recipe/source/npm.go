package source

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"

	"muster"
)

// exactNPM is a package with one version, not a range or tag.
var exactNPM = regexp.MustCompile(`^(@[a-z0-9._~-]+/)?[a-z0-9._~-]+@\d+\.\d+\.\d+[0-9A-Za-z.+-]*$`)

// npm gets the archive of an npm package. The registry says which integrity the
// file has; what it says is recorded by the sha256 of what came.
func (f *Fetcher) npm(ctx context.Context, r request) (string, []Fetched, error) {
	if strings.HasPrefix(r.rest, "-") || strings.Contains(r.rest, ":") {
		return "", nil, muster.Errorf(muster.Invalid, "a package is written npm:name@version")
	}
	if f.Offline || exactNPM.MatchString(r.rest) {
		if paths, got, ok := f.recall(r.source, r.dir); ok {
			return one(paths, got, r)
		}
	}
	if f.Offline {
		return "", nil, f.offline(r.rest)
	}
	tmp, err := f.scratch()
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(tmp)
	f.logf("fetching %s", r.source)
	out, err := f.run(ctx, tmp, nil, "npm", "pack", "--json", "--silent", "--ignore-scripts", "--pack-destination", tmp, "--", r.rest)
	if err != nil {
		return "", nil, err
	}
	h, err := f.packed(out, tmp)
	if err != nil {
		return "", nil, err
	}
	paths, got, err := f.keep([]string{r.source, h.URL}, []held{h}, r.dir)
	if err != nil {
		return "", nil, err
	}
	return one(paths, got, r)
}

// packed checks what npm pack made, and puts it into the cache.
func (f *Fetcher) packed(answer []byte, tmp string) (held, error) {
	var list []struct{ Name, Version, Filename, Integrity string }
	if err := json.Unmarshal(answer, &list); err != nil || len(list) != 1 {
		return held{}, muster.Errorf(muster.Unavailable, "npm pack gave an answer that cannot be read")
	}
	p := list[0]
	file, err := within(tmp, p.Filename)
	if err != nil {
		return held{}, err
	}
	if err := checkIntegrity(file, p.Integrity); err != nil {
		return held{}, err
	}
	return f.put(file, p.Filename, "npm:"+p.Name+"@"+p.Version)
}

// checkIntegrity holds a file to a subresource integrity string (W3C SRI) as
// npm's registry gives it.
func checkIntegrity(file, integrity string) error {
	want, ok := strings.CutPrefix(integrity, "sha512-")
	if !ok {
		return muster.Errorf(muster.Denied, "the registry gives no sha512 but %q", integrity)
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	hash := sha512.New()
	if _, err := io.Copy(hash, in); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(hash.Sum(nil)); got != want {
		return muster.Errorf(muster.Denied, "sha512 is %s, but the registry says %s", got, want)
	}
	return nil
}

// one returns a source of one file, held to the checksum asked for.
func one(paths []string, got []Fetched, r request) (string, []Fetched, error) {
	if len(got) != 1 {
		return "", nil, muster.Errorf(muster.Invalid, "%d files where there should be one", len(got))
	}
	if r.sum != "" && r.sum != got[0].SHA256 {
		os.Remove(paths[0])
		return "", nil, wrong(r.rest, r.sum, got[0].SHA256)
	}
	return paths[0], got, nil
}
