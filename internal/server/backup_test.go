package server

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/api"
	"muster/internal/db"
)

func (w *world) backup(to string, change ...func(*Backup)) (string, error) {
	b := &Backup{Config: w.cfg, Packages: true, Now: time.Now(), Drivers: drivers()}
	for _, f := range change {
		f(b)
	}
	name, dialect, err := b.Write(w.t.Context(), to)
	if err == nil && dialect != db.SQLite {
		w.t.Errorf("dialect %q", dialect)
	}
	return name, err
}

// A backup that is made while hosts report becomes a server that they go on with:
// none has to enrol again, and the repository is one that they believe.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person()
	w.found(p)
	published := must(publish(t, p, pack(t, "age", "1.0", 1000, w.admin)))(t)
	before := w.dial().Server.Repository
	f := w.fleet(20, 0)
	var kept atomic.Int64
	f.Kept = func(string, string) { kept.Add(1) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := f.Run(ctx)
		done <- err
	}()
	more := func(n int64) {
		t.Helper()
		deadline := time.Now().Add(30 * time.Second)
		for want := kept.Load() + n; kept.Load() < want; {
			if time.Now().After(deadline) {
				t.Fatal("hosts do not go on")
			}
			waitFor(t, 10*time.Millisecond)
		}
	}
	more(20)
	file := must(w.backup(t.TempDir()))(t)
	more(20)
	cfg := w.cfg
	address := strings.TrimPrefix(w.url, "https://")
	w.stop()
	cfg.Data, cfg.Listen = filepath.Join(t.TempDir(), "restored"), address
	r := &Restore{Data: cfg.Data, Now: time.Now()}
	if out := must(r.Read(file))(t); out.Server != w.self.ID || !out.Packages || out.Aside != "" {
		t.Errorf("restored %+v", out)
	}
	w.start(cfg)
	more(40)
	cancel()
	check(t, <-done)
	w.follow(published.File)
	after := w.dial().Server.Repository
	if after.ID != before.ID || after.Serial <= before.Serial {
		t.Errorf("repository before %+v, after %+v", before, after)
	}
	page := must(w.person().Hosts(t.Context(), api.HostQuery{Limit: 100}))(t)
	for _, h := range page.Hosts {
		if h.State != api.Accepted {
			t.Errorf("host %s is %s", h.ID, h.State)
		}
	}
	if len(page.Hosts) != 20 {
		t.Errorf("%d hosts", len(page.Hosts))
	}
	if info := must(os.Stat(file))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the backup has the mode %v", info.Mode())
	}
}

// waitFor lets others work for a moment.
func waitFor(t testing.TB, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// What is no whole backup changes nothing.
func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t)
	good := must(os.ReadFile(must(w.backup(t.TempDir()))(t)))(t)
	w.stop()
	for name, test := range map[string]struct {
		file []byte
		kind muster.ErrorKind
	}{
		"empty":     {nil, muster.Invalid},
		"text":      {[]byte("hello"), muster.Invalid},
		"cut":       {good[:len(good)/2], muster.Invalid},
		"no end":    {archive(t, "backup.json", `{"format":"musterd-backup/1"}`, "server.json", "{}"), muster.Invalid},
		"newer":     {archive(t, "backup.json", `{"format":"musterd-backup/2"}`, "end", ""), muster.Invalid},
		"traversal": {archive(t, "backup.json", `{"format":"musterd-backup/1"}`, "ca/../../x", "x", "end", ""), muster.Invalid},
		"absolute":  {archive(t, "backup.json", `{"format":"musterd-backup/1"}`, "/etc/x", "x", "end", ""), muster.Invalid},
		"unknown":   {archive(t, "backup.json", `{"format":"musterd-backup/1"}`, "bin/sh", "x", "end", ""), muster.Invalid},
		"twice":     {archive(t, "backup.json", `{"format":"musterd-backup/1"}`, "server.json", "{}", "server.json", "{}", "end", ""), muster.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "backup")
			check(t, os.WriteFile(file, test.file, 0o600))
			r := &Restore{Data: filepath.Join(dir, "data"), Now: time.Now()}
			_, err := r.Read(file)
			wantKind(t, err, test.kind)
			if left := must(os.ReadDir(dir))(t); len(left) != 1 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
	file := filepath.Join(t.TempDir(), "good")
	check(t, os.WriteFile(file, good, 0o600))
	_, err := (&Restore{Data: w.cfg.Data, Now: time.Now()}).Read(file)
	wantKind(t, err, muster.Conflict)
	out := must((&Restore{Data: w.cfg.Data, Now: time.Now(), Force: true}).Read(file))(t)
	if _, err := os.Stat(filepath.Join(out.Aside, "server.json")); err != nil {
		t.Error(err)
	}
}

// archive makes a backup of files.
func archive(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := must(zstd.NewWriter(&buf))(t)
	w := tar.NewWriter(z)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: pairs[i], Size: int64(len(pairs[i+1])), Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
			t.Skip(err) // a name that no archive has
		}
		must(io.WriteString(w, pairs[i+1]))(t)
	}
	check(t, w.Close())
	check(t, z.Close())
	return buf.Bytes()
}

// FuzzRestore holds that a backup, whatever it is, makes a data folder or leaves
// nothing, and never writes beside it.
func FuzzRestore(f *testing.F) {
	f.Add("server.json", `{"id":"5f0c6a0e-0000-4000-8000-000000000001"}`, "ca/key.pem", "x", "end")
	f.Add("../x", "x", "repo/a/../../../y", "x", "end")
	f.Add("trust.d/a.pem", "x", "muster.db", "x", "")
	f.Fuzz(func(t *testing.T, a, dataA, b, dataB, end string) {
		if len(a) > 200 || len(b) > 200 || len(end) > 200 || strings.ContainsRune(a+b+end, 0) {
			return
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "backup")
		check(t, os.WriteFile(file, archive(t, "backup.json", `{"format":"musterd-backup/1"}`, a, dataA, b, dataB, end, ""), 0o600))
		_, err := (&Restore{Data: filepath.Join(dir, "data"), Now: time.Now()}).Read(file)
		want := 2
		if err != nil {
			want = 1
		}
		if left := must(os.ReadDir(dir))(t); len(left) != want {
			t.Errorf("%q %q %q: %v, and %d files are left, want %d", a, b, end, err, len(left), want)
		}
	})
}

// FuzzUnpack holds that no more comes out of a body than may, and that what is
// packed comes out as it was.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("hello"), false)
	f.Add(must(zstd.NewWriter(nil))(f).EncodeAll(bytes.Repeat([]byte("x"), 10_000), nil), true)
	f.Fuzz(func(t *testing.T, data []byte, packed bool) {
		const most = 4096
		if packed {
			for _, encoding := range []string{"zstd", "gzip", "identity"} {
				if out, err := unpack(encoding, data, most); err == nil && len(out) > most && encoding != "identity" {
					t.Errorf("%s: %d bytes", encoding, len(out))
				}
			}
			return
		}
		out, err := unpack("zstd", must(zstd.NewWriter(nil))(t).EncodeAll(data, nil), int64(len(data)))
		if err != nil || !bytes.Equal(out, data) {
			t.Errorf("%d bytes, %v, want %d", len(out), err, len(data))
		}
	})
}
