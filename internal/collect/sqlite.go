package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"muster"
)

// Bounds of a database: the largest rpm database seen has some 400 MB.
const (
	maxPages   = 1 << 22  // with the usual 4 KiB: 16 GiB
	maxDepth   = 20       // levels of a tree
	maxPayload = 64 << 20 // bytes of one row
	maxColumns = 2000     // SQLite's own default
)

// sqlite reads tables of a SQLite 3 database, in the format of
// https://www.sqlite.org/fileformat2.html: pages, table trees, overflow chains,
// the write-ahead log. Only whole tables, in the order of row ids, are read; no
// index, no SQL. It takes no lock: [steady] notices what is written meanwhile.
type sqlite struct {
	file   io.ReaderAt
	size   int            // bytes of a page
	usable int            // without what is reserved at the end
	pages  uint32         // how many there are
	wal    map[uint32]int // pages that are newer in the log: where
	log    []byte
	seen   uint32 // pages read for one table, to end loops
}

// openSQLite reads the header of a database. log is its write-ahead log, or nil.
func openSQLite(f fs.File, log []byte) (*sqlite, error) {
	at, ok := f.(io.ReaderAt)
	if !ok {
		return nil, errors.New("the file cannot be read in pieces")
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var h [100]byte
	if _, err := at.ReadAt(h[:], 0); err != nil {
		return nil, fmt.Errorf("no header: %w", err)
	}
	if string(h[:16]) != "SQLite format 3\x00" {
		return nil, muster.Errorf(muster.Invalid, "not a SQLite 3 database")
	}
	db := &sqlite{file: at, size: int(binary.BigEndian.Uint16(h[16:]))}
	if db.size == 1 {
		db.size = 1 << 16
	}
	db.usable = db.size - int(h[20])
	if db.size < 512 || db.size&(db.size-1) != 0 || db.usable < 480 {
		return nil, muster.Errorf(muster.Invalid, "pages of %d bytes, %d of them reserved", db.size, h[20])
	}
	if encoding := binary.BigEndian.Uint32(h[56:]); encoding > 1 {
		return nil, muster.Errorf(muster.Invalid, "text encoding %d is not UTF-8", encoding)
	}
	db.pages = uint32(min(info.Size()/int64(db.size), maxPages))
	db.openLog(log)
	return db, nil
}

// page reads a page, from the log where it is newer there. Pages count from 1.
func (db *sqlite) page(n uint32) ([]byte, error) {
	if db.seen++; n == 0 || n > db.pages || db.seen > db.pages {
		return nil, muster.Errorf(muster.Invalid, "page %d of %d is out of range, or in a loop", n, db.pages)
	}
	if at, ok := db.wal[n]; ok {
		return db.log[at : at+db.size], nil
	}
	buf := make([]byte, db.size)
	if _, err := db.file.ReadAt(buf, int64(n-1)*int64(db.size)); err != nil {
		return nil, fmt.Errorf("cannot read page %d: %w", n, err)
	}
	return buf, nil
}

// scan calls f for every row of the tree below a root page.
func (db *sqlite) scan(root uint32, f func(rowid int64, payload []byte) error) error {
	db.seen = 0
	return db.walk(root, 0, f)
}

func (db *sqlite) walk(n uint32, depth int, f func(int64, []byte) error) error {
	p, err := db.page(n)
	if err != nil {
		return err
	}
	head := 0
	if n == 1 {
		head = 100 // behind the header of the file
	}
	kind, cells := p[head], int(binary.BigEndian.Uint16(p[head+3:]))
	start := head + 8
	if kind == interior {
		start += 4
	}
	if kind != interior && kind != leaf || start+2*cells > db.usable || depth > maxDepth {
		return muster.Errorf(muster.Invalid, "page %d is not of a table", n)
	}
	room := db.usable // cells that overlap would give more rows than a page holds
	for i := range cells {
		at := int(binary.BigEndian.Uint16(p[start+2*i:]))
		if at >= db.usable {
			return muster.Errorf(muster.Invalid, "page %d has a cell outside", n)
		}
		used, err := db.cell(p[at:db.usable], kind, depth, f)
		if err != nil {
			return err
		}
		if room -= used; room < 0 {
			return muster.Errorf(muster.Invalid, "cells of page %d overlap", n)
		}
	}
	if kind == interior {
		return db.walk(binary.BigEndian.Uint32(p[head+8:]), depth+1, f)
	}
	return nil
}

// Kinds of pages of a table.
const (
	interior = 5
	leaf     = 13
)

// cell reads a cell, and returns how many bytes of the page it has.
func (db *sqlite) cell(c []byte, kind byte, depth int, f func(int64, []byte) error) (used int, err error) {
	if kind == interior {
		if len(c) < 4 {
			return 0, errCell
		}
		return 5, db.walk(binary.BigEndian.Uint32(c), depth+1, f)
	}
	size, n := varint(c)
	rowid, m := varint(c[n:])
	if n == 0 || m == 0 || size > maxPayload {
		return 0, errCell
	}
	payload, local, err := db.payload(c[n+m:], int(size))
	if err != nil {
		return 0, err
	}
	return n + m + local, f(int64(rowid), payload)
}

var errCell = muster.Errorf(muster.Invalid, "a cell is cut off or too large")

// payload gathers a row that may go on in overflow pages (1.6 of the format),
// and returns how much of it is in the cell.
func (db *sqlite) payload(c []byte, size int) (all []byte, local int, err error) {
	local = size
	if most := db.usable - 35; size > most {
		least := (db.usable-12)*32/255 - 23
		if local = least + (size-least)%(db.usable-4); local > most {
			local = least
		}
	}
	if local == size {
		if len(c) < size {
			return nil, 0, errCell
		}
		return c[:size], local, nil
	}
	if len(c) < local+4 || int64(size) > int64(db.pages)*int64(db.size) {
		return nil, 0, errCell
	}
	all = append(make([]byte, 0, size), c[:local]...)
	for next := binary.BigEndian.Uint32(c[local:]); len(all) < size; {
		p, err := db.page(next)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, p[4:min(db.usable, 4+size-len(all))]...)
		next = binary.BigEndian.Uint32(p)
	}
	return all, local, nil
}

