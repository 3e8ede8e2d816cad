package windows

import (
	"bytes"
	"encoding/binary"
)

// forwarder is a library of Windows (PE32+, for amd64) that exports one function, which is
// that of another library: "LIBRARY.function".
func forwarder(library, function, of string) []byte {
	const section, align, page = 0x1000, 0x200, 0x1000
	le := binary.LittleEndian
	var head bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			binary.Write(&head, le, v) //nolint:errcheck // into memory
		}
	}
	put([]byte("MZ"), make([]byte, 58), uint32(64), []byte("PE\x00\x00"))
	// COFF: machine, sections, -, -, -, length of what follows, a library
	put(uint16(0x8664), uint16(1), uint32(0), uint32(0), uint32(0), uint16(240), uint16(0x2022))
	put(uint16(0x20b), uint16(0), uint32(0), uint32(align), uint32(0), uint32(0), uint32(section)) // sizes; no entry point
	put(uint64(0x180000000), uint32(page), uint32(align), uint16(6), uint16(0), uint32(0), uint16(6), uint16(0), uint32(0))
	put(uint32(section+page), uint32(align), uint32(0), uint16(3), uint16(0x100)) // sizes, -, console, no code in data
	put(uint64(1<<20), uint64(1<<12), uint64(1<<20), uint64(1<<12), uint32(0), uint32(16))
	put(uint32(section), uint32(align), make([]byte, 15*8)) // what is exported; nothing else
	put([]byte(".rdata\x00\x00"), uint32(align), uint32(section), uint32(align), uint32(align), make([]byte, 12), uint32(0x40000040))

	// The directory of exports, and behind it one address, one name, one number, and texts.
	const directory, address, name, number, texts = 0, 40, 44, 48, 50
	data := make([]byte, align)
	at := texts
	text := func(s string) (rva uint32) {
		rva = uint32(section + at)
		at += copy(data[at:], s) + 1
		return rva
	}
	le.PutUint32(data[12:], text(library))
	le.PutUint32(data[16:], 1) // first number
	le.PutUint32(data[20:], 1) // functions
	le.PutUint32(data[24:], 1) // names
	le.PutUint32(data[28:], section+address)
	le.PutUint32(data[32:], section+name)
	le.PutUint32(data[36:], section+number)
	le.PutUint32(data[address:], text(of)) // within the directory: so it is a forwarder
	le.PutUint32(data[name:], text(function))
	file := make([]byte, align)
	copy(file, head.Bytes())
	return append(file, data...)
}
