package sign

import (
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// RFC 4055 (OAEP), RFC 5753 (EC), RFC 5084 (GCM), RFC 3565 (AES wrap).
var (
	oidOAEP         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 7}
	oidMGF1         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidECPublicKey  = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidStdDHSHA256  = asn1.ObjectIdentifier{1, 3, 132, 1, 11, 1}
	oidAES256Wrap   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 45}
	oidAES256GCM    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 46}
	wrapAlgorithm   = pkix.AlgorithmIdentifier{Algorithm: oidAES256Wrap}
	sha256Algorithm = digestAlgorithm(crypto.SHA256)
)

// MaxRecipients bounds the recipients of a sealed message.
const MaxRecipients = 64

// Sizes of AES-256-GCM as it is used here (RFC 5084).
const (
	contentKeySize = 32
	nonceSize      = 12
	tagSize        = 16
)

// authEnvelopedData is RFC 5083 section 2.1 without originatorInfo and
// attributes.
type authEnvelopedData struct {
	Version    int
	Recipients []asn1.RawValue `asn1:"set"`
	Content    encryptedContent
	Tag        []byte
}

// envelopedData is RFC 5652 section 6.1 without originatorInfo and attributes.
type envelopedData struct {
	Version    int
	Recipients []asn1.RawValue `asn1:"set"`
	Content    encryptedContent
}

type encryptedContent struct {
	Type      asn1.ObjectIdentifier
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte `asn1:"tag:0"`
}

type gcmParams struct {
	Nonce   []byte
	TagSize int `asn1:"default:12"`
}

// keyTransport is KeyTransRecipientInfo, RFC 5652 section 6.2.1.
type keyTransport struct {
	Version   int
	Recipient asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// keyAgreement is KeyAgreeRecipientInfo, RFC 5652 section 6.2.2, with a key of
// the sender made for this message.
type keyAgreement struct {
	Version    int
	Originator asn1.RawValue `asn1:"tag:0,explicit"`
	UKM        []byte        `asn1:"tag:1,explicit,optional,omitempty"`
	Algorithm  pkix.AlgorithmIdentifier
	Recipients []agreedRecipient
}

type agreedRecipient struct {
	Recipient asn1.RawValue
	Key       []byte
}

type originatorKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

// sharedInfo is ECC-CMS-SharedInfo, RFC 5753 section 7.2.
type sharedInfo struct {
	Key  pkix.AlgorithmIdentifier
	UKM  []byte `asn1:"tag:0,explicit,optional,omitempty"`
	Bits []byte `asn1:"tag:2,explicit"`
}

// oaepParams is RSAES-OAEP-params, RFC 4055 section 4.1, without a label.
type oaepParams struct {
	Hash pkix.AlgorithmIdentifier `asn1:"tag:0,explicit"`
	MGF  pkix.AlgorithmIdentifier `asn1:"tag:1,explicit"`
}
