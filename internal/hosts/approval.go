package hosts

import (
	"context"
	"encoding/json"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
)

// An approval lets one host in before it asks.
type approval struct {
	api.Approval
	num    int64
	wanted welcome
}

// fits reports whether all that the approval names is so. FQDN and serial are
// what the machine says of itself: an approval without id or key lets in whoever
// is first to say them.
func (p *approval) fits(n *newHost) bool {
	return (p.ID == "" || p.ID == n.id) &&
		(p.Key == "" || p.Key == fingerprint(n.spki)) &&
		(p.FQDN == "" || p.FQDN == n.facts.FQDN) &&
		(p.Serial == "" || p.Serial == n.facts.Serial)
}

// approval uses up the first approval that fits; nil without one.
func (a *applicant) approval(tx *db.Tx, fits func(*approval) bool) (*welcome, error) {
	// Only what could fit is read: there may be one for each of 10,000 machines.
	all, err := readApprovals(tx, "WHERE id = ? OR fingerprint = ? OR (id = '' AND fingerprint = '' AND (fqdn = ? OR serial = ?))",
		a.host.id, fingerprint(a.host.spki), a.host.facts.FQDN, a.host.facts.Serial)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if fits(p) {
			_, err := tx.Exec("DELETE FROM hosts_approval WHERE num = ?", p.num)
			return &p.wanted, err
		}
	}
	return nil, nil
}

func readApprovals(tx *db.Tx, where string, args ...any) (all []*approval, err error) {
	err = tx.Each("SELECT num, id, fingerprint, fqdn, serial, wanted FROM hosts_approval "+where+" ORDER BY num", args, func(scan db.Scan) error {
		p := new(approval)
		var wanted []byte
		if err := scan(&p.num, &p.ID, &p.Key, &p.FQDN, &p.Serial, &wanted); err != nil {
			return err
		}
		err := readJSON("an approval", wanted, &p.wanted)
		p.Groups, p.Unit = p.wanted.Groups, p.wanted.Unit
		all = append(all, p)
		return err
	})
	return all, err
}

// maxApprovals bounds those that no host has used yet.
const maxApprovals = 100_000

// Approve lets a host in before it asks, or one that has a new key. A host that
// waits is let in by [Hosts.Edit].
func (h *Hosts) Approve(ctx context.Context, p api.Approval) error {
	p.Key = strings.ToLower(strings.TrimPrefix(p.Key, "sha256:"))
	said := clean(api.Facts{FQDN: p.FQDN, Serial: p.Serial}) // as the host's own words will be
	p.FQDN, p.Serial = said.FQDN, said.Serial
	if p.ID != "" {
		if err := checkID(p.ID); err != nil {
			return err
		}
	}
	if p.Key != "" && (len(p.Key) != 64 || strings.Trim(p.Key, "0123456789abcdef") != "") {
		return muster.WithField(muster.Errorf(muster.Invalid, "%q is no fingerprint of a key", cut(p.Key, 80)), "/key")
	}
	if p.ID == "" && p.Key == "" && p.FQDN == "" && p.Serial == "" {
		return muster.Errorf(muster.Invalid, "an approval names the id, the key, the name or the serial number of a host")
	}
	var w welcome
	var err error
	if w.Unit, err = checkUnit(p.Unit); err != nil {
		return muster.WithField(err, "/unit")
	}
	if w.Groups, err = checkGroups(p.Groups); err != nil {
		return muster.WithField(err, "/groups")
	}
	wanted, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return h.DB.Write(ctx, func(tx *db.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM hosts_approval").Scan(&n); err != nil {
			return err
		}
		if n >= maxApprovals {
			return muster.Errorf(muster.Busy, "%d approvals wait for hosts, and no more may", n)
		}
		num, err := tx.Next("hosts_number", "token", 1)
		if err != nil {
			return err
		}
		return tx.Insert("hosts_approval", []string{"num", "id", "fingerprint", "fqdn", "serial", "wanted", "created"},
			[][]any{{num, p.ID, p.Key, p.FQDN, p.Serial, wanted, h.Now().Unix()}})
	})
}

// Approvals lists the approvals that no host has used yet.
func (h *Hosts) Approvals(ctx context.Context) (out api.ApprovalPage, err error) {
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		all, err := readApprovals(tx, "")
		out.Approvals = []api.Approval{}
		for _, p := range all {
			out.Approvals = append(out.Approvals, p.Approval)
		}
		return err
	})
	return out, err
}
