// Package built gives tests the programs of this module as they are now. Only
// tests import it.
//
// Start with [Program]. The packages of a run are processes of their own and all
// test the same programs: what one of them linked lies in the user's cache folder,
// and go build links it anew only when a source has changed since.
package built

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
)

// Program puts the named program of cmd into the folder dir and returns its path.
// It is built without cgo and symbols for the system that runs the test; ldflags
// are more words for the linker.
func Program(dir, name string, ldflags ...string) (path string, err error) {
	cache, err := cacheFor(ldflags)
	if err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(cache, "lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	file := name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	kept, path := filepath.Join(cache, file), filepath.Join(dir, file)
	if err := build(kept, "muster/cmd/"+name, ldflags); err != nil {
		return "", err
	}
	return path, place(kept, path)
}

// cacheFor makes the folder of what is built of this working tree with these flags.
func cacheFor(ldflags []string) (string, error) {
	tree, err := run(exec.Command("go", "env", "GOMOD"))
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s %q", tree, ldflags))
	caches, err := os.UserCacheDir()
	if err != nil {
		caches = os.TempDir() // nobody has a home: what go build does itself needs GOCACHE then
	}
	dir := filepath.Join(caches, "muster-test", fmt.Sprintf("%x", key[:8]))
	return dir, os.MkdirAll(dir, 0o700)
}

func build(out, pkg string, ldflags []string) error {
	words := strings.Join(append([]string{"-s", "-w"}, ldflags...), " ")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-ldflags", words, "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	_, err := run(cmd)
	return err
}

// place copies the program: a test may change the mode, the owner or the links of
// its own, and another run may build while it goes on.
func place(kept, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := os.Open(kept)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func run(cmd *exec.Cmd) (string, error) {
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, talk.String())
	}
	return strings.TrimSpace(string(out)), nil
}
