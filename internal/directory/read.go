package directory

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"muster"
)

// Bounds on what is read.
const (
	maxValues = 5_000_000 // members and memberships, of all entries
	maxNames  = 32        // of one computer
	maxGroups = 4096      // of one computer
)

// inChain is Active Directory's rule by which members at any depth match:
// LDAP_MATCHING_RULE_IN_CHAIN of [MS-ADTS] 3.1.1.3.4.4.3.
const inChain = "1.2.840.113556.1.4.1941"

// A computer is an entry for a machine, a group one for a group.
type (
	computer struct {
		dn     string
		domain string
		names  []string
		units  []string
		up     []int32 // groups that it is in
		broken bool    // its place cannot be told
	}
	group struct {
		dn   string
		name string  // of its package; "" where it has none
		up   []int32 // groups that it is in
		// What stands for entries that may come later.
		above, members []dnKey
	}
)

// A reading is what was read of a directory so far: groups, then computers.
type reading struct {
	c         *Config
	search    search
	computers []computer
	groups    []group
	machine   map[dnKey]int32
	group     map[dnKey]int32
	bySID     map[string]int32
	values    int
	problems  problems
}

// read reads the whole directory.
func (c *Config) read(ctx context.Context) (*snapshot, error) {
	ctx, stop := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("it took longer than %v", c.Timeout))
	defer stop()
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := &reading{c: c, search: search{conn: conn, left: c.MaxEntries},
		machine: map[dnKey]int32{}, group: map[dnKey]int32{}, bySID: map[string]int32{}}
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	return r.snapshot()
}

func (r *reading) all(ctx context.Context) error {
	if r.c.Membership != "none" {
		attributes := []string{r.c.GroupName, "objectSid"}
		switch r.c.Membership {
		case "memberof":
			attributes = append(attributes, "memberOf")
		case "member":
			attributes = append(attributes, "member", "uniqueMember")
		}
		for _, base := range r.c.GroupBases {
			if err := r.search.each(ctx, base, r.c.Groups, attributes, r.addGroup); err != nil {
				return err
			}
		}
	}
	attributes := append(slices.Clone(r.c.Names), "memberOf", "primaryGroupID", "objectSid")
	for _, base := range r.c.Bases {
		if err := r.search.each(ctx, base, r.c.Computers, attributes, r.addComputer); err != nil {
			return err
		}
	}
	if r.c.Membership == "rule" {
		return r.chains(ctx)
	}
	return nil
}

// addGroup keeps a group. Bases may overlap: an entry counts once.
func (r *reading) addGroup(e *ldap.Entry) error {
	rdns, err := parseDN(e.DN)
	if err != nil { // no reason to read nothing: who may make entries could stop all
		r.problems.add("a group is left out: %v", err)
		return nil
	}
	k, n := key(rdns), int32(len(r.groups))
	if _, ok := r.group[k]; ok {
		return nil
	}
	name, err := first(e, r.c.GroupName)
	if err != nil {
		return err
	}
	g := group{dn: e.DN, name: groupName(name)}
	if g.name == "" {
		r.problems.add("the group %.200q has no name: its attribute %s is %.200q", e.DN, r.c.GroupName, name)
	}
	if g.above, err = r.keys(e, "memberOf"); err != nil {
		return err
	}
	for _, attribute := range []string{"member", "uniqueMember"} {
		members, err := r.keys(e, attribute)
		if err != nil {
			return err
		}
		g.members = append(g.members, members...)
	}
	sid, err := first(e, "objectSid")
	if err != nil {
		return err
	}
	if sid != "" {
		r.bySID[sid] = n
	}
	r.group[k], r.groups = n, append(r.groups, g)
	return nil
}

// keys are the DNs that an attribute holds. Those that are none are a problem,
// but not one for others.
func (r *reading) keys(e *ldap.Entry, attribute string) ([]dnKey, error) {
	all, err := values(e, attribute)
	if err != nil {
		return nil, err
	}
	if r.values += len(all); r.values > maxValues {
		return nil, muster.Errorf(muster.Invalid, "there are more than %d memberships", maxValues)
	}
	keys := make([]dnKey, 0, len(all))
	for _, v := range all {
		rdns, err := parseDN(string(v))
		if err != nil {
			r.problems.add("%s of %.200q: %v", attribute, e.DN, err)
			continue
		}
		keys = append(keys, key(rdns))
	}
	return keys, nil
}

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

// chains asks for every group which computers are in it, at any depth: a search
// a group.
func (r *reading) chains(ctx context.Context) error {
	if err := r.search.capable(); err != nil {
		return err
	}
	s := search{conn: r.search.conn, left: maxValues}
	for i, g := range r.groups {
		filter := fmt.Sprintf("(&%s(memberOf:%s:=%s))", r.c.Computers, r.c.chain, ldap.EscapeFilter(g.dn))
		add := func(e *ldap.Entry) error {
			rdns, err := parseDN(e.DN)
			if err != nil {
				return nil // as above
			}
			if m, ok := r.machine[key(rdns)]; ok {
				r.computers[m].up = append(r.computers[m].up, int32(i))
			}
			return nil
		}
		for _, base := range r.c.Bases {
			if err := s.each(ctx, base, filter, []string{"1.1"}, add); err != nil {
				return err
			}
		}
	}
	return nil
}
