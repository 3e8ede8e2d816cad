package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/testneed"
)

// smallDisk is a file system of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	testneed.Root(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		testneed.Missing(t, "a file system of its own: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all room but so many bytes, until the end that it returns is called.
func fill(t *testing.T, dir string, but int64) (end func()) {
	t.Helper()
	free := must(freeSpace(dir))(t)
	f := must(os.Create(filepath.Join(dir, "filler")))(t)
	defer f.Close()
	check(t, syscall.Fallocate(int(f.Fd()), 0, 0, int64(free)-but))
	return func() { check(t, os.Remove(f.Name())) }
}

// On a full disk a package is refused whole, whether its size was said or not,
// what hosts bring is not acknowledged, and all goes on when there is room.
func TestCase40DiskFull(t *testing.T) {
	disk := smallDisk(t, "64m")
	w := newWorld(t, func(c *Config) { c.Data = filepath.Join(disk, "data") })
	p := w.person()
	w.found(p)
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	m.report(desktop(10))
	small, large := pack(t, "age", "1.0", 1000, w.admin), pack(t, "office", "1.0", 8<<20, w.admin)
	must(publish(t, p, small))(t)

	end := fill(t, disk, 6<<20)
	_, err := publish(t, p, large)
	wantKind(t, err, muster.Unavailable)
	if status, body := w.upload(p, large); status != http.StatusInsufficientStorage || body.Error.Kind != muster.Unavailable {
		t.Errorf("without a length: %d %+v", status, body)
	}
	if left := must(os.ReadDir(w.files.path("uploads")))(t); len(left) != 0 {
		t.Errorf("%d uploads are left", len(left))
	}
	end()

	end = fill(t, disk, 0)
	result := api.Result{Kind: "upgrade", Started: time.Now().Unix(), Ended: time.Now().Unix(), Output: strings.Repeat("x", 100_000)}
	refused := false
	for i := 0; i < 100 && !refused; i++ { // what the database has in hand may take some
		result.ID = fmt.Sprintf("20000000-0000-4000-8000-%012x", i)
		_, err = m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Results: []api.Result{result}})
		if refused = err != nil; refused {
			wantKind(t, err, muster.Unavailable)
		}
	}
	if !refused {
		t.Error("a full disk took everything")
	}
	end()

	result.ID, result.Output = "20000000-0000-4000-8000-0000000000ff", ""
	must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix(), Results: []api.Result{result}}))(t)
	published := must(publish(t, p, large))(t)
	w.follow(published.File)
}

// upload sends a package without saying how large it is.
func (w *world) upload(p *api.PersonClient, file string) (int, api.ErrorBody) {
	w.t.Helper()
	f := must(os.Open(file))(w.t)
	defer f.Close()
	req := must(http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+api.RoutePackages, io.NopCloser(f)))(w.t)
	req.ContentLength = -1
	req.Header.Set("Authorization", "Bearer "+p.Token)
	return w.status(req)
}
