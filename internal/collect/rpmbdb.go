package collect

import (
	"encoding/binary"
	"fmt"
	"io/fs"

	"muster"
)

// Kinds of pages and items of a Berkeley DB hash, and the size of a page's head.
const (
	bdbHashUnsorted, bdbHash, bdbOverflow = 2, 13, 7
	bdbInline, bdbOffPage                 = 1, 3
	bdbHead                               = 26
)

// eachBDBHeader reads the Berkeley DB hash that rpm wrote up to RHEL 8.
func eachBDBHeader(fsys fs.FS, name string, begin func(), f func([]byte) error) error {
	err := steady(fsys, []string{name}, func() error {
		begin()
		data, err := read(fsys, name, maxRPMDatabase)
		if err != nil {
			return err
		}
		return parseBDB(data, f)
	})
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}

// A bdb is a Berkeley DB hash: pages of one size, the first of which says what
// the others are. Keys are numbers of packages, values headers; key 0 has the
// highest number. The byte order is that of the machine that made it.
type bdb struct {
	data  []byte
	size  int
	order binary.ByteOrder
}

func parseBDB(data []byte, f func([]byte) error) error {
	db, err := openBDB(data)
	if err != nil {
		return err
	}
	f = within(len(data), f)
	for n := 1; n < len(data)/db.size; n++ {
		p := data[n*db.size : (n+1)*db.size]
		if p[25] != bdbHash && p[25] != bdbHashUnsorted {
			continue
		}
		if err := db.values(p, f); err != nil {
			return fmt.Errorf("page %d: %w", n, err)
		}
	}
	return nil
}

func openBDB(data []byte) (*bdb, error) {
	if len(data) < 512 {
		return nil, muster.Errorf(muster.Invalid, "not a Berkeley DB: %d bytes", len(data))
	}
	db := &bdb{data: data}
	switch {
	case binary.LittleEndian.Uint32(data[12:]) == 0x061561:
		db.order = binary.LittleEndian
	case binary.BigEndian.Uint32(data[12:]) == 0x061561:
		db.order = binary.BigEndian
	default:
		return nil, muster.Errorf(muster.Invalid, "not a hash of Berkeley DB")
	}
	size := db.order.Uint32(data[20:])
	if size < 512 || size > 1<<16 || size&(size-1) != 0 || data[24] != 0 {
		return nil, muster.Errorf(muster.Invalid, "pages of %d bytes, encryption %d", size, data[24])
	}
	db.size = int(size)
	return db, nil
}

// values calls f for every second item of a page: keys and values alternate.
// Items lie from the end of the page towards its head, so that an item ends
// where the one before it begins.
func (db *bdb) values(p []byte, f func([]byte) error) error {
	count := int(db.order.Uint16(p[20:]))
	if bdbHead+2*count > len(p) {
		return muster.Errorf(muster.Invalid, "%d items do not fit", count)
	}
	for i := 1; i < count; i += 2 {
		at := int(db.order.Uint16(p[bdbHead+2*i:]))
		end := int(db.order.Uint16(p[bdbHead+2*i-2:]))
		if at >= end || end > len(p) {
			return muster.Errorf(muster.Invalid, "item %d is out of order", i)
		}
		header, err := db.item(p[at:end])
		if err != nil {
			return err
		}
		if len(header) <= 4 {
			continue // the value of key 0
		}
		if err := f(header); err != nil {
			return err
		}
	}
	return nil
}

func (db *bdb) item(b []byte) ([]byte, error) {
	switch {
	case b[0] == bdbInline:
		return b[1:], nil
	case b[0] == bdbOffPage && len(b) >= 12:
		return db.chain(db.order.Uint32(b[4:]), db.order.Uint32(b[8:]))
	}
	return nil, muster.Errorf(muster.Invalid, "an item is of kind %d", b[0])
}

// chain gathers what lies on overflow pages.
func (db *bdb) chain(page, size uint32) ([]byte, error) {
	if uint64(size) > uint64(len(db.data)) || size > maxPayload {
		return nil, muster.Errorf(muster.Invalid, "a header has %d bytes", size)
	}
	all := make([]byte, 0, size)
	for uint32(len(all)) < size {
		start := uint64(page) * uint64(db.size)
		if page == 0 || start+uint64(db.size) > uint64(len(db.data)) {
			return nil, muster.Errorf(muster.Invalid, "a header goes on at page %d", page)
		}
		p := db.data[start : start+uint64(db.size)]
		n := int(db.order.Uint16(p[22:])) // how many bytes of it are used
		if p[25] != bdbOverflow || n == 0 || bdbHead+n > len(p) || len(all)+n > int(size) {
			return nil, muster.Errorf(muster.Invalid, "page %d does not continue a header", page)
		}
		all = append(all, p[bdbHead:bdbHead+n]...)
		page = db.order.Uint32(p[16:])
	}
	return all, nil
}
