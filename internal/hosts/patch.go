package hosts

import (
	"encoding/binary"
)

// patchFormat is the first byte of an encoded patch.
const patchFormat = 1

// squeeze is from how many bytes the middle of a section is compressed.
const squeeze = 100

// sumPrefix is how many bytes of the set-hash before are kept: to notice a
// database that is damaged, not to resist anybody.
const sumPrefix = 8

// encodePatch encodes a patch that leads to the document with the set-hash sum:
//
//	format (1 byte), first bytes of sum
//	items that the report added, items that it removed
//	count of sections; of each: length of name, name, flags, prefix, suffix,
//	length of middle, middle
//
// Flags: 1 there before, 2 there after, 4 middle is zstd.
func (h *Hosts) encodePatch(p *patch, sum []byte) []byte {
	b := append([]byte{patchFormat}, sum[:sumPrefix]...)
	b = appendItems(b, p.added)
	b = appendItems(b, p.removed)
	b = binary.AppendUvarint(b, uint64(len(p.sections)))
	for _, s := range p.sections {
		flags, middle := byte(bit(s.before)|bit(s.after)<<1), s.middle
		if len(middle) >= squeeze {
			flags, middle = flags|4, h.pack.EncodeAll(middle, nil)
		}
		b = binary.AppendUvarint(b, uint64(len(s.name)))
		b = append(b, s.name...)
		b = append(b, flags)
		b = binary.AppendUvarint(b, uint64(s.prefix))
		b = binary.AppendUvarint(b, uint64(s.suffix))
		b = binary.AppendUvarint(b, uint64(len(middle)))
		b = append(b, middle...)
	}
	return b
}

// decodePatch reads what encodePatch wrote.
func (h *Hosts) decodePatch(data []byte) (p *patch, sum []byte, err error) {
	c := newCursor(data)
	if f := c.Bytes(1); f == nil || f[0] != patchFormat {
		c.Fail()
	}
	sum = c.Bytes(sumPrefix)
	p = &patch{added: c.items(), removed: c.items()}
	for n := c.Uvarint(); n > 0 && c.Err() == nil; n-- {
		s := sectionPatch{name: string(c.Bytes(c.Uvarint()))}
		var flags byte
		if f := c.Bytes(1); f != nil {
			flags = f[0]
		}
		s.before, s.after = flags&1 != 0, flags&2 != 0
		s.prefix, s.suffix = c.length(), c.length()
		s.middle = c.Bytes(c.Uvarint())
		if flags&4 != 0 && c.Err() == nil {
			if s.middle, err = h.unpack.DecodeAll(s.middle, nil); err != nil {
				c.Fail()
			}
		}
		p.sections = append(p.sections, s)
	}
	return p, sum, c.End()
}

// length reads a length within a document.
func (c *cursor) length() int {
	n := c.Uvarint()
	if n > maxUnpacked {
		c.Fail()
		return 0
	}
	return int(n)
}
