package repo

import (
	"bytes"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/control"
	"muster/index"
	"muster/pkgfile"
	"muster/sign"
)

// packIcon writes a signed package of that name with an icon.
func packIcon(t *testing.T, name, version, icon string) string {
	t.Helper()
	c := control.Control{Name: name, Version: version, Kind: muster.Base, OS: []string{"linux"}, Architecture: []string{"amd64"}}
	d, err := pkgfile.Build(pkgfile.Spec{Control: c, Date: start, Entries: []pkgfile.Entry{{
		File: pkgfile.File{Path: "payload/icon.png", Type: pkgfile.Regular, Mode: 0o644},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(icon)), nil }}}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var buf bytes.Buffer
	if err := d.Write(&buf, must(sign.Sign(d.Encoded, true, start, everybody().alice))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), c.FileName())
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestIcons: icons are published beside the packages, once each, fetched by the hash
// that the index names, and go when no package has them.
func TestIcons(t *testing.T) {
	p := newRepo(t)
	publish(t, p, packIcon(t, "age", "1", "picture"), packIcon(t, "zip", "1", "picture"), packIcon(t, "tar", "1", strings.Repeat("x", pkgfile.MaxIcon+1)))
	web := httptest.NewServer(Handler(p.Dir))
	defer web.Close()
	c := newClient(t, p, web.URL)
	update(t, c)
	x := must(c.Index())
	e := x.Find("age")[0]
	if e.Icon != index.Sum([]byte("picture")) || x.Find("zip")[0].Icon != e.Icon || x.Find("tar")[0].Icon != "" {
		t.Errorf("icons %q, %q and %q", e.Icon, x.Find("zip")[0].Icon, x.Find("tar")[0].Icon)
	}
	if data, err := c.Icon(t.Context(), e.Icon); err != nil || string(data) != "picture" {
		t.Errorf("%q, %v", data, err)
	}
	if f, err := c.Open(t.Context(), e); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	v, err := (&Checker{Base: p.Dir, Now: c.Now}).Check(t.Context())
	if err != nil || len(v.Findings)+len(v.Unlisted) > 0 {
		t.Errorf("%v, %+v", err, v)
	}
	name := filepath.Join(p.Dir, "icons", e.Icon)
	if err := os.WriteFile(name, []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = c.Icon(t.Context(), e.Icon)
	wantKind(t, err, muster.Unavailable, "another icon")
	if v, err = (&Checker{Base: p.Dir, Now: c.Now}).Check(t.Context()); err != nil || len(v.Findings) == 0 {
		t.Errorf("a wrong icon is not found: %v, %+v", err, v)
	}
	p.Now = time.Now()
	for _, gone := range []string{"age", "zip"} {
		if _, err := p.Remove(must(control.ParseRelation(gone))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.GC(0, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(name); os.IsNotExist(err) != (gone == "zip") {
			t.Errorf("after %s: %v", gone, err)
		}
	}
}

// TestLyingIcon: an index that names another icon than the author signed is refused.
func TestLyingIcon(t *testing.T) {
	p := newRepo(t)
	publish(t, p, packIcon(t, "age", "1", "picture"))
	_, x, err := p.Contents()
	if err != nil {
		t.Fatal(err)
	}
	lie := *x.Find("age")[0]
	lie.Icon = index.Sum([]byte("another"))
	f, err := os.Open(filepath.Join(p.Dir, lie.Filename))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pkg := must(pkgfile.Open(f, lie.Size))
	wantKind(t, lie.Matches(pkg), muster.Denied, "icon")
	if lie.Icon = ""; lie.Matches(pkg) != nil {
		t.Error("an index without icons is refused")
	}
}
