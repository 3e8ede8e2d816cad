package script

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/richardlehane/mscfb"
	"go.starlark.net/starlark"
	"golang.org/x/text/encoding/charmap"
)

// A Windows Installer package is a compound file whose streams are the tables
// of a database. Only the table Property is read here: Property, Value.

var msiHelpers = []Helper{
	{
		Name: "get_msi_properties", Params: "file", Summary: "the properties of an .msi file, as a dict, on every system", fn: msiProperties,
		Text:    "Among them ProductCode, ProductName, ProductVersion, Manufacturer.",
		Example: "def code():\n    return get_msi_properties(\"tool.msi\")[\"ProductCode\"]",
	},
}

// Limits of an .msi file that is believed.
const (
	maxMsiStream = 64 << 20
	maxMsiText   = 64 << 10
)

var errDamagedMsi = errors.New("the database is damaged")

func msiProperties(c *invocation) (starlark.Value, error) {
	var file string
	if err := c.unpack(&file); err != nil {
		return nil, err
	}
	fields, err := readMsi(file)
	if err != nil {
		return nil, err
	}
	return stringDict(fields), nil
}

func readMsi(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fields, err := msiTable(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q as an .msi file: %w", file, err)
	}
	return fields, nil
}

// msiTable reads the table Property.
func msiTable(r io.ReaderAt) (map[string]string, error) {
	compound, err := mscfb.New(r)
	if err != nil {
		return nil, err
	}
	streams := map[string][]byte{}
	for _, f := range compound.File {
		name := msiName(f.Name)
		if name != "!_StringPool" && name != "!_StringData" && name != "!Property" {
			continue
		}
		if f.Size < 0 || f.Size > maxMsiStream {
			return nil, errDamagedMsi
		}
		data, err := io.ReadAll(io.LimitReader(f, f.Size))
		if err != nil {
			return nil, err
		}
		streams[name] = data
	}
	texts, wide, err := msiStrings(streams["!_StringPool"], streams["!_StringData"])
	if err != nil {
		return nil, err
	}
	return msiPairs(streams["!Property"], texts, wide)
}

// msiName decodes the name of a stream: two characters of a 64-character set
// are packed into one of the range 0x3800 to 0x47ff, one into the 64 after
// that, and 0x4840 marks a table.
func msiName(packed string) string {
	const set = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
	var name []byte
	for _, c := range packed {
		switch {
		case c >= 0x3800 && c < 0x4800:
			name = append(name, set[(c-0x3800)&0x3f], set[(c-0x3800)>>6])
		case c >= 0x4800 && c < 0x4840:
			name = append(name, set[c-0x4800])
		case c == 0x4840:
			name = append(name, '!')
		default:
			name = append(name, string(c)...)
		}
	}
	return string(name)
}

// msiStrings cuts the string data by the lengths in the pool. A text of 64 KiB
// and more has an entry of length 0, and its length in the entry after. The
// first entry holds the code page; its highest bit says that references to
// texts have three bytes.
func msiStrings(pool, data []byte) (texts []string, wide bool, err error) {
	if len(pool) < 4 || len(pool)%4 != 0 {
		return nil, false, errDamagedMsi
	}
	page := binary.LittleEndian.Uint32(pool)
	wide = page&(1<<31) != 0
	texts = []string{""}
	for at := 4; at < len(pool); at += 4 {
		n := int(binary.LittleEndian.Uint16(pool[at:]))
		refs := binary.LittleEndian.Uint16(pool[at+2:])
		if n == 0 && refs != 0 {
			if at += 4; at >= len(pool) {
				return nil, false, errDamagedMsi
			}
			n = int(binary.LittleEndian.Uint32(pool[at:]))
		}
		if n > len(data) {
			return nil, false, errDamagedMsi
		}
		texts = append(texts, decodePage(data[:n], page&0xffff))
		data = data[n:]
	}
	return texts, wide, nil
}

// decodePage knows UTF-8 and Windows-1252; other code pages keep their ASCII
// part, in which codes and versions are.
func decodePage(b []byte, page uint32) string {
	if page == 65001 || len(b) > maxMsiText {
		return string(b)
	}
	s, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return string(b)
	}
	return string(s)
}

// msiPairs reads the table, which stands column by column.
func msiPairs(table []byte, texts []string, wide bool) (map[string]string, error) {
	size := 2
	if wide {
		size = 3
	}
	if len(table)%(2*size) != 0 {
		return nil, errDamagedMsi
	}
	rows := len(table) / (2 * size)
	text := func(i int) (string, bool) {
		ref := int(binary.LittleEndian.Uint16(table[i*size:]))
		if wide {
			ref |= int(table[i*size+2]) << 16
		}
		if ref >= len(texts) {
			return "", false
		}
		return texts[ref], true
	}
	fields := map[string]string{}
	for i := range rows {
		key, ok1 := text(i)
		value, ok2 := text(rows + i)
		if !ok1 || !ok2 {
			return nil, errDamagedMsi
		}
		fields[key] = value
	}
	return fields, nil
}
