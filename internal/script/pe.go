package script

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf16"

	"go.starlark.net/starlark"
)

// Programs of Windows (Portable Executable) say in a resource which version
// they are. It is read here without Windows, so that a package can be made and
// checked anywhere. Source: Microsoft's "PE Format" and "VS_VERSIONINFO".

var peHelpers = []Helper{
	{
		Name: "get_version_from_binary", Params: "file, parameter=\"FileVersion\"", Summary: "the version of an .exe or .dll, on every system", fn: versionFromBinary,
		Text:    "A missing text gives the version in numbers; a file without any version fails.",
		Example: "def newer():\n    return Version(get_version_from_binary(\"setup.exe\")) > Version(old_version)",
	},
	{
		Name: "get_file_properties", Params: "file", Summary: "what an .exe or .dll says of itself, as a dict, on every system", fn: fileProperties,
		Text:    "Names such as FileVersion, ProductVersion, ProductName, CompanyName.",
		Example: "def product():\n    return get_file_properties(\"setup.exe\").get(\"ProductName\")",
	},
}

// maxVersionInfo bounds the version resource; real ones have some 1 KB.
const maxVersionInfo = 256 << 10

var errNoVersion = errors.New("no version in it")

func versionFromBinary(c *invocation) (starlark.Value, error) {
	file, parameter := "", "FileVersion"
	if err := c.unpack(&file, &parameter); err != nil {
		return nil, err
	}
	fields, err := peFile(file)
	if err != nil {
		return nil, err
	}
	if fields[parameter] == "" {
		return nil, fmt.Errorf("cannot read %s of %q: %w", parameter, file, errNoVersion)
	}
	return starlark.String(fields[parameter]), nil
}

func fileProperties(c *invocation) (starlark.Value, error) {
	var file string
	if err := c.unpack(&file); err != nil {
		return nil, err
	}
	fields, err := peFile(file)
	if errors.Is(err, errNoVersion) {
		err = nil
	}
	return stringDict(fields), err
}

func peFile(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := versionResource(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read the version of %q: %w", file, err)
	}
	fields, err := parseVersionInfo(info)
	if err != nil {
		return nil, fmt.Errorf("cannot read the version of %q: %w", file, err)
	}
	return fields, nil
}

// A peReader reads numbers from a file, and remembers the first failure.
type peReader struct {
	r   io.ReaderAt
	err error
}

func (p *peReader) bytes(off int64, n int) []byte {
	b := make([]byte, n)
	if p.err == nil {
		if _, err := p.r.ReadAt(b, off); err != nil {
			p.err = errors.New("no program of Windows, or cut short")
		}
	}
	return b
}

func (p *peReader) u16(off int64) int { return int(binary.LittleEndian.Uint16(p.bytes(off, 2))) }

func (p *peReader) u32(off int64) int64 { return int64(binary.LittleEndian.Uint32(p.bytes(off, 4))) }

// A peSection maps addresses to the file.
type peSection struct{ address, size, offset int64 }

// versionResource finds the resource of type RT_VERSION.
func versionResource(r io.ReaderAt) ([]byte, error) {
	p := &peReader{r: r}
	header := p.u32(0x3c)
	if string(p.bytes(0, 2)) != "MZ" || string(p.bytes(header, 4)) != "PE\x00\x00" {
		return nil, errors.New("no program of Windows")
	}
	optional := header + 24
	dirs := optional + 96 // PE32
	if p.u16(optional) == 0x20b {
		dirs = optional + 112 // PE32+
	}
	const resources = 2
	if p.u32(dirs-4) <= resources {
		return nil, errNoVersion
	}
	sections := p.sections(header)
	base, ok := locate(sections, p.u32(dirs+8*resources))
	if p.err != nil {
		return nil, p.err
	}
	if !ok {
		return nil, errNoVersion
	}
	return p.resource(base, sections)
}

func (p *peReader) sections(header int64) []peSection {
	count := min(p.u16(header+6), 96) // the loader of Windows takes no more
	table := header + 24 + int64(p.u16(header+20))
	var list []peSection
	for i := range count {
		at := table + 40*int64(i)
		list = append(list, peSection{address: p.u32(at + 12), size: p.u32(at + 16), offset: p.u32(at + 20)})
	}
	return list
}

func locate(sections []peSection, address int64) (offset int64, ok bool) {
	for _, s := range sections {
		if address > 0 && address >= s.address && address < s.address+s.size {
			return s.offset + address - s.address, true
		}
	}
	return 0, false
}

