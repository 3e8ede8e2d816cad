package auditlog

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster"
	"muster/internal/canon"
)

// head is the first word of an export.
const head = "muster-auditlog 1 "

// A Report says what an export is that [Verify] found in order.
type Report struct {
	Key         string // verifier key, as the export names it
	Origin      string
	Tree        tlog.Tree
	Checkpoints int // that were compared with the entries
}

// A BadError says where a log is not what was signed. The first bad entry is
// First, or, where only checkpoints tell, one from First to Last.
type BadError struct {
	First, Last int64
	Why         string
}

func (e *BadError) Error() string {
	if e.First == e.Last {
		return fmt.Sprintf("the audit log is bad from entry %d on: %s", e.First, e.Why)
	}
	return fmt.Sprintf("the audit log is bad from an entry between %d and %d on: %s", e.First, e.Last, e.Why)
}

func bad(first, last int64, format string, args ...any) error {
	return muster.WithKind(muster.Conflict, &BadError{First: first, Last: last, Why: fmt.Sprintf(format, args...)})
}

// Verify reads an export and compares it with the checkpoints in it and with those
// that others have kept. key, where it is not nil, is the only one believed;
// otherwise the key is the one that the export names, which the caller shows. A log
// that was tampered with is a [BadError].
func Verify(r io.Reader, key note.Verifier, kept ...string) (*Report, error) {
	v := &verifier{lines: bufio.NewReaderSize(r, 1<<16), key: key}
	if err := v.readHead(); err != nil {
		return nil, err
	}
	for i, text := range kept {
		if err := v.checkpoint(text, fmt.Sprintf("checkpoint %d that was kept", i+1)); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(v.due, func(a, b due) int { return cmp.Compare(a.N, b.N) })
	if err := v.readEntries(); err != nil {
		return nil, err
	}
	root, err := v.tree.root()
	if err != nil {
		return nil, err
	}
	return &Report{Key: v.text, Origin: v.key.Name(), Tree: tlog.Tree{N: v.tree.size, Hash: root}, Checkpoints: v.compared}, nil
}

// A due checkpoint is one that the entries have not come to yet.
type due struct {
	Tree
	name string
}

type verifier struct {
	lines    *bufio.Reader
	key      note.Verifier
	text     string // of the key that the export names
	due      []due  // by size, once sorted
	tree     frontier
	good     int64 // size of the largest checkpoint that was right
	signed   int64 // size of the checkpoint of the export
	compared int
}

// maxCheckpoints bounds those of an export: one every quarter of an hour for 30 years.
const maxCheckpoints = 1 << 20

// line returns the next line without its end, or io.EOF.
func (v *verifier) line(most int) ([]byte, error) {
	var long []byte
	for {
		part, err := v.lines.ReadSlice('\n')
		switch {
		case len(long)+len(part) > most:
			return nil, muster.Errorf(muster.Invalid, "a line of the export has more than %d bytes", most)
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
			continue
		case errors.Is(err, io.EOF) && len(long)+len(part) > 0:
			return nil, muster.Errorf(muster.Invalid, "the export ends within a line")
		case err != nil:
			return nil, err
		case long != nil:
			part = append(long, part...)
		}
		return part[:len(part)-1], nil
	}
}

func (v *verifier) readHead() error {
	first, err := v.line(1024)
	text, ok := strings.CutPrefix(string(first), head)
	if err != nil || !ok {
		return muster.Errorf(muster.Invalid, "this is no export of an audit log")
	}
	named, err := ParseKey(text)
	if err != nil {
		return err
	}
	if v.text = text; v.key == nil {
		v.key = named
	}
	for range maxCheckpoints {
		line, err := v.line(2 * maxCheckpoint)
		if err != nil {
			return muster.Errorf(muster.Invalid, "the export has no end of its checkpoints: %w", err)
		}
		if len(line) == 0 {
			return nil
		}
		var text string
		if err := json.Unmarshal(line, &text); err != nil {
			return muster.Errorf(muster.Invalid, "cannot read a checkpoint of the export: %w", err)
		}
		if err := v.checkpoint(text, "a checkpoint of the export"); err != nil {
			return err
		}
		v.signed = v.due[len(v.due)-1].N
	}
	return muster.Errorf(muster.Invalid, "the export has more than %d checkpoints", maxCheckpoints)
}

func (v *verifier) checkpoint(text, name string) error {
	t, err := OpenCheckpoint(text, v.key)
	v.due = append(v.due, due{t, name})
	return err
}

func (v *verifier) readEntries() error {
	if err := v.compare(); err != nil {
		return err
	}
	for {
		line, err := v.line(MaxEntry + 64)
		if errors.Is(err, io.EOF) {
			return v.end()
		}
		if err != nil {
			return err
		}
		if err := v.entry(line); err != nil {
			return err
		}
		if err := v.compare(); err != nil {
			return err
		}
	}
}

// entry adds a line to the tree. The record hash that the server has kept finds an
// entry that was edited; the checkpoints find the rest.
func (v *verifier) entry(line []byte) error {
	n := v.tree.size
	keptHash, record, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return muster.Errorf(muster.Invalid, "line %d of the entries is none", n+1)
	}
	number, err := numberOf(record)
	if err != nil || number != n {
		return v.gap(number, err)
	}
	hash := tlog.RecordHash(record)
	var text [44]byte
	base64.StdEncoding.Encode(text[:], hash[:])
	if !bytes.Equal(text[:], keptHash) {
		return bad(n, n, "it was edited: its hash is not the one that was kept of it")
	}
	v.tree.add(hash)
	return nil
}