// varint reads a number of 1 to 9 bytes; n is 0 where it is cut off.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 8 {
		v = v<<7 | uint64(b[n]&0x7f)
		n++
		if b[n-1] < 0x80 {
			return v, n
		}
	}
	if n == 8 && len(b) > 8 {
		return v<<8 | uint64(b[8]), 9
	}
	return 0, 0
}

// record splits a row into its values: int64, []byte, string, or nil for NULL
// and for fractions, which nobody here asks for.
func record(b []byte) ([]any, error) {
	size, n := varint(b)
	if n == 0 || size > uint64(len(b)) || size < uint64(n) {
		return nil, errCell
	}
	types, body := b[n:size], b[size:]
	var values []any
	for len(types) > 0 && len(values) < maxColumns {
		kind, n := varint(types)
		if n == 0 {
			return nil, errCell
		}
		types = types[n:]
		width := valueWidth(kind)
		if width > uint64(len(body)) {
			return nil, errCell
		}
		values = append(values, value(kind, body[:width]))
		body = body[width:]
	}
	return values, nil
}

func valueWidth(kind uint64) uint64 {
	if kind >= 12 {
		return (kind - 12) / 2
	}
	return [...]uint64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, math.MaxUint64, math.MaxUint64}[kind]
}

func value(kind uint64, b []byte) any {
	switch {
	case kind >= 12 && kind%2 == 0:
		return b
	case kind >= 12:
		return string(b)
	case kind == 8 || kind == 9:
		return int64(kind - 8)
	case kind == 0 || kind == 7:
		return nil
	}
	v := int64(int8(b[0]))
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	return v
}

// table returns the root page of a table and the names of its columns.
func (db *sqlite) table(name string) (root uint32, columns []string, err error) {
	err = db.scan(1, func(_ int64, payload []byte) error {
		row, err := record(payload)
		if err != nil || len(row) < 5 {
			return errCell
		}
		if row[0] == "table" && row[1] == name {
			page, _ := row[3].(int64)
			sql, _ := row[4].(string)
			root, columns = uint32(page), columnNames(sql)
		}
		return nil
	})
	if err == nil && root == 0 {
		err = muster.Errorf(muster.Invalid, "there is no table %q", name)
	}
	return root, columns, err
}

// columnNames reads CREATE TABLE: the first word of each part between commas,
// except where it begins a constraint.
func columnNames(sql string) (all []string) {
	_, body, _ := strings.Cut(sql, "(")
	depth, start := 0, 0
	take := func(part string) {
		word, _, _ := strings.Cut(strings.TrimSpace(part)+" ", " ")
		switch strings.ToUpper(word) {
		case "", "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN":
			return
		}
		all = append(all, strings.Trim(word, "\"'`[]"))
	}
	for i, c := range body {
		switch {
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			take(body[start:i])
			return all
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			take(body[start:i])
			start = i + 1
		}
	}
	return all
}
