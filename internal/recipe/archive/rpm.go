package archive

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

// An RPM package, version 3 or 4, is a lead of 96 bytes, a signature header
// padded to 8 bytes, a header, and a compressed cpio archive. A header is
//
//	8e ad e8 01, 4 zero bytes, number of entries, bytes of data (big-endian)
//	entries of 16 bytes: tag, type, offset into data, count
//	data
//
// (RPM manual, "RPM V4 Package format".)
const (
	rpmMagic    = "\xed\xab\xee\xdb"
	headerMagic = "\x8e\xad\xe8\x01\x00\x00\x00\x00"
	leadSize    = 96
	maxEntries  = 1 << 16
	maxData     = 64 << 20 // a kernel's header has some 2 MiB
	maxNames    = 64 << 20 // bytes of all paths
)

// Tags of the header that we read (rpmtag.h).
const (
	tagName         = 1000
	tagVersion      = 1001
	tagRelease      = 1002
	tagEpoch        = 1003
	tagSummary      = 1004
	tagDescription  = 1005
	tagVendor       = 1011
	tagLicence      = 1014
	tagURL          = 1020
	tagArch         = 1022
	tagFileFlags    = 1037
	tagUserName     = 1039
	tagGroupName    = 1040
	tagDirIndexes   = 1116
	tagBaseNames    = 1117
	tagDirNames     = 1118
	tagPayload      = 1124 // its format, "cpio"
	tagCapabilities = 5010
)

// fileConfig is the bit of tagFileFlags for files that people edit.
const fileConfig = 1

// An RPM is an RPM package.
type RPM struct {
	Name, Version, Release, Arch string
	Epoch                        string // "" for none
	Summary, Description         string
	Vendor, Licence, URL         string
	flags                        map[string]uint32 // by absolute path
	owners                       map[string]string
	caps                         map[string]string // as cap_from_text(3) reads them
	payload                      io.Reader
	format                       string
}

// OpenRPM reads what an RPM package says of itself; its files follow in r.
func OpenRPM(r io.Reader) (*RPM, error) {
	lead := make([]byte, leadSize)
	if _, err := io.ReadFull(r, lead); err != nil || !bytes.HasPrefix(lead, []byte(rpmMagic)) {
		return nil, invalidf("not an RPM package")
	}
	if lead[4] != 3 && lead[4] != 4 {
		return nil, invalidf("RPM package of format %d: only 3 and 4 can be read", lead[4])
	}
	if _, err := readHeader(r, true); err != nil {
		return nil, invalidf("RPM package: signature header: %w", notEOF(err))
	}
	h, err := readHeader(r, false)
	if err != nil {
		return nil, invalidf("RPM package: header: %w", notEOF(err))
	}
	p := &RPM{
		Name: h.text(tagName), Version: h.text(tagVersion), Release: h.text(tagRelease), Arch: h.text(tagArch),
		Summary: h.text(tagSummary), Description: h.text(tagDescription),
		Vendor: h.text(tagVendor), Licence: h.text(tagLicence), URL: h.text(tagURL),
		format: h.text(tagPayload), payload: r,
	}
	if n := h.numbers(tagEpoch); len(n) > 0 {
		p.Epoch = itoa(n[0])
	}
	return p, p.readFiles(h)
}

// readFiles joins the parallel lists that describe files.
func (p *RPM) readFiles(h *header) error {
	base, dirs, index := h.texts(tagBaseNames), h.texts(tagDirNames), h.numbers(tagDirIndexes)
	if len(base) != len(index) {
		return invalidf("RPM package: %d file names, %d directories", len(base), len(index))
	}
	flags, users, groups, caps := h.numbers(tagFileFlags), h.texts(tagUserName), h.texts(tagGroupName), h.texts(tagCapabilities)
	p.flags, p.owners, p.caps = map[string]uint32{}, map[string]string{}, map[string]string{}
	total := 0 // bytes of names: many files may lie in one directory of a long name
	for i, name := range base {
		if int64(index[i]) >= int64(len(dirs)) {
			return invalidf("RPM package: file %q lies in no directory", name)
		}
		if total += len(dirs[index[i]]) + len(name); total > maxNames {
			return invalidf("RPM package: names of more than %d bytes", maxNames)
		}
		name = dirs[index[i]] + name
		if i < len(flags) {
			p.flags[name] = flags[i]
		}
		if i < len(users) && i < len(groups) {
			p.owners[name] = ownerName(users[i], groups[i])
		}
		if i < len(caps) && caps[i] != "" {
			p.caps[name] = caps[i]
		}
	}
	return nil
}

