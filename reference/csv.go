package reference

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"muster"
)

// MaxCSV bounds the bytes of a list in CSV.
const MaxCSV = 64 << 20

// columns are those of a list in CSV; all but the name may be left out.
var columns = []string{"name", "want", "manager", "arch", "until", "optional", "note"}

// ParseCSV reads the rows of a list; file is for messages. The first line names the
// columns. They are separated by commas, semicolons or tabs, whichever stands there.
// What is said of the list as a whole has no place in CSV, and comes with about.
func ParseCSV(file string, data []byte, about List) (*List, error) {
	l := &about
	rows, err := parseCSV(data)
	if err == nil {
		l.Wanted = rows
		err = l.Check()
	}
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("%q: %w", file, err))
	}
	return l, nil
}

func parseCSV(data []byte) (rows []Wanted, err error) {
	if len(data) > MaxCSV {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), MaxCSV)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.ReuseRecord = comma(data), true
	head, err := r.Read()
	if err != nil {
		return nil, csvError(err)
	}
	head, err = readHead(slices.Clone(head))
	if err != nil {
		return nil, err
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, csvError(err)
		}
		line, _ := r.FieldPos(0)
		var w Wanted
		if err := w.readCells(head, cells); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if err := w.check(true); err != nil {
			return nil, fmt.Errorf("line %d: package %.100q: %w", line, w.Name, err)
		}
		if rows = append(rows, w); len(rows) > MaxWanted {
			return nil, fmt.Errorf("line %d: more than %d packages", line, MaxWanted)
		}
	}
}

func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
	}
	return errors.New("there is nothing in it")
}

// comma is what separates the columns of the first line.
func comma(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	for _, c := range ";\t" {
		if bytes.ContainsRune(line, c) {
			return c
		}
	}
	return ','
}

func readHead(head []string) ([]string, error) {
	for i, name := range head {
		head[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns, head[i]) || slices.Contains(head[:i], head[i]) {
			err := fmt.Errorf("line 1: there is no column %.40q, or it stands twice", name)
			return nil, muster.WithHint(err, "columns are %s", strings.Join(columns, ", "))
		}
	}
	if !slices.Contains(head, "name") {
		return nil, muster.WithHint(errors.New("line 1: there is no column \"name\""), "columns are %s", strings.Join(columns, ", "))
	}
	return head, nil
}

func (w *Wanted) readCells(head, cells []string) (err error) {
	for i, name := range head {
		cell := strings.TrimSpace(cells[i])
		if cell == "" {
			continue
		}
		cell = strings.Clone(cell)
		switch name {
		case "name":
			w.Name = cell
		case "want":
			w.Want, err = ParseWant(cell)
		case "manager":
			w.Manager = cell
		case "arch":
			w.Arch = cell
		case "until":
			w.Until, err = parseUntil(cell)
		case "optional":
			if w.Optional = cell == "true"; !w.Optional && cell != "false" {
				err = errors.New("true or false is expected here")
			}
		case "note":
			w.Note = cell
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	return nil
}