// resource follows the three levels of directories: type, name, language. Of
// several languages English is read, which fields such as FileVersion are
// written in, or else the first.
func (p *peReader) resource(base int64, sections []peSection) ([]byte, error) {
	const rtVersion, english, neutral, deeper = 16, 0x409, 0, 1 << 31
	entry, ok := p.entry(base, rtVersion)
	for level := 0; ok && entry&deeper != 0; level++ {
		if level == 2 {
			return nil, errors.New("resources are nested too deep")
		}
		entry, ok = p.entry(base+entry&^deeper, english, neutral, -1)
	}
	if p.err != nil {
		return nil, p.err
	}
	if !ok {
		return nil, errNoVersion
	}
	offset, found := locate(sections, p.u32(base+entry))
	size := p.u32(base + entry + 4)
	if !found || size > maxVersionInfo {
		return nil, errors.New("the version resource is damaged")
	}
	info := p.bytes(offset, int(size))
	return info, p.err
}

// entry returns the entry of the directory at dir with the first of the ids
// that is there; -1 is any. Entries with names come first, with numbers that
// no id has.
func (p *peReader) entry(dir int64, ids ...int64) (int64, bool) {
	count := p.u16(dir+12) + p.u16(dir+14)
	for _, id := range ids {
		for i := range int64(count) {
			at := dir + 16 + 8*i
			number := p.u32(at)
			if p.err != nil {
				return 0, false
			}
			if id < 0 || number == id {
				return p.u32(at + 4), true
			}
		}
	}
	return 0, false
}

// parseVersionInfo reads a VS_VERSIONINFO: blocks of length, length of the
// value, type, name in UTF-16, value, blocks inside, each aligned to four bytes.
func parseVersionInfo(info []byte) (map[string]string, error) {
	root, _, err := nextBlock(info)
	if err != nil || root.name != "VS_VERSION_INFO" {
		return nil, errors.New("the version resource is damaged")
	}
	fields := map[string]string{}
	root.fixed(fields)
	for rest := root.inside; len(rest) > 0; {
		var b versionBlock
		if b, rest, err = nextBlock(rest); err != nil {
			break // padding at the end
		}
		if b.name == "StringFileInfo" {
			b.strings(fields)
		}
	}
	return fields, nil
}

type versionBlock struct {
	name   string
	text   bool
	value  []byte
	inside []byte
}

func nextBlock(b []byte) (block versionBlock, rest []byte, err error) {
	if len(b) < 8 {
		return block, nil, io.ErrUnexpectedEOF
	}
	length := int(binary.LittleEndian.Uint16(b))
	valueLength := int(binary.LittleEndian.Uint16(b[2:]))
	block.text = binary.LittleEndian.Uint16(b[4:]) == 1
	if length < 8 || length > len(b) {
		return block, nil, io.ErrUnexpectedEOF
	}
	body, rest := b[:length], b[min(align4(length), len(b)):]
	name, used := utf16z(body[6:])
	block.name = name
	at := min(align4(6+used), length)
	if block.text {
		valueLength *= 2 // counted in characters
	}
	end := min(at+valueLength, length)
	block.value = body[at:end]
	block.inside = body[min(align4(end), length):]
	return block, rest, nil
}

func align4(n int) int { return (n + 3) &^ 3 }

// utf16z reads text up to a zero, and says how many bytes that took.
func utf16z(b []byte) (string, int) {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u := binary.LittleEndian.Uint16(b[i:])
		if u == 0 {
			return string(utf16.Decode(units)), i + 2
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), len(b)
}

// fixed reads VS_FIXEDFILEINFO; texts overwrite what it says.
func (b *versionBlock) fixed(fields map[string]string) {
	v := b.value
	if len(v) < 24 || binary.LittleEndian.Uint32(v) != 0xfeef04bd {
		return
	}
	number := func(high, low []byte) string {
		h, l := binary.LittleEndian.Uint32(high), binary.LittleEndian.Uint32(low)
		return fmt.Sprintf("%d.%d.%d.%d", h>>16, h&0xffff, l>>16, l&0xffff)
	}
	fields["FileVersion"] = number(v[8:], v[12:])
	fields["ProductVersion"] = number(v[16:], v[20:])
}

// strings takes the texts of the first language.
func (b *versionBlock) strings(fields map[string]string) {
	table, _, err := nextBlock(b.inside)
	if err != nil {
		return
	}
	for rest := table.inside; len(rest) > 0; {
		var s versionBlock
		if s, rest, err = nextBlock(rest); err != nil {
			return
		}
		if text, _ := utf16z(s.value); s.name != "" && text != "" {
			fields[s.name] = text
		}
	}
}
