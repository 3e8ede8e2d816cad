package collect

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"muster/internal/testneed"
)

// written is when all files of a tree were.
var written = time.Unix(1700000000, 0)

// tree makes a file system of a txtar archive: "-> X" is a link, \0 is NUL.
func tree(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for _, f := range a.Files {
		file := &fstest.MapFile{Data: bytes.ReplaceAll(f.Data, []byte(`\0`), []byte{0}), Mode: 0o644, ModTime: written}
		if target, ok := strings.CutPrefix(string(f.Data), "-> "); ok {
			file.Data, file.Mode = []byte(strings.TrimSpace(target)), fs.ModeSymlink|0o777
		}
		fsys[f.Name] = file
	}
	return fsys
}

// one is a file system of one file.
func one(name string, data []byte) fstest.MapFS {
	return fstest.MapFS{name: {Data: data, Mode: 0o644, ModTime: written}}
}

// unzip reads a compressed capture.
func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sqliteFile makes a database with the real program, and returns its folder.
func sqliteFile(t testing.TB, name, script string) string {
	t.Helper()
	program := testneed.Program(t, "sqlite3")
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-batch", "-bail", filepath.Join(dir, name))
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
	return dir
}
