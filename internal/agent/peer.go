package agent

import (
	"context"
	"net"

	"muster"
	"muster/settings"
)

// A Peer is who is at the other end of the agent's socket, as the system says.
type Peer struct {
	ID     string   // the number of the user; on Windows the SID
	Name   string   // on Windows DOMAIN\user
	Also   []string // other names of the same account, on Windows: see [account.peer]
	Groups []string // names, where they are known, else numbers; on Windows SIDs too
	Admin  bool     // may do anything
}

// person is the peer in the words of settings.
func (p *Peer) person() settings.Person {
	return settings.Person{User: p.Name, Also: p.Also, Groups: p.Groups}
}

// unknown is the error for those of whom nobody can tell who they are.
func unknown(err error) error {
	if err == nil {
		return muster.Errorf(muster.Denied, "this system does not say who you are")
	}
	return muster.Errorf(muster.Denied, "this system does not say who you are: %w", err)
}

// A who finds out the rest about a peer: names and groups, which may have to be asked of
// another machine.
type who func() (*Peer, error)

type (
	whoKey  struct{}
	peerKey struct{}
)

// withWho notes whose a connection is. Who that is in words is asked by request: this
// holds up all who connect.
func withWho(ctx context.Context, c net.Conn) context.Context {
	if h, ok := c.(*heldConn); ok {
		return context.WithValue(ctx, whoKey{}, h.who)
	}
	return ctx
}

// withPeer adds the peer of a connection that has its [withWho].
func withPeer(ctx context.Context) (context.Context, error) {
	find, _ := ctx.Value(whoKey{}).(who)
	if find == nil {
		return nil, unknown(nil)
	}
	p, err := find()
	if err != nil {
		return nil, unknown(err)
	}
	return context.WithValue(ctx, peerKey{}, p), nil
}

func peerFrom(ctx context.Context) *Peer {
	p, _ := ctx.Value(peerKey{}).(*Peer)
	return p
}
