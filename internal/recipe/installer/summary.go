package installer

import (
	"bytes"
	"encoding/binary"
)

// pidTemplate is the number of the property Template.
const pidTemplate = 7

// maxProperties bounds the properties of a set; a summary has some 20.
const maxProperties = 256

// summaryText returns a text property of a summary information stream, a
// property set (MS-OLEPS, section 2): at byte 44 the offset of the set; there its
// size, the number of properties, and pairs of number and offset in the set; at
// each offset a type (30 for bytes with a length in front) and the value.
// Anything that does not fit is "".
func summaryText(data []byte, property uint32) string {
	const offsetField, text = 44, 30
	le := binary.LittleEndian
	if len(data) < offsetField+4 {
		return ""
	}
	set := tail(data, le.Uint32(data[offsetField:]))
	if len(set) < 8 {
		return ""
	}
	n := min(le.Uint32(set[4:]), maxProperties)
	for i := range n {
		pair := tail(set, 8+8*i)
		if len(pair) < 8 || le.Uint32(pair) != property {
			continue
		}
		value := tail(set, le.Uint32(pair[4:]))
		if len(value) < 8 || le.Uint32(value) != text {
			return ""
		}
		size := le.Uint32(value[4:])
		if value = value[8:]; int64(size) > int64(len(value)) {
			return ""
		}
		s, _, _ := bytes.Cut(value[:size], []byte{0})
		return string(s)
	}
	return ""
}

// tail is data from an offset on, nothing where that lies behind the end.
func tail(data []byte, offset uint32) []byte {
	if int64(offset) > int64(len(data)) {
		return nil
	}
	return data[offset:]
}
