package agent

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"muster"
	"muster/api"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/sign"
)

// A Joining is what a person says to make a root a host of a server.
type Joining struct {
	Root    string
	Area    bool // make an area, where there is no root yet
	URL     string
	Token   string
	CA      []string // authorities for TLS: see [ParsePins]
	Trust   []string // the administrators' anchors: see [ParsePins]
	Name    string   // in place of the host's own
	Unit    string
	Wait    time.Duration // how long to wait for a person to accept the host
	Version string        // of muster
	Now     func() time.Time
	Say     func(format string, args ...any)
}

// Join makes a root a host of a server: it learns who the server is, takes the
// anchors that the person pinned, makes a key, and asks to be let in. It may be
// repeated, after a crash too: what is done stays done. A host that a person has
// yet to accept is of state api.Pending in the result, and no error.
func Join(ctx context.Context, j Joining) (*Identity, error) {
	client, ca, err := j.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if ahead := client.Server.Clock(j.Now()); ahead.Abs() > time.Hour {
		j.Say("the clock of this host is %s off the server's; signatures may be refused", ahead)
	}
	root, err := j.setup(client)
	if err != nil {
		return nil, err
	}
	home := HomeOf(root.State, root.Disk)
	if err := j.introduce(home, client, ca); err != nil {
		return nil, err
	}
	link, err := OpenLink(home, Dialing{Version: j.Version, Now: j.Now})
	if err != nil {
		return nil, err
	}
	defer link.Close()
	return link.Identity, j.enrol(ctx, link)
}

// dial asks the server who it is, under the pins.
func (j *Joining) dial(ctx context.Context) (*api.Client, []*x509.Certificate, error) {
	pins, err := ParsePins(j.CA)
	if err != nil {
		return nil, nil, err
	}
	return Dial(ctx, j.URL, pins, "muster/"+j.Version)
}

// setup prepares the root: the anchors, and the repository of the server.
func (j *Joining) setup(client *api.Client) (*install.Root, error) {
	cfg := install.Config{Area: j.Area, Platform: muster.ThisPlatform()}
	trusts := false
	if old, err := install.Open(j.Root, nil); err == nil {
		cfg = old.Config
		trust, err := engine.LoadTrust(old.TrustDir())
		trusts = err == nil && len(trust.Anchors) > 0
	}
	anchors, err := j.anchors(client, trusts)
	if err != nil {
		return nil, err
	}
	if r := client.Server.Repository; r.ID != "" {
		at, err := client.URL(r.URL)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(cfg.Repositories, func(k install.Repository) bool { return k.ID == r.ID }) {
			cfg.Repositories = append(cfg.Repositories, install.Repository{ID: r.ID, URLs: []string{at}})
		}
	}
	root, err := install.Setup(j.Root, cfg, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range anchors {
		name := filepath.Join(root.TrustDir(), sign.Fingerprint(c)[:16]+".pem")
		if err := root.Disk.WriteFile(name, sign.EncodeCerts(c), 0o644); err != nil {
			return nil, err
		}
		j.Say("trusts %s", sign.Describe(c))
	}
	return root, nil
}

// anchors are those that the person pinned. The server may bring them, and never
// choose them: that is what keeps a server that was taken over from running code.
func (j *Joining) anchors(client *api.Client, trusts bool) ([]*x509.Certificate, error) {
	pins, err := ParsePins(j.Trust)
	if err != nil {
		return nil, err
	}
	if pins.Empty() && !trusts {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "nothing says whose packages this host may believe"),
			"--trust FILE or --trust sha256:FINGERPRINT of the administrators' certificate, from a person rather than from the server")
	}
	var offered []*x509.Certificate
	if client.Server.Anchors != "" {
		if offered, err = sign.ParseCerts([]byte(client.Server.Anchors)); err != nil {
			return nil, fmt.Errorf("cannot read the anchors that the server sent: %w", err)
		}
	}
	return pins.pick(offered, "the server")
}

// introduce writes down who the host is before anybody is told: a crash behind
// that does not make it another host.
func (j *Joining) introduce(home *Home, client *api.Client, ca []*x509.Certificate) error {
	if err := home.make(); err != nil {
		return err
	}
	id, err := home.Identity()
	if err != nil && muster.KindOf(err) != muster.NotFound {
		return err
	}
	if err == nil && id.Server != client.Server.ID {
		return muster.WithHint(muster.Errorf(muster.Conflict, "this root belongs to the server at %s", id.URL), "muster leave")
	}
	if _, err := home.Key(true); err != nil {
		return err
	}
	if ca != nil {
		if err := home.Disk.WriteFile(home.file("ca.pem"), sign.EncodeCerts(ca...), 0o644); err != nil {
			return err
		}
	}
	if id == nil {
		id = &Identity{ID: newUUID(), State: api.Pending}
	}
	id.Server, id.URL, id.Name = client.Server.ID, client.Base(), cmp.Or(j.Name, id.Name)
	if r := client.Server.Repository; r.ID != "" {
		at, err := client.URL(r.URL)
		if err != nil {
			return err
		}
		id.Repository = Repository{ID: r.ID, URL: at}
	}
	return home.SaveIdentity(id)
}

// enrol asks to be let in, and again for as long as a person has not decided.
func (j *Joining) enrol(ctx context.Context, l *Link) error {
	unlock, err := l.Home.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	ask, err := j.request(ctx, l)
	if err != nil {
		return err
	}
	for end := j.Now().Add(j.Wait); ; {
		answer, err := l.Enrol(ctx, ask)
		if err != nil {
			return err
		}
		if err := l.enrolled(answer); err != nil || l.Identity.State == api.Accepted {
			return err
		}
		pause := time.Duration(min(max(answer.Next, 1), 600)) * time.Second
		if j.Now().Add(pause).After(end) {
			return nil
		}
		j.Say("waiting for a person to accept host %s", l.ID)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (j *Joining) request(ctx context.Context, l *Link) (api.Enrol, error) {
	e, err := engine.Open(j.Root, engine.Options{Now: j.Now})
	if err != nil {
		return api.Enrol{}, err
	}
	ask := api.Enrol{Token: j.Token, Unit: j.Unit, Facts: factsOf(ctx, e, j.Version)}
	ask.Facts.Name = l.Identity.Name
	return ask, nil
}

// Renew asks for a new certificate. A server that lost the host's counter, or a
// host that did, agree on one again.
func Renew(ctx context.Context, l *Link) error {
	unlock, err := l.Home.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	answer, err := l.Renew(ctx, nil)
	if err != nil {
		return err
	}
	return l.enrolled(answer)
}

// Leave forgets that the root belongs to a server. What is installed stays, and
// so does whom it trusts. The server keeps what it knows until a person has it
// forget the host.
func Leave(home *Home) error {
	if _, err := home.Identity(); err != nil {
		return err
	}
	unlock, err := home.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	// The identity goes first: what a crash leaves is a host that never joined, with
	// a key that nobody has heard of.
	for _, name := range []string{"host.json", "key.pem", "certificate.pem", "counter", "known.json", "policy.json", "inventory.json", "settings.json", "schedule.json", "ca.pem"} {
		if err := home.Disk.Remove(home.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return home.Disk.RemoveAll(home.file("results"))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
