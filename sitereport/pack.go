package sitereport

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
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

// Unpack decompresses gzip and zlib, which it knows by their first bytes, and
// returns what is neither as it is. It takes one stream and nothing behind it.
func Unpack(data []byte) ([]byte, error) {
	r := bytes.NewReader(data)
	var z io.Reader
	var err error
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
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
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(z, maxUnpacked+1)); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: %w", err)
	}
	switch {
	case b.Len() > maxUnpacked:
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: more than %d bytes", maxUnpacked)
	case r.Len() > 0:
		return nil, muster.Errorf(muster.Invalid, "cannot decompress: %d bytes follow the end", r.Len())
	}
	return b.Bytes(), nil
}

// isZlib reports the two bytes that zlib begins with (RFC 1950 section 2.2).
func isZlib(b []byte) bool {
	return len(b) > 1 && b[0] == 0x78 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}
