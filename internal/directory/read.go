package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// read reads the whole directory from the first server that gives it.
func (c *Config) read(ctx context.Context) (*snapshot, error) {
	var errs []error
	for _, server := range c.URLs {
		s, err := c.readFrom(ctx, server)
		if err == nil {
			return s, nil
		}
		if errs = append(errs, fmt.Errorf("%q: %w", server, err)); ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("cannot read the directory: %w", errors.Join(errs...))
}

func (c *Config) readFrom(ctx context.Context, server string) (*snapshot, error) {
	ctx, stop := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("it took longer than %v", c.Timeout))
	defer stop()
	conn, err := c.connect(ctx, server)
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
	attributes := append(slices.Clone(r.c.Names), "primaryGroupID", "objectSid")
	if r.c.Membership == "memberof" {
		attributes = append(attributes, "memberOf")
	}
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
