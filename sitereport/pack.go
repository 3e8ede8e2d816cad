package sitereport

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"

	"muster"
)

// maxUnpacked bounds what is unpacked: a report, with a proof or a signature.
const maxUnpacked = MaxReport + 1<<20

// Pack compresses. The same bytes give the same.
func Pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Unpacked bounds what Unpack makes of data: by what gzip says of itself, which Unpack holds
// it to, and by what zlib can do.
func Unpacked(data []byte) int {
	n := len(data)
	switch {
	case isGzip(data):
		n = 0
		if len(data) > gzipTail {
			n = int(min(binary.LittleEndian.Uint32(data[len(data)-4:]), maxUnpacked))
		}
	case isZlib(data):
		n *= maxDeflate
	}
	return min(n, maxUnpacked)
}

const (
	gzipTail   = 8    // bytes behind the stream, the last four its size: RFC 1952 section 2.3.1
	maxDeflate = 1032 // times that data can shrink: two bits for 258 bytes, RFC 1951 section 3.2.5
)

// Unpack decompresses gzip and zlib, which it knows by their first bytes, and
// returns what is neither as it is. It takes one stream and nothing behind it.
func Unpack(data []byte) ([]byte, error) {
	r := bytes.NewReader(data)
	var z io.Reader
	var err error
	switch {
	case isGzip(data):
		var g *gzip.Reader
		if g, err = gzip.NewReader(r); err == nil {
			g.Multistream(false)
			z = g
		}
	case isZlib(data):
		z, err = zlib.NewReader(r)
	default:
		return data, nil
	}
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: %w", err)
	}
	most := Unpacked(data)
	b := sizedFor(data, most)
	if _, err := b.ReadFrom(io.LimitReader(z, int64(most)+1)); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: %w", err)
	}
	switch {
	case b.Len() > most:
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: more than %d bytes", most)
	case r.Len() > 0:
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: %d bytes follow the end", r.Len())
	}
	return b.Bytes(), nil
}

// sizedFor is a buffer that need not grow: growing takes three times the room. What gzip
// says of itself is believed as far as so much data can be.
func sizedFor(data []byte, most int) *bytes.Buffer {
	room := bytes.MinRead + 1 // ReadFrom wants to read on behind the end
	if isGzip(data) {
		room += min(most, maxDeflate*len(data))
	}
	return bytes.NewBuffer(make([]byte, 0, room))
}

// isGzip reports the two bytes that gzip begins with (RFC 1952 section 2.3.1).
func isGzip(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b}) }

// isZlib reports the two bytes that zlib begins with (RFC 1950 section 2.2).
func isZlib(b []byte) bool {
	return len(b) > 1 && b[0] == 0x78 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}
