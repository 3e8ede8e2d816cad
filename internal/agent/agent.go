// Package agent is muster on a host of a fleet: who the host is, and the loop
// that keeps it as it should be.
//
// Start with [Join], which makes a root a host of a server; then [Round] asks for
// news and tells how the host is, [Upgrade] changes it, and [Agent.Run] does both
// for as long as the machine is up. Everything goes on without the server, from
// what signed packages say and what is in the cache.
//
// What a host keeps of itself lies in host/ below the state of its root:
//
//	host.json         its id, and which server it belongs to ([Identity])
//	key.pem           its private key (PKCS#8), readable for its owner only
//	certificate.pem   what the server's authority says of that key
//	ca.pem            the authorities for TLS that a person pinned, if any
//	counter           above every counter that was ever sent
//	known.json        what the server acknowledged ([known])
//	policy.json       what the server last told (api.Policy)
//	inventory.json    the document that the server has
//	schedule.json     how long an upgrade has waited, and when the last was ([memory])
//	results/          what happened and the server has not yet acknowledged
//
// The files are written whole (package durable). Each may be lost but the first
// two: then the host tells or asks again. Without those it is no host any more and
// a person joins it anew.
package agent
