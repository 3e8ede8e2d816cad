package hosts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

// CheckIn takes what a host says and answers what the server wants. Where the
// host brings nothing that has to be kept, nothing is read or written.
func (h *Hosts) CheckIn(ctx context.Context, c *Caller, in api.CheckIn) (api.CheckedIn, error) {
	h.mu.Lock()
	news := len(in.Results) > 0 || in.Summary != nil || len(in.Volatile) > 0 || in.Agent != "" && in.Agent != c.e.agent
	c.e.note(c, &in)
	h.mu.Unlock()
	if news {
		if err := h.keep(ctx, c, &in); err != nil {
			return api.CheckedIn{}, err
		}
	}
	return h.answer(c, &in), nil
}

// note keeps in memory what presence writes later.
func (e *entry) note(c *Caller, in *api.CheckIn) {
	e.skew = in.Clock - c.at.Unix()
	e.serial, e.stale = in.Repository, in.Stale
	e.dirty = true
}

// keep writes what a host says once: when it is answered, it is on disk.
func (h *Hosts) keep(ctx context.Context, c *Caller, in *api.CheckIn) error {
	results, err := h.packResults(in.Results)
	if err != nil {
		return err
	}
	volatile, err := h.readVolatile(in.Volatile)
	if err != nil {
		return err
	}
	agent := cut(inventory.Text(in.Agent), 60)
	tells := agent != "" || in.Summary != nil || volatile != nil // and not only what it did
	err = h.DB.Write(ctx, func(tx *db.Tx) error {
		if err := c.act(tx); err != nil {
			return err
		}
		if err := keepResults(tx, c, results); err != nil {
			return err
		}
		if in.Summary != nil {
			if err := keepSummary(tx, c.num, in.Summary); err != nil {
				return err
			}
		}
		if volatile != nil {
			if err := volatile.keep(tx, c.num); err != nil {
				return err
			}
		}
		if agent != "" {
			if _, err := tx.Exec("UPDATE hosts_host SET agent = ? WHERE num = ?", agent, c.num); err != nil {
				return err
			}
		}
		if !tells {
			return nil
		}
		return touch(tx, c.num)
	})
	if err == nil && tells {
		h.learned(ctx)
	}
	return err
}

// answer says what the server wants of a host.
func (h *Hosts) answer(c *Caller, in *api.CheckIn) api.CheckedIn {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := c.e
	out := api.CheckedIn{Etag: in.Etag, Wake: h.wish(e)}
	if p, ready := h.policy(e); ready {
		if out.Etag = etag(&p); in.Etag != out.Etag {
			out.Policy = &p
		}
	}
	wait := h.spread(e.id, c.at)
	if out.Send = wants(e, in); out.Send == api.SendWhole && !h.whole.AllowN(c.at, 1) {
		// All hosts of a server without its database are asked one after the other.
		out.Send = api.SendNothing
		wait = min(wait, time.Minute+rand.N(10*time.Minute))
	}
	out.Next = int(wait / time.Second)
	e.due = c.at.Add(wait).Unix()
	out.Renew = e.expires-c.at.Unix() < int64(validity/3/time.Second)
	return out
}

// wants says what of the inventory a server wants.
func wants(e *entry, in *api.CheckIn) api.Send {
	switch {
	case in.Set == "" || in.Set == e.set || e.state != api.Accepted:
		return api.SendNothing
	case in.Base != "" && in.Base == e.set:
		return api.SendDelta
	}
	return api.SendWhole
}

// policy is what the host is told beside packages. It is not ready while the
// directory is not: a host that was told of no groups would remove what those
// assign. The caller holds mu.
func (h *Hosts) policy(e *entry) (p api.Policy, ready bool) {
	p, ready = api.Policy{Mirrors: h.Mirrors, Wake: true}, true
	p.Groups = e.groups
	if h.Directory != nil && e.fqdn != "" {
		p.Units, p.Memberships.Directory, ready = h.Directory.Place(e.fqdn)
	}
	// What a person said of one host goes before what the directory says.
	if e.unit != "" {
		p.Units = unitNames(e.unit)
	}
	return p, ready
}

// unitNames are the names of the packages of a unit and of those around it, the
// outermost first: "paris" and "paris.lab" for paris/lab.
func unitNames(path string) (names []string) {
	for i := range len(path) {
		if path[i] == '/' {
			names = append(names, strings.ReplaceAll(path[:i], "/", "."))
		}
	}
	return append(names, strings.ReplaceAll(path, "/", "."))
}

// etag names a policy.
func etag(p *api.Policy) string {
	data, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// spread is how long a host waits: until its place within the interval comes
// again, which is at random but the same each time. So hosts are spread
// evenly, also after all have come at once.
func (h *Hosts) spread(id string, now time.Time) time.Duration {
	f := fnv.New64a()
	f.Write([]byte(id))
	place := time.Duration(f.Sum64() % uint64(h.Interval))
	earliest := now.UnixNano() + int64(h.Interval)/2
	return time.Duration((int64(place)-earliest)%int64(h.Interval)+int64(h.Interval))%h.Interval + h.Interval/2
}

// maxSummary bounds the texts of a summary.
const maxSummary = 500

// keepSummary keeps what a host says of its packages, and counts its status.
func keepSummary(tx *db.Tx, host int64, in *api.Summary) error {
	s := *in
	s.Status = muster.Status(cut(inventory.Text(string(s.Status)), 20))
	s.Problem, s.Postponed = cut(inventory.Text(s.Problem), maxSummary), cut(inventory.Text(s.Postponed), maxSummary)
	if len(s.Packages) > 32 {
		s.Packages = nil
	}
	data, err := json.Marshal(&s)
	if err != nil {
		return err
	}
	var was string
	if err := tx.QueryRow("SELECT status FROM hosts_fact WHERE host = ?", host).Scan(&was); err != nil {
		return err
	}
	if was != string(s.Status) {
		if err := total(tx, "status", was, -1); err != nil {
			return err
		}
		if err := total(tx, "status", string(s.Status), 1); err != nil {
			return err
		}
	}
	_, err = tx.Exec("UPDATE hosts_fact SET status = ?, problem = ?, reboot = ?, summary = ? WHERE host = ?",
		string(s.Status), s.Problem, bit(s.Reboot), data, host)
	return err
}
