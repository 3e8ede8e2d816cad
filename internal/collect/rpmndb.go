package collect

import (
	"encoding/binary"
	"fmt"
	"io/fs"

	"muster"
)

// maxRPMDatabase bounds ndb and Berkeley databases, which are read whole.
const maxRPMDatabase = 1 << 30

// eachNDBHeader reads the database that rpm calls ndb. All numbers are
// little-endian:
//
//	header   "RpmP", version 0, generation, pages of slots; 16 more bytes
//	slot     "Slot", package number (0: free), offset and length in blocks of 16
//	blob     "BlbS", package number, generation, bytes; the header of the package
func eachNDBHeader(fsys fs.FS, name string, begin func(), f func([]byte) error) error {
	err := steady(fsys, []string{name}, func() error {
		begin()
		data, err := read(fsys, name, maxRPMDatabase)
		if err != nil {
			return err
		}
		return parseNDB(data, f)
	})
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}

func parseNDB(data []byte, f func([]byte) error) error {
	const page, slot, block = 4096, 16, 16
	le := binary.LittleEndian
	if len(data) < page || string(data[:4]) != "RpmP" || le.Uint32(data[4:]) != 0 {
		return muster.Errorf(muster.Invalid, "not a database of rpm (ndb, version 0)")
	}
	f = within(len(data), f)
	end := uint64(le.Uint32(data[12:])) * page
	if end > uint64(len(data)) {
		return muster.Errorf(muster.Invalid, "the slots are cut off")
	}
	for at := uint64(32); at+slot <= end; at += slot {
		s := data[at : at+slot]
		number := le.Uint32(s[4:])
		if string(s[:4]) != "Slot" {
			return muster.Errorf(muster.Invalid, "there is no slot at byte %d", at)
		}
		if number == 0 {
			continue
		}
		blob := uint64(le.Uint32(s[8:])) * block
		if blob+block > uint64(len(data)) || string(data[blob:blob+4]) != "BlbS" || le.Uint32(data[blob+4:]) != number {
			return muster.Errorf(muster.Invalid, "package %d is not where its slot says", number)
		}
		size := uint64(le.Uint32(data[blob+12:]))
		if blob+block+size > uint64(len(data)) {
			return muster.Errorf(muster.Invalid, "package %d is cut off", number)
		}
		if err := f(data[blob+block : blob+block+size]); err != nil {
			return err
		}
	}
	return nil
}
