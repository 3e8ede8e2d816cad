package directory

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// addComputer keeps a computer.
func (r *reading) addComputer(e *ldap.Entry) error {
	rdns, err := parseDN(e.DN)
	if err != nil {
		r.problems.add("a computer is left out: %v", err)
		return nil
	}
	k := key(rdns)
	if _, ok := r.machine[k]; ok {
		return nil
	}
	m := computer{dn: e.DN, domain: domain(rdns)}
	if m.units, err = unitsAbove(rdns); err != nil {
		r.problems.add("%.200q has no units nor groups: %v", e.DN, err)
		m.broken = true
	}
	if m.names, err = r.names(e); err != nil {
		return err
	}
	if m.up, err = r.direct(e); err != nil {
		return err
	}
	r.machine[k], r.computers = int32(len(r.computers)), append(r.computers, m)
	return nil
}

// names are those by which a host may know itself.
func (r *reading) names(e *ldap.Entry) (names []string, err error) {
	for _, attribute := range r.c.Names {
		all, err := values(e, attribute)
		if err != nil {
			return nil, err
		}
		for _, v := range all {
			if name := hostName(attribute, v); name != "" {
				names = append(names, name)
			}
		}
	}
	if len(names) > maxNames {
		r.problems.add("%.200q has %d names, of which %d count", e.DN, len(names), maxNames)
		names = names[:maxNames]
	}
	return names, nil
}

// hostName is a name as hosts say it, "" for what is none.
func hostName(attribute string, v []byte) string {
	if strings.EqualFold(attribute, "objectGUID") {
		return guid(v)
	}
	if len(v) > 255 {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(string(v), "$"), "."))
}

// guid writes the bytes of an objectGUID as Windows does: the first three fields
// are little-endian.
func guid(v []byte) string {
	if len(v) != 16 {
		return ""
	}
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint16(v[4:]),
		binary.LittleEndian.Uint16(v[6:]), v[8:10], v[10:])
}

// direct are the groups that a computer itself says it is in, its primary group
// among them, which no memberOf nor member names.
func (r *reading) direct(e *ldap.Entry) (up []int32, err error) {
	if r.c.Membership == "none" {
		return nil, nil
	}
	if r.c.Membership == "memberof" {
		above, err := r.keys(e, "memberOf")
		if err != nil {
			return nil, err
		}
		up = r.known(above)
	}
	sid, err := first(e, "objectSid")
	if err != nil {
		return nil, err
	}
	id, err := first(e, "primaryGroupID")
	if err != nil {
		return nil, err
	}
	if g, ok := r.bySID[primary(sid, id)]; ok {
		up = append(up, g)
	}
	return up, nil
}

// known are the groups among keys.
func (r *reading) known(keys []dnKey) (groups []int32) {
	for _, k := range keys {
		if g, ok := r.group[k]; ok {
			groups = append(groups, g)
		}
	}
	return groups
}

// primary is the security identifier of a computer's primary group: that of the
// computer with another last number, 32 bits little-endian ([MS-DTYP] 2.4.2.2).
func primary(sid, id string) string {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || len(sid) < 12 {
		return ""
	}
	return string(binary.LittleEndian.AppendUint32([]byte(sid[:len(sid)-4]), uint32(n)))
}
