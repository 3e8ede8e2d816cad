//go:build !windows

package agent

import (
	"errors"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
)

// identify asks the kernel who is at the other end: the number of the user at once, the
// rest when it is wanted.
func identify(c net.Conn) (id string, find who, err error) {
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return "", nil, errors.New("this is no socket of this machine")
	}
	uid, err := uidOf(unix)
	if err != nil {
		return "", nil, err
	}
	return strconv.Itoa(uid), func() (*Peer, error) { return userOf(uid), nil }, nil
}

// uidOf is the user alone.
func uidOf(c *net.UnixConn) (uid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	if cerr := raw.Control(func(fd uintptr) { uid, err = peerUID(int(fd)) }); cerr != nil {
		return -1, cerr
	}
	return uid, err
}

// userOf says what is known of a user.
func userOf(uid int) *Peer {
	id := strconv.Itoa(uid)
	p := &Peer{ID: id, Name: id, Admin: administrator(uid, os.Getuid())}
	if u, err := user.LookupId(id); err == nil {
		p.Name = u.Username
		ids, _ := u.GroupIds()
		for _, id := range ids {
			if g, err := user.LookupGroupId(id); err == nil {
				id = g.Name
			}
			p.Groups = append(p.Groups, id)
		}
	}
	slices.Sort(p.Groups)
	return p
}

// administrator reports whether a user may do anything: root, or whoever the agent itself
// runs as.
func administrator(uid, own int) bool { return uid == 0 || uid == own }
