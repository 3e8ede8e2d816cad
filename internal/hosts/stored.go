package hosts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"

	"muster"
)

// What the database holds was written by this package. It is read as if a disk, or
// a hand, had changed it: what does not fit is an error that says which value.

// readJSON reads a value that json.Marshal wrote.
func readJSON(what string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return muster.Errorf(muster.Internal, "the database holds damaged %s: %w", what, err)
	}
	return nil
}

// readPacked reads JSON within zstd.
func (h *Hosts) readPacked(what string, packed []byte, v any) (size int, err error) {
	data, err := h.unpack.DecodeAll(packed, nil)
	if err != nil {
		return 0, muster.Errorf(muster.Internal, "the database holds damaged %s: %w", what, err)
	}
	return len(data), readJSON(what, data, v)
}

// readPublic reads the key of a host: SubjectPublicKeyInfo of P-256.
func readPublic(spki []byte) (*ecdsa.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read the key of a host: %w", err)
	}
	key, ok := pub.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, muster.Errorf(muster.Invalid, "the key of a host is ECDSA on P-256")
	}
	return key, nil
}

// readCertificate reads the certificate of a host.
func readCertificate(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, muster.Errorf(muster.Internal, "the database holds a damaged certificate: %w", err)
	}
	return cert, nil
}
