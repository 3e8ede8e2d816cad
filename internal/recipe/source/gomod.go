package source

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"

	"muster"
)

// goModule gets the source of a Go module. Its cache is Go's own, which checks
// what it holds; go asks the checksum database for what is new.
func (f *Fetcher) goModule(ctx context.Context, r request) (string, []Fetched, error) {
	module, version, ok := strings.Cut(r.rest, "@")
	if !ok || version == "" || strings.HasPrefix(module, "-") {
		return "", nil, muster.Errorf(muster.Invalid, "a module is written go:module@version")
	}
	tmp, err := f.scratch() // outside of any module, whose go.mod would count
	if err != nil {
		return "", nil, err
	}
	defer removeAll(tmp)
	env := []string{"GOFLAGS=-mod=mod", "GO111MODULE=on", "GOWORK=off"}
	if f.Offline {
		env = append(env, "GOPROXY=off")
	}
	f.logf("fetching %s", r.source)
	out, err := f.run(ctx, tmp, env, "go", "mod", "download", "-json", module+"@"+version)
	if f.Offline && err != nil {
		return "", nil, f.offline(r.rest)
	}
	if err != nil {
		return "", nil, err
	}
	var got struct{ Dir, Zip, Version string }
	if err := json.Unmarshal(out, &got); err != nil || got.Dir == "" || got.Zip == "" {
		return "", nil, muster.Errorf(muster.Unavailable, "go mod download told no folder")
	}
	zip := Fetched{URL: "go:" + module + "@" + got.Version, Cached: f.Offline}
	if zip.SHA256, zip.Size, err = sumFile(got.Zip); err != nil {
		return "", nil, err
	}
	if r.sum != "" && r.sum != zip.SHA256 {
		return "", nil, wrong(r.rest, r.sum, zip.SHA256)
	}
	to := filepath.Join(r.dir, filepath.Base(got.Dir))
	return to, []Fetched{zip}, copyTree(got.Dir, to)
}
