// Package sign makes and checks signatures, knows whom to believe, and seals
// reports.
//
// Start with [Sign] and [Verify]. Somebody who signs has an [Identity]: a
// private key and the certificates that say whose it is, read from files by
// [ParseIdentity], or with the key in a token, [CommandSigner]. Somebody who
// verifies has a [Trust], the certificates believed, and a [Policy]: what time
// it is and what the signer must be allowed to do.
//
//	der, err := sign.Sign(manifest, true, now, alice)
//	sigs, err := sign.Verify(der, manifest, trust, sign.Policy{Now: now, Right: sign.RightCode})
//
// # Messages
//
// A signed message is CMS SignedData (RFC 5652) in DER:
//
//	ContentInfo    type signedData
//	  SignedData   version 1, or 3 when a signer is named by key identifier
//	    digests    of SHA-256, SHA-384, SHA-512
//	    content    of type data; inside, or detached
//	    certs      the chains of the signers, up to 64
//	    signers    1 to 16, each with signed attributes
//	                 contentType, messageDigest, signingTime
//
// with RSA keys of 3072 to 8192 bits (PKCS#1 v1.5) or ECDSA on P-256 and P-384.
// What is read is encoded again and must give the same bytes. A sealed message
// is AuthEnvelopedData (RFC 5083) with AES-256-GCM. openssl cms reads both and
// makes both; docs/formats/signature.md has all rules, and testdata/vectors an
// example of each.
//
// # Rights
//
// What a person may do stands in the certificate: [Rights]. [NewAuthority] and
// [Issue] make certificates, [SelfSigned] one to start with.
//
// # Time
//
// No function here asks for the time. Callers pass [Policy.Now], after [Floor]
// has corrected a clock that is behind.
//
// # Promise
//
// Messages that a released version made stay good, as long as their algorithms
// are. Readers may become stricter where openssl and this package never wrote
// what is then refused. Malformed input is an error of kind [muster.Invalid],
// a signature that does not count one of kind [muster.Denied]; nothing panics.
package sign
