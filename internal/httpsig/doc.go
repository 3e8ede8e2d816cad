// Package httpsig signs HTTP requests and checks who signed them, by RFC 9421,
// so that a request stays what its signer wrote through proxies that end TLS.
//
// Start with [Sign] and [Parse]. A server reads who claims to have signed,
// looks for the key, and verifies:
//
//	m, err := httpsig.Parse(req, serverID)     // claims: m.KeyID, m.Counter, ...
//	err = m.Verify(key, now, maxSkew)          // they are true
//	body, err := m.Body(req.Body, maxBody)     // the bytes that were signed
//	seq, err = seq.Next(m)                     // not seen before
//
// # Profile
//
// RFC 9421 lets the signer choose what a signature covers. Here there is one
// choice, and [Parse] refuses every other: one signature, with the label muster, over
//
//	"@method" "@path" "@query" "content-digest" "muster-server" "muster-counter"
//
// in this order; without "muster-counter" where the signer keeps none, and with
// the parameter nonce in its place.
//
//	Content-Digest: sha-256=:3aZI...=:
//	Muster-Server: 5f0c6a0e-...
//	Muster-Counter: 4711
//	Signature-Input: muster=("@method" "@path" "@query" "content-digest"
//	    "muster-server" "muster-counter");created=1795253888;keyid="8f7c..."
//	    ;alg="ecdsa-p256-sha256";tag="muster"           (one line)
//	Signature: muster=:MEUC...=:
//
// The name of the host (@authority) is not covered: a proxy may change it.
// Muster-Server, the id of the server, says in its place for whom the request is.
//
// # Fields
//
// Structured fields (RFC 8941) are read in the one form in which its section 4.1
// writes them: no optional white space, no escapes in strings, base64 with padding.
// What is signed is thus the text that was sent, and nothing is written again.
//
// # Replays
//
// [Sequence] knows the counters of one key, for ever; [Message.ID] names a message
// that has none. docs/formats/requests.md says how a server uses them to tell a
// request that came twice from two machines with one key.
//
// # Promise
//
// What a released version signed, a later one accepts, as long as its
// algorithms are good. Malformed requests are errors of kind muster.Invalid, those
// that prove nothing of kind muster.Denied; nothing panics. No function
// looks at the clock.
package httpsig
