package api

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/internal/httpsig"
)

// A HostClient is how a host speaks to its server. One goroutine uses it at a time, but
// for Wake, so that counters arrive in order.
type HostClient struct {
	*Client
	ID  string
	Key crypto.Signer // ECDSA P-256
	// Next gives the counter of the next request: above all that it ever gave, also
	// after a crash.
	Next func() (uint64, error)
	Now  func() time.Time // nil is time.Now
}

// sign authorizes a request of the host.
func (h *HostClient) sign(req *http.Request, body []byte) error {
	n, err := h.Next()
	if err != nil {
		return err
	}
	return httpsig.Sign(req, body, h.Key, httpsig.Params{KeyID: h.ID, Server: h.Server.ID, Counter: n, Created: h.now()})
}

func (h *HostClient) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

// signKey signs for a key that is named by its fingerprint and has no counter.
func (c *Client) signKey(key crypto.Signer, now time.Time) func(*http.Request, []byte) error {
	return func(req *http.Request, body []byte) error {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return err
		}
		sum := sha256.Sum256(der)
		p := httpsig.Params{KeyID: hex.EncodeToString(sum[:]), Server: c.Server.ID, Created: now}
		return httpsig.Sign(req, body, key, p)
	}
}

// Enrol asks to become a host; ID and Key of e are those of h.
func (h *HostClient) Enrol(ctx context.Context, e Enrol) (out Enrolled, err error) {
	der, err := x509.MarshalPKIXPublicKey(h.Key.Public())
	if err != nil {
		return out, err
	}
	e.ID, e.Key = h.ID, base64.StdEncoding.EncodeToString(der)
	err = h.post(ctx, RouteEnrol, e, h.signKey(h.Key, h.now()), &out)
	return out, err
}

// Return says who the host was to a server that lost its database.
func (h *HostClient) Return(ctx context.Context, r Return) (out Enrolled, err error) {
	err = h.post(ctx, RouteReturn, r, h.sign, &out)
	return out, err
}

// Renew asks for a new certificate: for next, or for the same key where it is nil.
func (h *HostClient) Renew(ctx context.Context, next crypto.Signer) (out Enrolled, err error) {
	var r Renew
	if next != nil {
		der, err := x509.MarshalPKIXPublicKey(next.Public())
		if err != nil {
			return out, err
		}
		r.Key = base64.StdEncoding.EncodeToString(der)
		proof, err := crypto.SignMessage(next, nil, RenewProof(h.Server.ID, h.ID, r.Key), crypto.SHA256)
		if err != nil {
			return out, err
		}
		r.Proof = base64.StdEncoding.EncodeToString(proof)
	}
	err = h.post(ctx, RouteRenew, r, h.sign, &out)
	return out, err
}

// RenewProof is what [Renew.Proof] signs.
func RenewProof(server, host, key string) []byte {
	return []byte("muster-renew/1\n" + server + "\n" + host + "\n" + key)
}

// CheckIn says how the host is, and hears what the server wants.
func (h *HostClient) CheckIn(ctx context.Context, in CheckIn) (out CheckedIn, err error) {
	err = h.post(ctx, RouteCheckIn, in, h.sign, &out)
	return out, err
}

// Inventory sends a document (TypeDocument) or a delta (TypeDelta), compressed.
func (h *HostClient) Inventory(ctx context.Context, kind string, data []byte) (out InventoryTaken, err error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return out, err
	}
	defer enc.Close()
	r := request{method: http.MethodPost, path: RouteInventory, body: enc.EncodeAll(data, nil), kind: kind, encoding: "zstd",
		authorize: h.sign, timeout: 5 * time.Minute}
	err = h.do(ctx, r, &out)
	return out, err
}

// Wake waits until the server's number is another than since. Where nothing
// happens the server answers after some minutes with the same number.
func (h *HostClient) Wake(ctx context.Context, since int64) (int64, error) {
	var w Wake
	q := url.Values{"since": {strconv.FormatInt(since, 10)}}
	err := h.do(ctx, request{method: http.MethodGet, path: RouteWake, query: q, authorize: h.sign, timeout: 15 * time.Minute}, &w)
	return w.Number, err
}

// post sends JSON, compressed where that pays.
func (h *HostClient) post(ctx context.Context, path string, in any, sign func(*http.Request, []byte) error, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return muster.WithKind(muster.Internal, err)
	}
	r := request{method: http.MethodPost, path: path, body: body, authorize: sign}
	if len(body) > 2048 {
		if err := r.compress(); err != nil {
			return err
		}
	}
	return h.do(ctx, r, out)
}

func (r *request) compress() error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return err
	}
	defer enc.Close()
	r.body, r.encoding = enc.EncodeAll(r.body, nil), "zstd"
	return nil
}
