package hosts

import (
	"context"
	"muster/api"
	"muster/internal/db"
)

// hostColumns are what scanHost reads; of hosts_host h, hosts_fact f and hosts_seen s.
const hostColumns = `h.num, h.id, h.name, h.state, h.agent, h.enrolled, f.status, f.problem, f.fqdn, f.os, f.osname, f.arch, f.summary, s.seen, s.address`

const hostTables = ` FROM hosts_host h JOIN hosts_fact f ON f.host = h.num JOIN hosts_seen s ON s.host = h.num`

// scanHost reads a row of a list.
func (h *Hosts) scanHost(scan scanner) (num int64, out api.Host, err error) {
	var summary []byte
	err = scan(&num, &out.ID, &out.Name, &out.State, &out.Agent, &out.Enrolled, &out.Status, &out.Problem, &out.FQDN, &out.OS, &out.OSName,
		&out.Arch, &summary, &out.Seen, &out.Address)
	if err != nil {
		return 0, out, err
	}
	if summary != nil {
		var s api.Summary
		if err := readJSON("a summary", summary, &s); err != nil {
			return 0, out, err
		}
		out.Packages = s.Packages
	}
	h.present(num, &out)
	return num, out, nil
}

// present adds what memory knows better.
func (h *Hosts) present(num int64, out *api.Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.byNum[num]
	if e == nil {
		return
	}
	out.Seen, out.Address = max(out.Seen, e.seen), e.address
	out.Online = e.held > 0 || e.due > 0 && h.Now().Unix() <= e.due+int64(h.Interval.Seconds()/10)
}

// List returns a page of hosts.
func (h *Hosts) List(ctx context.Context, q api.HostQuery) (out api.HostPage, err error) {
	out.Hosts = []api.Host{}
	limit := q.Limit
	if limit <= 0 || limit > 1000 {
		limit = 50
	}
	err = h.DB.Read(ctx, func(tx *db.Tx) error {
		out.Hosts = out.Hosts[:0]
		return each(tx, "SELECT "+hostColumns+hostTables+" ORDER BY h.name, h.num LIMIT ?", []any{limit}, func(scan scanner) error {
			_, host, err := h.scanHost(scan)
			out.Hosts = append(out.Hosts, host)
			return err
		})
	})
	return out, err
}
