package agent

import (
	"context"
	"net/http"
	"slices"

	"muster"
	"muster/internal/install"
	"muster/settings"
)

// A Catalogue is what self-service has for one person.
type Catalogue struct {
	User     string  `json:"user"`
	Admin    bool    `json:"admin,omitempty"`
	Postpone bool    `json:"postpone,omitempty"` // they may put upgrades off
	Upgrade  bool    `json:"upgrade,omitempty"`  // they may have the pending upgrade made
	Offers   []Offer `json:"offers,omitempty"`
}

// ofHost opens the folder in which the host keeps what people are shown.
func (a *Agent) ofHost() (*Home, error) {
	root, err := install.Open(a.Root, nil)
	if err != nil {
		return nil, err
	}
	return HomeOf(root.State, nil), nil
}

// shelved reads the shelf, for one person at a time: whoever asks without end takes
// no more memory than one.
func (a *Agent) shelved(ctx context.Context) (*shelf, error) {
	select {
	case a.reading <- struct{}{}:
		defer func() { <-a.reading }()
	case <-ctx.Done():
		return nil, muster.Errorf(muster.Busy, "others are being answered")
	}
	h, err := a.ofHost()
	if err != nil {
		return nil, err
	}
	return h.readShelf(), nil
}

// catalogueFor lists what p may do something with, and nothing else.
func (a *Agent) catalogueFor(ctx context.Context, p *Peer) (*Catalogue, error) {
	s, err := a.shelved(ctx)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{User: p.Name, Admin: p.Admin, Postpone: a.mayPostpone(p)}
	c.Upgrade = c.Admin
	for _, o := range s.Offers {
		if o.May = s.may(p, &o); len(o.May) > 0 {
			c.Upgrade = c.Upgrade || o.Installed != "" && slices.Contains(o.May, settings.Upgrade)
			c.Offers = append(c.Offers, o)
		}
	}
	return c, nil
}

// may lists what rules let a person do with a package. What a change would do beside is
// judged when it is planned: see [allow].
func (s *shelf) may(p *Peer, o *Offer) (may []settings.Op) {
	for _, op := range []settings.Op{settings.Install, settings.Remove, settings.Upgrade} {
		if p.Admin || s.Rules.Allow(foldedPerson(p.person()), op, o.Name, o.Kind) != nil {
			may = append(may, op)
		}
	}
	return may
}

// pastFor lists the newest changes of the root.
func (a *Agent) pastFor(ctx context.Context, p *Peer) ([]Past, error) {
	s, err := a.shelved(ctx)
	if err != nil {
		return nil, err
	}
	return seenBy(p, s.Past), nil
}

// sendIcon answers with an icon. It is bytes to whoever asks: what shows it decides that
// it is a picture.
func (a *Agent) sendIcon(w http.ResponseWriter, r *http.Request) {
	h, err := a.ofHost()
	var data []byte
	if err == nil {
		data, err = h.readIcon(r.PathValue("sha256"))
	}
	if err != nil {
		reply(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(data)
}
