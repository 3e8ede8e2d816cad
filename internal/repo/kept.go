package repo

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster"
	"muster/index"
	"muster/internal/fetch"
)

// kept is what a root remembers of a repository:
//
//	repos/<id>/head, head.prev     signed heads, the newest and the one before
//	repos/<id>/index, index.prev   their indexes
//	repos/<id>/hosts/<sha256>      tables and bins of both
//	repos/<id>/state.json          a note; a lost one costs some bytes
//	trust/<id>/<n>.p7m             links of trust
//
// Every file is whole or not there. One that cannot be read counts as not
// there: the copy before it is used, or the repository met as if for the
// first time. Nothing here can stop a host.
type kept struct {
	id       string // "" before the first contact
	headFile []byte
	head     *index.Head
	index    *index.Index      // once it was asked for
	text     string            // of the index, where an update has brought it
	brought  bool              // text is new and has to be kept
	old      string            // the file that text was made from by changes, or ""
	bins     *bins             // once they were asked for
	newBins  map[string][]byte // files that an update has brought, by hash
	both     *index.Index      // what index and bins list together, once it was asked for
	links    [][]byte
	state    *index.State // after links; nil without any
	note     note
}

// note is state.json.
type note struct {
	Base     string              `json:"base"`     // the first of the client's bases, which the id is pinned to
	Failures int                 `json:"failures"` // updates in a row that failed
	Seen     map[string]lastSeen `json:"seen,omitempty"`
	Index    *written            `json:"index,omitempty"`
}

// written is the file index as it was written: as long as its time is that, it
// is not hashed again. Whoever can change it can change the trust as well;
// what a failing disk does to it shows when a package is held against its entry.
type written struct {
	SHA256 string `json:"sha256"`
	Time   int64  `json:"time"` // of modification, Unix nanoseconds
}

// lastSeen is what one base said of the head that is kept.
type lastSeen struct {
	Head       string           `json:"head"` // sha256 of the file
	Validators fetch.Validators `json:"validators"`
}

func (c *Client) repoDir(id string) string  { return filepath.Join(c.State, "repos", id) }
func (c *Client) trustDir(id string) string { return filepath.Join(c.State, "trust", id) }

// read reads what is kept, as far as it can be read.
func (c *Client) read() *kept {
	k := &kept{id: c.ID}
	if k.id == "" {
		k.id = c.pinned()
	}
	if k.id == "" {
		return k
	}
	k.note = readNote(c.repoDir(k.id))
	c.readHead(k)
	c.readTrust(k)
	return k
}

// pinned finds the id that the first base had before.
func (c *Client) pinned() string {
	entries, _ := os.ReadDir(filepath.Join(c.State, "repos"))
	for _, e := range entries {
		if index.CheckID(e.Name()) == nil && readNote(c.repoDir(e.Name())).Base == first(c.Bases) {
			return e.Name()
		}
	}
	return ""
}

func readNote(dir string) (n note) {
	data, err := readFile(filepath.Join(dir, "state.json"), 1<<20)
	if err != nil || json.Unmarshal(data, &n) != nil {
		return note{}
	}
	return n
}

// readHead takes the head, or the one before where the head or its index
// cannot be read.
func (c *Client) readHead(k *kept) {
	for _, name := range []string{"head", "head.prev"} {
		file, err := readFile(filepath.Join(c.repoDir(k.id), name), index.MaxHead)
		if err != nil {
			continue
		}
		head, err := index.InspectHead(file)
		if err != nil || head.Repository != k.id {
			continue
		}
		k.headFile, k.head = file, head
		return
	}
}

// readTrust follows the links that are kept, as far as they go.
func (c *Client) readTrust(k *kept) {
	for n := 1; n <= index.MaxLinks; n++ {
		file, err := readFile(filepath.Join(c.trustDir(k.id), fmt.Sprintf("%d.p7m", n)), index.MaxLink)
		if err != nil {
			break
		}
		k.links = append(k.links, file)
	}
	for len(k.links) > 0 {
		var err error
		if k.state, err = index.Follow(c.Trust, k.id, k.links, c.now(k)); err == nil {
			return
		}
		k.links = k.links[:len(k.links)-1]
	}
}

// hasIndex reports whether the index of the head seems to be there, by its
// size: an update without news does not read it.
func (k *kept) hasIndex(c *Client) bool {
	if k.index != nil {
		return true
	}
	for _, name := range []string{"index", "index.prev"} {
		info, err := os.Stat(filepath.Join(c.repoDir(k.id), name))
		if err == nil && info.Size() == k.head.Index.Raw.Size {
			return true
		}
	}
	return false
}

