package agent

import (
	"context"
	"net"
	"os/user"
	"slices"
	"strconv"

	"muster"
)

// A Peer is who is at the other end of the agent's socket, as the kernel says.
type Peer struct {
	UID    int
	Name   string
	Groups []string // names, where they are known, else numbers
}

// Admin reports whether the peer may do anything: root, or whoever the agent itself
// runs as.
func (p *Peer) Admin(own int) bool { return p.UID == 0 || p.UID == own }

// peerOf asks the kernel who is at the other end.
func peerOf(c net.Conn) (*Peer, error) {
	if h, ok := c.(*heldConn); ok {
		c = h.UnixConn
	}
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return nil, muster.Errorf(muster.Denied, "nobody can tell who is at the other end")
	}
	uid, err := uidOf(unix)
	if err != nil {
		return nil, err
	}
	p := &Peer{UID: uid, Name: strconv.Itoa(uid)}
	if u, err := user.LookupId(p.Name); err == nil {
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
	return p, nil
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

type peerKey struct{}

func withPeer(ctx context.Context, c net.Conn) context.Context {
	p, err := peerOf(c)
	if err != nil {
		return ctx // without a peer every request is denied
	}
	return context.WithValue(ctx, peerKey{}, p)
}

func peerFrom(ctx context.Context) *Peer {
	p, _ := ctx.Value(peerKey{}).(*Peer)
	return p
}
