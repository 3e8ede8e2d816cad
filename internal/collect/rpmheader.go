package collect

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"muster"
	"muster/inventory"
)

// Tags of a header of rpm, and the types of their values.
const (
	rpmName, rpmVersion, rpmRelease, rpmEpoch = 1000, 1001, 1002, 1003
	rpmInstallTime, rpmSize, rpmLongSize      = 1008, 1009, 5009
	rpmVendor, rpmPackager, rpmArch           = 1011, 1015, 1022
	rpmSourceRPM                              = 1044
	rpmDSAHeader, rpmRSAHeader                = 267, 268
	rpmSigPGP, rpmSigGPG                      = 259, 262

	rpmInt32, rpmInt64, rpmString, rpmBinary, rpmI18N = 4, 5, 6, 7, 9
)

// An rpmHeader is a header without its lead: the number of entries and of
// bytes of data, the entries of 16 bytes, the data. All numbers are big-endian.
type rpmHeader struct {
	entries, data []byte
}

func openRPMHeader(b []byte) (*rpmHeader, error) {
	if len(b) < 8 {
		return nil, muster.Errorf(muster.Invalid, "a header of rpm has %d bytes", len(b))
	}
	entries, data := uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:]))
	if 8+16*entries+data > uint64(len(b)) {
		return nil, muster.Errorf(muster.Invalid, "a header of rpm is cut off")
	}
	return &rpmHeader{b[8 : 8+16*entries], b[8+16*entries : 8+16*entries+data]}, nil
}

// find returns where the value of a tag begins, its type, and how many it has.
func (h *rpmHeader) find(tag uint32) (value []byte, kind, count uint32) {
	for e := h.entries; len(e) > 0; e = e[16:] {
		if binary.BigEndian.Uint32(e) != tag {
			continue
		}
		if offset := binary.BigEndian.Uint32(e[8:]); offset < uint32(len(h.data)) {
			return h.data[offset:], binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[12:])
		}
	}
	return nil, 0, 0
}

func (h *rpmHeader) text(tag uint32) string {
	value, kind, _ := h.find(tag)
	if kind != rpmString && kind != rpmI18N {
		return ""
	}
	text, _, _ := bytes.Cut(value, []byte{0})
	return string(text[:min(len(text), inventory.MaxText)])
}

// number returns the first number of a tag.
func (h *rpmHeader) number(tag uint32) (n int64, ok bool) {
	value, kind, count := h.find(tag)
	switch {
	case kind == rpmInt32 && count > 0 && len(value) >= 4:
		return int64(binary.BigEndian.Uint32(value)), true
	case kind == rpmInt64 && count > 0 && len(value) >= 8:
		return int64(binary.BigEndian.Uint64(value)), true
	}
	return 0, false
}

func (h *rpmHeader) binary(tag uint32) []byte {
	value, kind, count := h.find(tag)
	if kind != rpmBinary || uint64(count) > uint64(len(value)) {
		return nil
	}
	return value[:count]
}

// parseRPMHeader reads a package. Its version is written as rpm shows it:
// EPOCH:VERSION-RELEASE.
func parseRPMHeader(b []byte) (inventory.Package, error) {
	h, err := openRPMHeader(b)
	if err != nil {
		return inventory.Package{}, err
	}
	p := inventory.Package{
		Architecture: h.text(rpmArch), Name: h.text(rpmName), Version: h.text(rpmVersion) + "-" + h.text(rpmRelease),
		Vendor: h.text(rpmVendor), Signer: h.signer(),
	}
	p.Source, p.SourceVersion = rpmSource(h.text(rpmSourceRPM))
	if epoch, ok := h.number(rpmEpoch); ok {
		p.Version = strconv.FormatInt(epoch, 10) + ":" + p.Version
		// The name of a file has no epoch: packages take that of their source, as a rule.
		if p.SourceVersion != "" {
			p.SourceVersion = strconv.FormatInt(epoch, 10) + ":" + p.SourceVersion
		}
	}
	if p.Vendor == "" {
		p.Vendor = h.text(rpmPackager)
	}
	p.Installed, _ = h.number(rpmInstallTime)
	size, ok := h.number(rpmLongSize)
	if !ok {
		size, _ = h.number(rpmSize)
	}
	p.Size = size
	return p, nil
}

// rpmSource takes apart the name of the file of a source package,
// NAME-VERSION-RELEASE.src.rpm. What is named otherwise is none.
func rpmSource(file string) (name, version string) {
	file, ok := strings.CutSuffix(file, ".src.rpm")
	if !ok {
		file, ok = strings.CutSuffix(file, ".nosrc.rpm")
	}
	release := strings.LastIndexByte(file, '-')
	if !ok || release < 0 {
		return "", ""
	}
	before := strings.LastIndexByte(file[:release], '-')
	if before < 0 {
		return "", ""
	}
	return file[:before], file[before+1:]
}

// signer is the id of the key that signed the package. Nobody verifies here:
// rpm did so, or did not, when it installed.
func (h *rpmHeader) signer() string {
	for _, tag := range []uint32{rpmRSAHeader, rpmDSAHeader, rpmSigPGP, rpmSigGPG} {
		if id := pgpKeyID(h.binary(tag)); id != "" {
			return id
		}
	}
	return ""
}
