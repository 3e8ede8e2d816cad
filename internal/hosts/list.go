package hosts

import (
	"time"

	"muster/api"
	"muster/internal/db"
)

// hostColumns are what scanHost reads; of hosts_host h, hosts_fact f and hosts_seen s.
const hostColumns = `h.num, h.id, h.name, h.state, h.agent, h.enrolled, f.status, f.problem, f.fqdn, f.os, f.osname, f.arch, f.summary, s.seen, s.address`

const hostTables = ` FROM hosts_host h JOIN hosts_fact f ON f.host = h.num JOIN hosts_seen s ON s.host = h.num`

// scanHost reads a row of a list.
func (h *Hosts) scanHost(scan db.Scan) (num int64, out api.Host, err error) {
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
	due := e.due
	if out.Seen > e.seen { // by another server
		due = 0
	} else {
		out.Seen, out.Address = e.seen, e.address
	}
	out.Online = e.held > 0 || h.expected(e, out.Seen, due)
}

// expected reports whether the host, seen last at seen, is not overdue. Who told it
// when to come, if that was not this process, told what spread says.
func (h *Hosts) expected(e *entry, seen, due int64) bool {
	if e.state != api.Accepted && e.state != api.Cloned {
		return false
	}
	if due == 0 {
		at := time.Unix(seen, 0)
		due = at.Add(h.spread(e.id, at)).Unix()
	}
	return h.Now().Unix() <= due+int64(h.Interval.Seconds()/10)
}
