package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"reflect"
)

// Object identifiers: RFC 5652 (CMS), RFC 5083 and 5084 (authenticated
// encryption), RFC 5753 and 5754 (algorithms), RFC 3565 (AES).
var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidAuthEnveloped = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 23}

	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}

	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}

	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidSHA256WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidSHA384WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	oidSHA512WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}

	oidECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSAWithSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	oidECDSAWithSHA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
)

// contentInfo is the outermost structure (RFC 5652 section 3).
type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit"`
}

// signedData is RFC 5652 section 5.1 without crls: revocation comes by the
// repository's trust chain, so a message that carries a list is refused.
//
// Certificates is a SET OF read in whatever order, the one departure from DER:
// openssl smime writes it as it comes.
type signedData struct {
	Version      int
	Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
	Content      encapsulated
	Certificates []asn1.RawValue `asn1:"optional,omitempty,tag:0"`
	Signers      []signerInfo    `asn1:"set"`
}

type encapsulated struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
}

// signerInfo is RFC 5652 section 5.3 without unsignedAttrs: nothing would
// protect them.
type signerInfo struct {
	Version      int
	ID           asn1.RawValue
	Digest       pkix.AlgorithmIdentifier
	SignedAttrs  asn1.RawValue `asn1:"optional,tag:0"`
	SignatureAlg pkix.AlgorithmIdentifier
	Signature    []byte
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

// elem is what v points to.
func elem(v any) any { return reflect.ValueOf(v).Elem().Interface() }

// wrap is a contentInfo around the DER of a content.
func wrap(contentType asn1.ObjectIdentifier, content []byte) ([]byte, error) {
	return asn1.Marshal(contentInfo{Type: contentType, Content: contextTag(0, content)})
}

// contextTag is the constructed element [n] around DER.
func contextTag(n int, content []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: n, IsCompound: true, Bytes: content}
}

var null = asn1.RawValue{FullBytes: []byte{5, 0}}

func noParameters(a pkix.AlgorithmIdentifier) bool { return len(a.Parameters.FullBytes) == 0 }

func nullParameters(a pkix.AlgorithmIdentifier) bool {
	return string(a.Parameters.FullBytes) == string(null.FullBytes)
}

// digestOf returns the hash of a digest algorithm, 0 when it is not accepted.
// Parameters may be absent or NULL (RFC 5754 section 2).
func digestOf(a pkix.AlgorithmIdentifier) crypto.Hash {
	if !noParameters(a) && !nullParameters(a) {
		return 0
	}
	switch {
	case a.Algorithm.Equal(oidSHA256):
		return crypto.SHA256
	case a.Algorithm.Equal(oidSHA384):
		return crypto.SHA384
	case a.Algorithm.Equal(oidSHA512):
		return crypto.SHA512
	}
	return 0
}

func digestAlgorithm(h crypto.Hash) pkix.AlgorithmIdentifier {
	switch h {
	case crypto.SHA384:
		return pkix.AlgorithmIdentifier{Algorithm: oidSHA384}
	case crypto.SHA512:
		return pkix.AlgorithmIdentifier{Algorithm: oidSHA512}
	}
	return pkix.AlgorithmIdentifier{Algorithm: oidSHA256}
}

// signatureFits reports whether a names a signature by a key like pub over
// the hash h. RSA is PKCS#1 v1.5 and ECDSA has no parameters.
func signatureFits(a pkix.AlgorithmIdentifier, pub crypto.PublicKey, h crypto.Hash) bool {
	switch pub.(type) {
	case *rsa.PublicKey:
		plain := a.Algorithm.Equal(oidRSA) || a.Algorithm.Equal(rsaWith(h))
		return plain && (nullParameters(a) || noParameters(a))
	case *ecdsa.PublicKey:
		return a.Algorithm.Equal(ecdsaWith(h)) && noParameters(a)
	}
	return false
}

func rsaWith(h crypto.Hash) asn1.ObjectIdentifier {
	switch h {
	case crypto.SHA384:
		return oidSHA384WithRSA
	case crypto.SHA512:
		return oidSHA512WithRSA
	}
	return oidSHA256WithRSA
}

func ecdsaWith(h crypto.Hash) asn1.ObjectIdentifier {
	switch h {
	case crypto.SHA384:
		return oidECDSAWithSHA384
	case crypto.SHA512:
		return oidECDSAWithSHA512
	}
	return oidECDSAWithSHA256
}

// signatureAlgorithm is what Sign writes for a key like pub.
func signatureAlgorithm(pub crypto.PublicKey, h crypto.Hash) pkix.AlgorithmIdentifier {
	if _, ok := pub.(*rsa.PublicKey); ok {
		return pkix.AlgorithmIdentifier{Algorithm: oidRSA, Parameters: null}
	}
	return pkix.AlgorithmIdentifier{Algorithm: ecdsaWith(h)}
}
