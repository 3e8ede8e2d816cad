// Package directory tells where computers stand in LDAP or Active Directory: in
// which organisational units, and in which groups.
//
// Start with [Open], call [Directory.Run] beside, and ask [Directory.Place].
// [Directory.Status] is for people. A Directory is what package hosts asks for:
//
//	d, err := directory.Open(config) // where config has URLs
//	go d.Run(ctx, report)
//	hosts.Open(ctx, hosts.Config{Directory: d, ...})
//
// # Names
//
// Units and groups are told as names of packages. A unit is named by its path from
// the outermost on, joined by dots: a host in OU=lab,OU=paris,DC=example,DC=org is
// in "paris" and "paris.lab". Domain components and containers (CN=Computers) are
// no units. A group is named by one attribute, sAMAccountName or cn.
//
// A name is taken in lower case, NFC, and without spaces at its ends or doubled
// ones, as directories compare them. Then
//
//	a-z 0-9 -   stay; so does "." in groups
//	space       ~
//	_           +-
//	others      +HEX+, the code point in hexadecimal; neighbours +HEX-HEX+
//
// so "Domain Computers" is domain~computers, "GG_Paris" gg+-paris, "Comptabilité"
// comptabilit+e9+. What would not begin with a letter or digit begins with "0++".
// What would be longer than 128 bytes is cut before an escape or letter and ends in
// "+" and 32 hexadecimal digits, of the SHA-256 of the whole. Two names that
// directories tell apart are never the same, so nobody gets into a unit or group by
// making one with a similar name.
//
// # Promise
//
// A reading counts only when it is whole: a server that goes away, a limit that is
// met, an answer that is cut short leave the snapshot before in place, however old,
// and [Directory.Status] says how old. A directory without computers is not
// believed; one with less than half of those before is believed when it still is
// like that after [Config.Every]: a reader may have lost its rights. A name that several computers have is that of none, and one that
// several groups have is no group; both are told as problems.
//
// # If hostile
//
// Who runs the directory, or may move computers and make groups in it, chooses
// among signed packages for these hosts. They cannot make one. Answers are bounded
// in size, number and time; referrals are not followed.
//
// # Not handled
//
// Ranges of values (Active Directory gives 1,500 members of a group at a time) are
// refused rather than read: memberof needs none. Groups of other domains are seen
// only through a global catalogue (port 3269). Kerberos and client certificates.
package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster"
)

// A Directory answers from the snapshot that was read last. Its methods may be
// called from many goroutines.
type Directory struct {
	every   time.Duration
	read    func(context.Context) (*snapshot, error)
	current atomic.Pointer[snapshot]

	mu     sync.Mutex // of readings, and what follows
	doubt  time.Time  // since when it shows much less than before; zero: it does not
	failed error      // of the last reading
	told   []string   // problems that were reported
}

// Open checks a configuration. It does not ask the directory, which may be down
// when a server starts.
func Open(c Config) (*Directory, error) {
	if err := c.complete(); err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("cannot use the directory: %w", err))
	}
	return &Directory{every: c.Every, read: c.read}, nil
}

// Place returns the units of a computer, the outermost first, and its groups, in
// order; nil where it is not known. A computer is known by its full name, by its
// first label where the domain is that of its entry's DN, and by its GUID. ready
// is false until the directory could be read.
func (d *Directory) Place(name string) (units, groups []string, ready bool) {
	s := d.current.Load()
	if s == nil {
		return nil, nil, false
	}
	p, _ := s.find(strings.ToLower(strings.TrimSuffix(name, ".")))
	return slices.Clip(p.units), slices.Clip(p.groups), true
}

// Status is how it goes.
type Status struct {
	Ready     bool
	Read      time.Time // when the snapshot was read that is used
	Failed    error     // why it could not be read since; nil: it could
	Computers int
	Groups    int
	Count     int      // of problems
	Problems  []string // the first 100 of them, for people
}

// Status returns how it goes.
func (d *Directory) Status() Status {
	d.mu.Lock()
	st := Status{Failed: d.failed}
	d.mu.Unlock()
	s := d.current.Load()
	if s == nil {
		return st
	}
	st.Ready, st.Read, st.Computers, st.Groups = true, s.at, s.computers, s.groups
	st.Count, st.Problems = s.problems.count, slices.Clone(s.problems.words)
	return st
}

// Refresh reads the directory now.
func (d *Directory) Refresh(ctx context.Context) error {
	s, err := d.read(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		err = d.believe(s)
	}
	d.failed = err
	return err
}

// believe makes s the snapshot. The caller holds mu.
func (d *Directory) believe(s *snapshot) error {
	old := d.current.Load()
	if old != nil && s.computers < old.computers/2 {
		if d.doubt.IsZero() {
			d.doubt = time.Now()
		}
		if left := d.every - time.Since(d.doubt); left > 0 {
			return muster.WithHint(muster.Errorf(muster.Conflict, "the directory shows %d computers, and showed %d before; it is believed when it still does in %v",
				s.computers, old.computers, left.Round(time.Second)), "look whether bind-dn may still read all of them")
		}
	}
	d.doubt = time.Time{}
	s.at = time.Now()
	d.current.Store(s)
	return nil
}

// Run reads the directory now and then, until ctx ends. What fails, and new
// problems in the directory, it reports. After a failure it tries again sooner.
func (d *Directory) Run(ctx context.Context, report func(error)) {
	for failures := 0; ; {
		wait := d.every
		if err := d.Refresh(ctx); err != nil && ctx.Err() == nil {
			report(err)
			wait = min(d.every, 10*time.Second<<min(failures, 10))
			failures++
		} else {
			failures = 0
			d.tell(report)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// tell reports problems when they are others than before.
func (d *Directory) tell(report func(error)) {
	st := d.Status()
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Equal(st.Problems, d.told) {
		return
	}
	if d.told = st.Problems; st.Count > 0 {
		report(muster.Errorf(muster.Conflict, "the directory has %d problems, as: %s", st.Count, st.Problems[0]))
	}
}