func (v *verifier) gap(number int64, err error) error {
	n := v.tree.size
	switch {
	case err != nil:
		return bad(n, n, "it cannot be read: %v", err)
	case number > n:
		return bad(n, n, "it is not there: entry %d follows", number)
	}
	return bad(n, n, "in its place stands entry %d", number)
}

// numberOf reads the number of a record. Whether the rest of it is JSON is for who
// shows it: here its bytes are hashed. The first member of this name is the entry's
// own: within a text the quotes would be escaped, and members come in the order of
// their names.
func numberOf(record []byte) (int64, error) {
	_, rest, ok := bytes.Cut(record, []byte(`"number":`))
	end := bytes.IndexAny(rest, ",}")
	if !ok || end < 0 {
		return 0, errors.New("it has no number")
	}
	return strconv.ParseInt(string(rest[:end]), 10, 64)
}

// compare holds the entries so far against the checkpoints of that size.
func (v *verifier) compare() error {
	for len(v.due) > 0 && v.due[0].N == v.tree.size {
		c := v.due[0]
		root, err := v.tree.root()
		if err != nil {
			return err
		}
		if root != c.Hash {
			return bad(v.good, max(c.N-1, v.good), "%s, of %d entries, is of another log", c.name, c.N)
		}
		v.due, v.good, v.compared = v.due[1:], c.N, v.compared+1
	}
	return nil
}

func (v *verifier) end() error {
	n := v.tree.size
	if len(v.due) > 0 {
		last := v.due[len(v.due)-1]
		return bad(n, n, "the tail is gone: %s is of %d entries", last.name, last.N)
	}
	if n > v.signed {
		return bad(v.signed, v.signed, "the server has signed only the entries before it")
	}
	return nil
}

// A frontier is a Merkle tree that grows, of which the largest whole subtrees are
// kept: their sizes are the powers of two that add up to size.
type frontier struct {
	size int64
	tops []tlog.Hash // from left to right
}

func (f *frontier) add(h tlog.Hash) {
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.tops) - 1
		h = tlog.NodeHash(f.tops[last], h)
		f.tops = f.tops[:last]
	}
	f.tops = append(f.tops, h)
	f.size++
}

func (f *frontier) root() (h tlog.Hash, err error) {
	if f.size == 0 {
		return tlog.TreeHash(0, nil)
	}
	h = f.tops[len(f.tops)-1]
	for i := len(f.tops) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.tops[i], h)
	}
	return h, nil
}

// A Writer writes an export.
type Writer struct{ w *bufio.Writer }

// NewWriter begins an export with the checkpoints that are known, by size.
func NewWriter(w io.Writer, key string, checkpoints []string) (*Writer, error) {
	out := &Writer{bufio.NewWriterSize(w, 1<<16)}
	out.w.WriteString(head + key + "\n") //nolint:errcheck // the last flush tells
	for _, c := range checkpoints {
		line, err := canon.Marshal(c)
		if err != nil {
			return nil, err
		}
		out.w.Write(append(line, '\n')) //nolint:errcheck // the last flush tells
	}
	_, err := out.w.WriteString("\n")
	return out, err
}

// Entry writes the next record, with the hash that was kept of it.
func (w *Writer) Entry(hash tlog.Hash, record []byte) error {
	w.w.WriteString(hash.String()) //nolint:errcheck // the next one tells
	w.w.WriteByte(' ')             //nolint:errcheck // the next one tells
	w.w.Write(record)              //nolint:errcheck // the next one tells
	return w.w.WriteByte('\n')
}

// Flush writes what is in memory.
func (w *Writer) Flush() error { return w.w.Flush() }
