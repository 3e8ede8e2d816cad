package index

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"muster/deb822"
)

// minPart is the bytes from which another goroutine pays.
const minPart = 1 << 20

// parts is how many goroutines read a text of that size.
func parts(size int) int { return max(1, min(runtime.GOMAXPROCS(0), size/minPart)) }

// scanParts finds the stanzas of text, in as many parts as there are
// processors, and reports whether all of it is an index.
func scanParts(text string) (starts []uint32, ok bool) {
	scanners := make([]scanner, parts(len(text)))
	var g errgroup.Group
	at := 0
	for i := range scanners {
		part := cutPart(text[at:], (len(text)-at)/(len(scanners)-i))
		s := &scanners[i]
		s.at, s.text = at, text[:at+len(part)]
		at += len(part)
		g.Go(func() error {
			s.ok = s.scan()
			return nil
		})
	}
	g.Wait()
	return joinScanned(scanners, len(text))
}

// cutPart returns the first stanzas of text, at least size bytes of them.
func cutPart(text string, size int) string {
	if i := strings.Index(text[size:], "\n\n"); i >= 0 {
		return text[:size+i+2]
	}
	return text
}

func joinScanned(scanners []scanner, size int) (starts []uint32, ok bool) {
	last := ""
	for i := range scanners {
		s := &scanners[i]
		if !s.ok || len(s.starts) > 0 && s.first <= last {
			return nil, false
		}
		if len(s.starts) > 0 {
			last = s.last
		}
		starts = append(starts, s.starts...)
	}
	return append(starts, uint32(size)), len(starts) <= MaxEntries
}

// A scanner holds the stanzas of text from byte at on to the form of an index.
type scanner struct {
	text        string
	at          int
	starts      []uint32 // in text
	first, last string   // file names
	ok          bool
	prover      prover
	fields      fields
}

// scan reports whether all of the text is right: proved so, or read.
func (s *scanner) scan() bool {
	s.starts = make([]uint32, 0, (len(s.text)-s.at)/600)
	for s.at < len(s.text) {
		_, rest, ok := s.fields.cut(s.text[s.at:])
		if ok && s.prover.proves(&s.fields) {
			ok = s.take(s.fields[fieldFilename], rest)
		} else {
			ok = s.read()
		}
		if !ok || len(s.starts) > MaxEntries {
			return false
		}
	}
	return true
}

// read holds the next stanza to what it prints as.
func (s *scanner) read() bool {
	stanza, rest := cutStanza(s.text[s.at:])
	r := reader{rest: stanza}
	return r.readAll(stanza) == nil && len(r.entries) == 1 && s.take(r.entries[0].Filename, rest)
}

// take notes a stanza, which must come behind the one before.
func (s *scanner) take(filename, rest string) bool {
	if filename <= s.last {
		return false
	}
	if len(s.starts) == 0 {
		s.first = filename
	}
	s.last = filename
	s.starts = append(s.starts, uint32(s.at))
	s.at = len(s.text) - len(rest)
	return true
}

// readEntry reads one stanza of an index that was proved right.
func readEntry(stanza string) (*Entry, error) {
	for s, err := range deb822.Stanzas(stanza) {
		if err != nil {
			return nil, err
		}
		e, err := parseEntry(s)
		if err == nil {
			e.text = stanza
		}
		return e, err
	}
	return nil, fmt.Errorf("no stanza")
}

// readEntries reads every stanza.
func (x *Index) readEntries() []*Entry {
	all := make([]*Entry, x.Len())
	n := parts(len(x.text))
	var g errgroup.Group
	for i := range n {
		g.Go(func() error {
			for j := i * x.Len() / n; j < (i+1)*x.Len()/n; j++ {
				all[j], _ = x.Entry(j)
			}
			return nil
		})
	}
	g.Wait()
	return slices.DeleteFunc(all, func(e *Entry) bool { return e == nil })
}