// openIndex reads the index of the head. A damaged one is removed, so that the
// next update brings it again.
func (k *kept) openIndex(c *Client) (x *index.Index, err error) {
	if k.index == nil && k.brought {
		k.index, err = index.Parse(k.text)
	}
	if k.index != nil || err != nil {
		return k.index, err
	}
	for _, name := range []string{"index", "index.prev"} {
		text, err := k.readText(c, name)
		if err != nil {
			continue
		}
		if name == "index" && k.isWritten(c) {
			k.index = index.Accepted(text)
			return k.index, nil
		}
		if k.index, err = parseIndex(k.head.Index, text); err == nil {
			return k.index, nil
		}
		c.Disk.Remove(filepath.Join(c.repoDir(k.id), name))
	}
	return nil, muster.WithHint(muster.Errorf(muster.Unavailable, "the index of repository %q is damaged", k.id), "run 'muster update'")
}

// isWritten reports whether the file index is the one that was written for the
// head. A file changed within the grain of time stamps would not show, so that one
// must be older.
func (k *kept) isWritten(c *Client) bool {
	w := k.note.Index
	info, err := os.Stat(filepath.Join(c.repoDir(k.id), "index"))
	return err == nil && w != nil && w.SHA256 == k.head.Index.Raw.SHA256 &&
		w.Time == info.ModTime().UnixNano() && time.Since(info.ModTime()) > 2*time.Second
}

// readText reads a file that seems to be the index of the head, by its size.
func (k *kept) readText(c *Client, name string) (string, error) {
	f, err := os.Open(filepath.Join(c.repoDir(k.id), name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	size := k.head.Index.Raw.Size
	if info, err := f.Stat(); err != nil || info.Size() != size || size > index.MaxText {
		return "", fmt.Errorf("%q is not of %d bytes", f.Name(), size)
	}
	var text strings.Builder
	text.Grow(int(size))
	_, err = io.CopyBuffer(&text, onlyReader{io.LimitReader(f, size)}, make([]byte, 1<<20))
	return text.String(), err
}

// onlyReader hides that a reader could do without the buffer given, for a small one.
type onlyReader struct{ io.Reader }

// saveTrust keeps the links from number n on.
func (c *Client) saveTrust(id string, links [][]byte, n int) error {
	if n > len(links) {
		return nil
	}
	if err := c.Disk.MkdirAll(c.trustDir(id), 0o755); err != nil {
		return err
	}
	for ; n <= len(links); n++ {
		path := filepath.Join(c.trustDir(id), fmt.Sprintf("%d.p7m", n))
		if err := c.Disk.WriteFile(path, links[n-1], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// save keeps a publication. The pair that was kept stays readable until the
// head is renamed: first the index moves aside, which no head needs by its
// name, then the new index comes, then the heads move.
func (c *Client) save(k *kept) error {
	dir := c.repoDir(k.id)
	if err := c.Disk.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := c.saveBins(k); err != nil {
		return err
	}
	if err := c.saveIndex(k, at); err != nil {
		return err
	}
	if err := c.moveAside(at("head"), at("head.prev")); err != nil {
		return err
	}
	if err := c.Disk.WriteFile(at("head"), k.headFile, 0o644); err != nil {
		return err
	}
	return c.saveNote(k)
}

func (c *Client) saveIndex(k *kept, at func(string) string) error {
	if !k.brought {
		return nil // it has not changed
	}
	if k.old == "index" || k.old == "" && c.isIndexOfHead(at) {
		if err := c.moveAside(at("index"), at("index.prev")); err != nil {
			return err
		}
	}
	if err := c.writeText(at("index"), k.text); err != nil {
		return err
	}
	info, err := os.Stat(at("index"))
	if err == nil {
		k.note.Index = &written{k.head.Index.Raw.SHA256, info.ModTime().UnixNano()}
	}
	return err
}

// writeText writes a file without a second copy of its text in memory.
func (c *Client) writeText(name, text string) error {
	f, err := c.Disk.Create(name, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(f, onlyReader{strings.NewReader(text)}, make([]byte, 1<<20)); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// isIndexOfHead reports whether the file index belongs to the file head. It
// does not after a crash between the two; then index.prev does, and stays.
func (c *Client) isIndexOfHead(at func(string) string) bool {
	file, err := readFile(at("head"), index.MaxHead)
	if err != nil {
		return false
	}
	head, err := index.InspectHead(file)
	if err != nil {
		return false
	}
	raw, err := readFile(at("index"), index.MaxText)
	return err == nil && int64(len(raw)) == head.Index.Raw.Size && index.Sum(raw) == head.Index.Raw.SHA256
}

func (c *Client) moveAside(from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return nil
	}
	return c.Disk.Rename(from, to)
}

func (c *Client) saveNote(k *kept) error {
	data, err := json.MarshalIndent(k.note, "", "\t")
	if err != nil {
		return err
	}
	return c.Disk.WriteFile(filepath.Join(c.repoDir(k.id), "state.json"), append(data, '\n'), 0o644)
}