// files are the entries of the payload, with what the header says of them.
func (p *RPM) files() (source, error) {
	if p.format != "" && p.format != "cpio" {
		return nil, invalidf("RPM package: payload in format %q", p.format)
	}
	plain, end, err := decompress(p.payload)
	if err != nil {
		return nil, err
	}
	return &rpmSource{cpioSource: newCpio(plain), pkg: p, close: end}, nil
}

type rpmSource struct {
	*cpioSource
	pkg   *RPM
	close func()
}

func (s *rpmSource) next() (*entry, error) {
	e, err := s.cpioSource.next()
	if err != nil {
		return nil, err
	}
	name := "/" + strings.TrimPrefix(strings.TrimPrefix(e.Path, "."), "/")
	e.Owner = s.pkg.owners[name]
	e.Config = s.pkg.flags[name]&fileConfig != 0 && e.kind == regular
	if text := s.pkg.caps[name]; text != "" {
		value, err := Capability(text)
		if err != nil {
			return nil, err
		}
		e.Xattrs = map[string][]byte{"security.capability": value}
	}
	return e, nil
}

func (s *rpmSource) Close() error {
	s.close()
	return nil
}

// A header is a list of tagged values.
type header struct {
	entries map[uint32]headerEntry
	data    []byte
}

type headerEntry struct{ kind, offset, count uint32 }

// readHeader reads one header, and the padding that follows a signature.
func readHeader(r io.Reader, padded bool) (*header, error) {
	var intro [16]byte
	if _, err := io.ReadFull(r, intro[:]); err != nil {
		return nil, err
	}
	n, size := binary.BigEndian.Uint32(intro[8:]), binary.BigEndian.Uint32(intro[12:])
	if string(intro[:8]) != headerMagic || n > maxEntries || size > maxData {
		return nil, invalidf("damaged, or larger than %d entries and %d bytes", maxEntries, maxData)
	}
	total := int64(n)*16 + int64(size)
	if padded {
		total += -int64(size) & 7
	}
	body, err := io.ReadAll(io.LimitReader(r, total)) // grows with what is there, not with what is claimed
	if err != nil {
		return nil, err
	}
	if int64(len(body)) < total {
		return nil, io.ErrUnexpectedEOF
	}
	h := &header{entries: make(map[uint32]headerEntry, n), data: body[n*16 : n*16+size]}
	for i := range n {
		e := body[i*16:]
		h.entries[binary.BigEndian.Uint32(e)] = headerEntry{
			binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])}
	}
	return h, nil
}

// text is the first string of a tag: of type string, list of strings or
// translated string.
func (h *header) text(tag uint32) string {
	if all := h.texts(tag); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (h *header) texts(tag uint32) []string {
	const str, list, translated = 6, 8, 9
	e, ok := h.entries[tag]
	if !ok || e.kind != str && e.kind != list && e.kind != translated || int64(e.offset) > int64(len(h.data)) {
		return nil
	}
	var all []string
	rest := h.data[e.offset:]
	for range min(int64(e.count), int64(len(rest))) {
		s, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return nil
		}
		all = append(all, string(s))
		rest = after
	}
	return all
}

// numbers are the values of a tag of 32-bit integers.
func (h *header) numbers(tag uint32) []uint32 {
	const int32s = 4
	e, ok := h.entries[tag]
	if !ok || e.kind != int32s || int64(e.offset)+4*int64(e.count) > int64(len(h.data)) {
		return nil
	}
	all := make([]uint32, e.count)
	for i := range all {
		all[i] = binary.BigEndian.Uint32(h.data[int(e.offset)+4*i:])
	}
	return all
}
