package collect

import (
	"encoding/binary"
	"encoding/hex"
)

// pgpKeyID returns the id of the key that made an OpenPGP signature, 16
// hexadecimal digits (RFC 9580, 5.2), or "".
func pgpKeyID(b []byte) string {
	body := pgpBody(b)
	switch {
	case len(body) >= 15 && body[0] == 3:
		return hex.EncodeToString(body[7:15])
	case len(body) >= 6 && body[0] == 4:
		hashed, rest := pgpArea(body[4:])
		unhashed, _ := pgpArea(rest)
		if id := pgpIssuer(hashed); id != "" {
			return id
		}
		return pgpIssuer(unhashed)
	}
	return ""
}

// pgpBody is the content of a signature packet with either header (4.2).
func pgpBody(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	if b[0]&0x40 != 0 && b[0]&0x3f == 2 {
		n, rest := pgpLength(b[1:])
		return rest[:min(n, len(rest))]
	}
	if b[0]&0xfc != 0x88 || b[0]&3 == 3 {
		return nil
	}
	return b[min(len(b), 1+1<<(b[0]&3)):]
}

// pgpLength reads the length of a new packet or a subpacket.
func pgpLength(b []byte) (n int, rest []byte) {
	switch {
	case len(b) >= 1 && b[0] < 192:
		return int(b[0]), b[1:]
	case len(b) >= 2 && b[0] < 224: // subpackets may go on to 254; none so long is wanted
		return int(b[0]-192)<<8 + int(b[1]) + 192, b[2:]
	case len(b) >= 5 && b[0] == 255:
		return int(binary.BigEndian.Uint32(b[1:]) & 0xffffff), b[5:]
	}
	return 0, nil
}

// pgpArea splits a list of subpackets with a length of two bytes from what follows.
func pgpArea(b []byte) (area, rest []byte) {
	if len(b) < 2 {
		return nil, nil
	}
	n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
	return b[2 : 2+n], b[2+n:]
}

// pgpIssuer looks for the issuer (16) or its fingerprint (33), whose last 8
// bytes are the id of a version 4 key.
func pgpIssuer(area []byte) string {
	for len(area) > 0 {
		n, rest := pgpLength(area)
		if n == 0 || n > len(rest) {
			return ""
		}
		sub := rest[:n]
		area = rest[n:]
		switch {
		case sub[0]&0x7f == 16 && n == 9:
			return hex.EncodeToString(sub[1:])
		case sub[0]&0x7f == 33 && n == 22 && sub[1] == 4:
			return hex.EncodeToString(sub[14:])
		}
	}
	return ""
}
