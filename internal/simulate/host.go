package simulate

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster"
	"muster/api"
	"muster/internal/httpsig"
	"muster/inventory"
)

// A host is one that does not exist. It keeps little, so that many fit into
// memory: its document is made anew of the seed.
type host struct {
	fleet  *Fleet
	id     string
	seed   uint64
	key    crypto.Signer
	client *http.Client

	counter atomic.Uint64
	number  atomic.Int64 // of the newest wish of the server
	away    atomic.Bool  // offline
	orders  orders

	certified   sync.Mutex
	certificate string // PEM; "": of an earlier run

	busy    sync.Mutex // one turn at a time
	rand    *rand.Rand
	changes int    // that the document has seen
	has     int    // changes that the server's document has; -1: it has none
	set     string // set-hash of the document
	base    string // of the one that the server has
	etag    string
	told    bool         // agent and summary
	serial  int          // of results
	spool   []api.Result // that the server has not acknowledged

	groups   []string              // of the server
	rows     []inventory.Installed // what was rolled out to it
	hasRows  []inventory.Installed // as the server's document has them
	tried    string                // the version that was tried last, "age=1.3"
	headDate string                // of the repository's head, by the web server
}

func (f *Fleet) newHost(i int) (*host, error) {
	r := rand.New(rand.NewPCG(f.Seed, uint64(i)))
	var b [16]byte
	for j := range b {
		b[j] = byte(r.Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	key, err := keyOf(b)
	if err != nil {
		return nil, err
	}
	h := &host{fleet: f, id: uuid(b), seed: r.Uint64(), key: key, has: -1, client: f.wire.shared}
	if f.Connected {
		h.client = f.wire.own()
	}
	// Above all that an earlier run has used: a host makes fewer requests a second.
	now := uint64(time.Now().Unix())
	h.counter.Store(now * 100_000)
	h.rand = rand.New(rand.NewPCG(h.seed, now))
	return h, h.hash()
}

func uuid(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// keyOf is the key of the host with an id. Few hashes are no scalar of the curve.
func keyOf(id [16]byte) (crypto.Signer, error) {
	for n := byte(0); ; n++ {
		scalar := sha256.Sum256(append([]byte("muster simulate"), append(id[:], n)...))
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
		if err == nil || n == 255 {
			return key, err
		}
	}
}

// document is that after so many changes, with what was rolled out to it.
func (h *host) document(changes int, rows []inventory.Installed) *inventory.Document {
	d := templates[h.fleet.Template](h.seed, changes)
	d.Muster = append(d.Muster, rows...)
	slices.SortFunc(d.Muster, func(a, b inventory.Installed) int { return cmp.Compare(a.Name, b.Name) })
	return d
}

// hash finds the set-hash of the document.
func (h *host) hash() error {
	hashes, err := h.document(h.changes, h.rows).Hashes()
	if err == nil {
		h.set = hashes.Set()
	}
	return err
}

// call carries out a request of the host.
func (h *host) call(ctx context.Context, c call, out any) error {
	c.client, c.key = h.client, h.key
	c.params = httpsig.Params{KeyID: h.id, Server: h.fleet.wire.server.ID, Counter: h.counter.Add(1), Created: time.Now()}
	return h.fleet.wire.do(ctx, &c, out)
}

// appear has a host check in that may be known from an earlier run, and enrol if
// it is not.
func (h *host) appear(ctx context.Context) error {
	err := again(ctx, func() error { return h.turn(ctx, time.Now()) })
	if api.CodeOf(err) != api.UnknownHost {
		return err
	}
	if err := h.enrol(ctx); err != nil {
		return err
	}
	return again(ctx, func() error { return h.turn(ctx, time.Now()) })
}

func spki(key crypto.Signer) ([]byte, error) { return x509.MarshalPKIXPublicKey(key.Public()) }

func (h *host) enrol(ctx context.Context) error {
	der, err := spki(h.key)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(der)
	s := h.document(0, nil).System
	in := api.Enrol{ID: h.id, Key: base64.StdEncoding.EncodeToString(der), Token: h.fleet.Token,
		Facts: api.Facts{Hostname: s.Hostname, FQDN: s.Hostname + "." + s.Domain, OS: s.OS, OSName: s.Name, Arch: s.Arch, Agent: "simulated"}}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var out api.Enrolled
	err = again(ctx, func() error {
		return h.fleet.wire.do(ctx, &call{name: "enrol", method: http.MethodPost, path: api.RouteEnrol, kind: "application/json", body: body,
			client: h.client, key: h.key, due: time.Now(),
			params: httpsig.Params{KeyID: hex.EncodeToString(sum[:]), Server: h.fleet.wire.server.ID, Created: time.Now()}}, &out)
	})
	if err != nil {
		return err
	}
	if out.State != api.Accepted {
		return muster.Errorf(muster.Denied, "host %s is %s: does the token have enough uses?", h.id, out.State)
	}
	h.certificate = out.Certificate
	h.counter.Store(max(h.counter.Load(), out.Counter))
	return nil
}
