// Package action is what a person tells hosts to do now: a document that they
// sign, a server relays and every host verifies for itself; and the result that
// the host signs.
//
// Start with [Action.Sign] for who sends, [Verify] for a host, [Result.Sign] and
// [OpenResult] for the answer. Who verifies for many hosts calls [Open] once for a
// message and [Message.Admit] for each host.
//
// # Action
//
// CMS SignedData with the content attached (package sign). The content is JSON in
// its only encoding (package internal/canon), at most 64 KiB:
//
//	{"arguments":{...},"id":128 bits,"kind":...,"not-after":T,"not-before":T,
//	 "packages":[...],"queued":true,"reason":...,"script":...,"server":id,
//	 "targets":{"hosts":[up to 64 ids]},"type":"muster-action"}
//
// with, for more than 64 hosts, "targets":{"count":N,"root":hash}: the root of the
// Merkle tree of RFC 6962 over the sorted ids. [Tree] makes the [Proof] of each.
//
// # Who may
//
// run needs a signer with the right code, all others the right deploy. A host's
// own signed settings say more: [Limits].
//
// # Promise
//
// A host that [Verify] lets begin was named by somebody whom it believes, on this
// server, for this time. Whoever relays messages can delay or lose them, and do
// nothing else. A message that a released version made stays readable; kinds and
// arguments are added, and a host refuses those that it does not know. No function
// here asks for the time, the network or the disk.
package action
