package simulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"muster"
	"muster/api"
	"muster/inventory"
)

// turn is one check-in with what follows from it. The first one of a run brings
// who the host is; of the others, a part brings a change.
func (h *host) turn(ctx context.Context, due time.Time) error {
	c := call{name: "checkin", due: due}
	if !h.told {
		c.name, c.expected = "appear", api.UnknownHost
	} else if h.rand.Float64() < h.fleet.Changes {
		if err := h.change(); err != nil {
			return err
		}
	}
	out, err := h.checkIn(ctx, c)
	if err != nil {
		return err
	}
	h.told, h.etag = true, out.Etag
	h.number.Store(out.Wake)
	if out.Policy != nil {
		h.groups = out.Policy.Groups
	}
	h.take(ctx, out.Orders, time.Time{})
	if err := h.inventory(ctx, out.Send); err != nil {
		return err
	}
	return h.follow(ctx)
}

// checkIn says how the host is. What a server that answers has kept is not said again.
func (h *host) checkIn(ctx context.Context, c call) (out api.CheckedIn, err error) {
	in := api.CheckIn{Etag: h.etag, Base: h.base, Set: h.set, Clock: time.Now().Unix(), Results: h.spool, Orders: true}
	if !h.told {
		in.Agent = "simulated"
		in.Summary = &api.Summary{Status: muster.OK, Packages: map[muster.Status]int{muster.OK: 12}}
	}
	var told, kept func()
	in.Have, told = h.orders.naming()
	in.Reports, kept = h.orders.reporting()
	c.method, c.path, c.kind = http.MethodPost, api.RouteCheckIn, "application/json"
	if c.body, err = json.Marshal(in); err != nil {
		return out, err
	}
	if err := h.call(ctx, c, &out); err != nil {
		return out, err
	}
	told()
	kept()
	h.spool = nil
	for _, r := range in.Results {
		if h.fleet.Kept != nil {
			h.fleet.Kept(h.id, r.ID)
		}
	}
	return out, nil
}

// maxSpool is how many results a check-in may bring.
const maxSpool = 64

// change upgrades a package, or tries to.
func (h *host) change() error {
	if len(h.spool) == maxSpool {
		return nil
	}
	fails := h.rand.Float64() < h.fleet.Failing
	next := h.document(h.changes+1, h.rows)
	p := changed(next, h.changes)
	h.spool = append(h.spool, h.result(api.Change{Op: "upgrade", Name: p.Name, From: moved(p.Version, -1), To: p.Version}, fails))
	if fails {
		return nil
	}
	h.changes++
	hashes, err := next.Hashes()
	if err == nil {
		h.set = hashes.Set()
	}
	return err
}

// result is that of one step.
func (h *host) result(step api.Change, failed bool) api.Result {
	h.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", h.id, h.counter.Load(), h.serial))
	var b [16]byte
	copy(b[:], sum[:])
	now := time.Now().Unix()
	r := api.Result{ID: uuid(b), Kind: step.Op, Started: now - 30, Ended: now, By: "schedule"}
	step.Status = muster.OK
	if failed {
		r.Error = "the installer ended with exit code 1603"
		step.Status, step.Error = muster.Error, r.Error
	}
	r.Steps = []api.Change{step}
	return r
}

// inventory sends what the server wants of the document.
func (h *host) inventory(ctx context.Context, send api.Send) error {
	for range 2 {
		c, err := h.encode(send)
		if err != nil || c.body == nil {
			return err
		}
		var out api.InventoryTaken
		c.method, c.path, c.due = http.MethodPost, api.RouteInventory, time.Now()
		if err := h.call(ctx, c, &out); err != nil {
			return err
		}
		if out.Set == h.set {
			h.base, h.has, h.hasRows = h.set, h.changes, h.rows
			return nil
		}
		send = api.SendWhole
	}
	return nil
}

func (h *host) encode(send api.Send) (c call, err error) {
	next := h.document(h.changes, h.rows)
	switch {
	case send == api.SendNothing:
		if h.base == "" { // an earlier run has sent it
			h.base, h.has, h.hasRows = h.set, h.changes, h.rows
		}
		return c, nil
	case send == api.SendDelta && h.has >= 0:
		d, err := inventory.Diff(h.document(h.has, h.hasRows), next)
		if err != nil {
			return c, err
		}
		c.name, c.kind = "delta", api.TypeDelta
		c.body, err = d.Marshal()
		return c, err
	}
	c.name, c.kind = "whole", api.TypeDocument
	c.body, err = next.Marshal()
	c.body = bytes.TrimSpace(c.body)
	return c, err
}
