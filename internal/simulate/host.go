package simulate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"muster"
	"muster/api"
	"muster/internal/httpsig"
	"muster/inventory"
	"muster/sign"
)

// A host is one that does not exist. It keeps little, so that many fit into
// memory: its document is made anew of the seed.
type host struct {
	fleet *Fleet
	id    string
	seed  uint64
	key   crypto.Signer

	busy    sync.Mutex // one request at a time
	counter uint64
	changes int    // that the document has seen
	has     int    // changes that the server's document has; -1: it has none
	set     string // set-hash of the document
	base    string // of the one that the server has
	etag    string
	told    bool // agent and summary
	serial  int  // of results
}

func (f *Fleet) newHost(i int) (*host, error) {
	key, err := sign.NewKey("")
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(f.Seed, uint64(i)))
	var b [16]byte
	for j := range b {
		b[j] = byte(r.Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := &host{fleet: f, id: uuid(b), seed: r.Uint64(), key: key, has: -1}
	return h, h.hash()
}

func uuid(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (h *host) document(changes int) *inventory.Document {
	return templates[h.fleet.template()](h.seed, changes)
}

// hash finds the set-hash of the document.
func (h *host) hash() error {
	hashes, err := h.document(h.changes).Hashes()
	if err == nil {
		h.set = hashes.Set()
	}
	return err
}

// params are those of the next signature.
func (h *host) params() httpsig.Params {
	h.counter++
	return httpsig.Params{KeyID: h.id, Server: h.fleet.wire.server.ID, Counter: h.counter, Created: time.Now()}
}

func (h *host) enrol(ctx context.Context) error {
	der, err := x509.MarshalPKIXPublicKey(h.key.Public())
	if err != nil {
		return err
	}
	sum := sha256.Sum256(der)
	p := httpsig.Params{KeyID: hex.EncodeToString(sum[:]), Server: h.fleet.wire.server.ID, Created: time.Now()}
	s := h.document(0).System
	in := api.Enrol{ID: h.id, Key: base64.StdEncoding.EncodeToString(der), Token: h.fleet.Token,
		Facts: api.Facts{Hostname: s.Hostname, FQDN: s.Hostname + "." + s.Domain, OS: s.OS, OSName: s.Name, Arch: s.Arch, Agent: "simulated"}}
	var out api.Enrolled
	if err := h.fleet.wire.again(ctx, "enrol", func() error {
		return h.fleet.wire.post(ctx, "enrol", api.RouteEnrol, in, h.key, p, time.Now(), &out)
	}); err != nil {
		return err
	}
	if out.State != api.Accepted {
		return muster.Errorf(muster.Denied, "host %s is %s: does the token have enough uses?", h.id, out.State)
	}
	h.counter = max(h.counter, out.Counter)
	return nil
}

// turn is one check-in with what follows from it.
func (h *host) turn(ctx context.Context, due time.Time, change bool) error {
	in := api.CheckIn{Etag: h.etag, Base: h.base, Clock: time.Now().Unix()}
	if change {
		h.changes++
		if err := h.hash(); err != nil {
			return err
		}
		in.Results = []api.Result{h.result()}
	}
	if !h.told {
		in.Agent = "simulated"
		in.Summary = &api.Summary{Status: muster.OK, Packages: map[muster.Status]int{muster.OK: 12}}
	}
	in.Set = h.set
	var out api.CheckedIn
	err := h.fleet.wire.post(ctx, "checkin", api.RouteCheckIn, in, h.key, h.params(), due, &out)
	if err != nil {
		return err
	}
	h.told, h.etag = true, out.Etag
	for _, r := range in.Results {
		if h.fleet.Kept != nil {
			h.fleet.Kept(h.id, r.ID)
		}
	}
	return h.inventory(ctx, out.Send)
}

// result is that of the change that the document has seen last.
func (h *host) result() api.Result {
	h.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", h.id, h.serial))
	var b [16]byte
	copy(b[:], sum[:])
	now := time.Now().Unix()
	return api.Result{ID: uuid(b), Kind: "upgrade", Started: now - 30, Ended: now, By: "schedule",
		Steps: []api.Change{{Op: "upgrade", Name: "firefox", From: "131.0", To: "132.0", Status: muster.OK}}}
}

// inventory sends what the server wants of the document.
func (h *host) inventory(ctx context.Context, send api.Send) error {
	for range 2 {
		kind, name, data, err := h.encode(send)
		if err != nil || data == nil {
			return err
		}
		var out api.InventoryTaken
		err = h.fleet.wire.send(ctx, name, api.RouteInventory, kind, data, h.key, h.params(), time.Now(), &out)
		if err != nil {
			return err
		}
		if out.Set == h.set {
			h.base, h.has = h.set, h.changes
			return nil
		}
		send = api.SendWhole
	}
	return nil
}

func (h *host) encode(send api.Send) (kind, name string, data []byte, err error) {
	next := h.document(h.changes)
	switch {
	case send == api.SendNothing:
		return "", "", nil, nil
	case send == api.SendDelta && h.has >= 0:
		d, err := inventory.Diff(h.document(h.has), next)
		if err != nil {
			return "", "", nil, err
		}
		data, err = d.Marshal()
		return api.TypeDelta, "delta", data, err
	}
	data, err = next.Marshal()
	return api.TypeDocument, "whole", bytes.TrimSpace(data), err
}
