package reference

import (
	"bytes"
	"strconv"
	"strings"
)

// readCanonical reads a list whose rows are as [List.Print] writes them, line by line:
// long lists are mostly of programs, and YAML takes fifty times as long. It is false for
// every other text, also for one with mistakes, which the reader of YAML explains.
func readCanonical(data []byte) (*List, bool) {
	head, rows, ok := bytes.Cut(data, []byte("\npackages:\n"))
	if !ok {
		return nil, false
	}
	l, err := readDocument(append(head[:len(head):len(head)], "\npackages: []\n"...))
	if err != nil {
		return nil, false
	}
	text := string(rows)
	l.Wanted = make([]Wanted, 0, strings.Count(text, "\n  - ")+1)
	for line := range strings.Lines(text) {
		line, ok = strings.CutSuffix(line, "\n")
		if !ok || !l.readLine(line) {
			return nil, false
		}
	}
	for i := range l.Wanted {
		if l.Wanted[i].check(true) != nil {
			return nil, false
		}
	}
	return l, len(l.Wanted) > 0
}

// readLine reads one line of a row; those of a row come in their order.
func (l *List) readLine(line string) bool {
	if value, ok := strings.CutPrefix(line, "  - name: "); ok {
		name, ok := readValue(value)
		l.Wanted = append(l.Wanted, Wanted{Name: name})
		return ok && len(l.Wanted) <= MaxWanted
	}
	rest, ok := strings.CutPrefix(line, "    ")
	name, value, colon := strings.Cut(rest, ": ")
	if !ok || !colon || len(l.Wanted) == 0 {
		return false
	}
	return l.Wanted[len(l.Wanted)-1].readField(name, value)
}

func (w *Wanted) readField(name, value string) (ok bool) {
	var err error
	switch name {
	case "want":
		if value, ok = readValue(value); !ok || w.Want.Mode != There || len(w.Want.Bounds) > 0 {
			return false
		}
		w.Want, err = ParseWant(value)
		return err == nil && w.Want.String() != modeWords[There]
	case "manager":
		return w.Manager == "" && readInto(&w.Manager, value)
	case "arch":
		return w.Arch == "" && readInto(&w.Arch, value)
	case "note":
		return w.Note == "" && readInto(&w.Note, value)
	case "optional":
		ok, w.Optional = !w.Optional && value == "true", true
		return ok
	case "until":
		if w.Until != 0 || strings.Trim(value, "0123456789-:TZ") != "" {
			return false
		}
		w.Until, err = parseUntil(value)
		return err == nil
	}
	return false
}

func readInto(to *string, value string) (ok bool) {
	*to, ok = readValue(value)
	return ok && *to != ""
}

// readValue reads what [printer.value] writes.
func readValue(s string) (string, bool) {
	if isPlain(s) {
		return s, true
	}
	v, err := strconv.Unquote(s)
	if err != nil || s[0] != '"' || strconv.Quote(v) != s {
		return "", false
	}
	return strings.TrimSpace(v), true
}
