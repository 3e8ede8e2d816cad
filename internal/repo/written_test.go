package repo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster"
)

// An index is not hashed again as long as it is the file that was written: its
// time tells. Of another time, or of another head, it is.
func TestIndexKnownByItsTime(t *testing.T) {
	p := newRepo(t)
	publish(t, p, pack(t, "age", "1", everybody().alice))
	c := newClient(t, p, p.Dir)
	update(t, c)
	name := filepath.Join(c.repoDir(c.load().id), "index")
	flipped := bytes.Replace(must(os.ReadFile(name)), []byte("size: "), []byte("size: 9"), 1)
	flipped = bytes.Replace(flipped, []byte("sha256: "), []byte("sha256:"), 1) // of the same length, and no index
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	spoil := func(at time.Time) {
		if err := os.WriteFile(name, flipped, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
		c.kept = nil
	}
	c.load().note.Index.Time = long.UnixNano()
	if err := c.saveNote(c.load()); err != nil {
		t.Fatal(err)
	}
	spoil(long)
	if x, err := c.Index(); err != nil || x.Len() != 1 {
		t.Errorf("an index of the right time is read again: %v, %v", x, err)
	}
	spoil(long.Add(time.Second))
	if _, err := c.Index(); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("an index of another time is believed: %v", err)
	}
	spoil(long)
	c.load().note.Index.SHA256 = "another"
	if _, err := c.Index(); muster.KindOf(err) != muster.Unavailable {
		t.Errorf("an index of another head is believed: %v", err)
	}
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("the damaged index is still there: %v", err)
	}
}
