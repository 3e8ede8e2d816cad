package collect

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"strings"
	"unicode/utf16"

	"muster"
)

// parsePlist returns the texts of the outermost dictionary of a property list,
// XML or binary. What is not a text is left out.
func parsePlist(data []byte) (map[string]string, error) {
	if bytes.HasPrefix(data, []byte("bplist0")) {
		return parseBinaryPlist(data)
	}
	return parseXMLPlist(data)
}

func parseXMLPlist(data []byte) (map[string]string, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	texts := map[string]string{}
	var depth int // of dictionaries and arrays
	var key, element, text string
	for {
		token, err := dec.Token()
		if err != nil {
			if depth != 0 || len(texts) == 0 {
				return nil, muster.Errorf(muster.Invalid, "not a property list: %w", err)
			}
			return texts, nil
		}
		switch t := token.(type) {
		case xml.StartElement:
			element, text = t.Name.Local, ""
			if element == "dict" || element == "array" {
				depth++
			}
		case xml.CharData:
			text += string(t)
		case xml.EndElement:
			switch name := t.Name.Local; {
			case name == "dict" || name == "array":
				depth--
			case depth == 1 && name == "key":
				key = text
			case depth == 1 && name == "string" && element == "string":
				texts[key] = strings.TrimSpace(text)
			}
		}
	}
}

// Bounds of a binary property list: members of its dictionary, characters of a text.
const (
	maxMembers = 4096
	maxMember  = 4096
)

// A bplist is a binary property list: "bplist00", objects, a table of where
// they begin, and 32 bytes at the end that say where the table is.
type bplist struct {
	data    []byte
	offsets []byte
	width   int // of an offset
	ref     int // of a reference to an object
	count   uint64
}

func parseBinaryPlist(data []byte) (map[string]string, error) {
	bad := muster.Errorf(muster.Invalid, "not a binary property list")
	if len(data) < 40 {
		return nil, bad
	}
	end := data[len(data)-32:]
	p := &bplist{data: data[:len(data)-32], width: int(end[6]), ref: int(end[7]), count: binary.BigEndian.Uint64(end[8:])}
	top, table := binary.BigEndian.Uint64(end[16:]), binary.BigEndian.Uint64(end[24:])
	size := uint64(len(p.data))
	if p.width < 1 || p.width > 8 || p.ref < 1 || p.ref > 8 || table > size || p.count > (size-table)/uint64(p.width) {
		return nil, bad
	}
	p.offsets = p.data[table:]
	kind, n, refs := p.object(top)
	// References may all lead to one text: without bounds a small file would
	// cost a copy of itself for each.
	if kind != 0xd || n > maxMembers || n > uint64(len(refs))/uint64(2*p.ref) {
		return nil, bad
	}
	texts := map[string]string{}
	for i := range int(n) {
		key, ok := p.text(bigEndian(refs[i*p.ref:][:p.ref]))
		value, isText := p.text(bigEndian(refs[(int(n)+i)*p.ref:][:p.ref]))
		if ok && isText {
			texts[key] = value
		}
	}
	return texts, nil
}

func bigEndian(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// object returns the kind of an object, its count, and what follows.
func (p *bplist) object(ref uint64) (kind byte, n uint64, rest []byte) {
	if ref >= p.count {
		return 0, 0, nil
	}
	at := bigEndian(p.offsets[ref*uint64(p.width):][:p.width])
	if at >= uint64(len(p.data)) {
		return 0, 0, nil
	}
	b := p.data[at:]
	kind, n, rest = b[0]>>4, uint64(b[0]&0xf), b[1:]
	if n < 15 {
		return kind, n, rest
	}
	// The count is an integer object of its own: 0x10 and the logarithm of its width.
	if len(rest) < 1 || rest[0]>>4 != 1 || rest[0]&0xf > 3 {
		return 0, 0, nil
	}
	width := 1 << (rest[0] & 0xf)
	if len(rest) < 1+width {
		return 0, 0, nil
	}
	return kind, bigEndian(rest[1 : 1+width]), rest[1+width:]
}

func (p *bplist) text(ref uint64) (string, bool) {
	kind, n, b := p.object(ref)
	switch {
	case n > maxMember:
	case kind == 5 && n <= uint64(len(b)):
		return string(b[:n]), true
	case kind == 6 && n <= uint64(len(b))/2:
		units := make([]uint16, n)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(b[2*i:])
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}
