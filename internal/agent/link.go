package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"time"

	"muster"
	"muster/api"
	"muster/sign"
)

// A Link is how a host speaks to its server, with what it keeps for that.
type Link struct {
	*api.HostClient
	Home     *Home
	Identity *Identity
	counter  *Counter
	options  api.Options
}

// A Dialing says how a link is opened.
type Dialing struct {
	Version string           // of muster
	Now     func() time.Time // nil is time.Now
	// Seen is the time of the newest head of a repository that the host knows, for
	// clocks that are off.
	Seen time.Time
}

// OpenLink reads who the host is. Nothing is sent.
func OpenLink(home *Home, d Dialing) (*Link, error) {
	id, err := home.Identity()
	if err != nil {
		return nil, err
	}
	key, err := home.Key(false)
	if err != nil {
		return nil, err
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	opts, err := home.dialOptions(id, d)
	if err != nil {
		return nil, err
	}
	client, err := api.New(id.URL, opts)
	if err != nil {
		return nil, err
	}
	client.Server.ID = id.Server
	l := &Link{Home: home, Identity: id, counter: &Counter{home: home}, options: opts}
	l.HostClient = &api.HostClient{Client: client, ID: id.ID, Key: key, Next: l.counter.Next, Now: d.Now}
	return l, nil
}

// dialOptions say which TLS certificates count, and when.
func (h *Home) dialOptions(id *Identity, d Dialing) (api.Options, error) {
	certs, err := h.Authorities()
	if err != nil {
		return api.Options{}, err
	}
	var roots *x509.CertPool
	if certs != nil {
		roots = certPool(certs)
	}
	u, err := url.Parse(id.URL)
	if err != nil {
		return api.Options{}, err
	}
	verify := func(cs tls.ConnectionState) error {
		return verifyTimely(cs, u.Hostname(), roots, d.Now(), sign.Floor(d.Seen))
	}
	return api.Options{Agent: "muster/" + d.Version, Insecure: true, Verify: verify}, nil // verify does what TLS would
}

// byServer has the link sign by the server's clock where the host's is off by more
// than a server accepts, and returns by how much. The host's own clock is left
// alone: a server is no time server, and a signature is the only thing that it has
// to accept.
func (l *Link) byServer(ctx context.Context) (time.Duration, error) {
	c, err := api.Dial(ctx, l.Identity.URL, l.options)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	now := l.Now
	off := c.Server.Clock(now())
	if off.Abs() < time.Minute {
		return 0, nil
	}
	l.Now = func() time.Time { return now().Add(off) }
	return off, nil
}

// comeBack makes the host known to a server that says that it does not know it: its
// database was lost, or is an older one. The certificate proves who the host was, so
// that no person has to do anything.
func (l *Link) comeBack(ctx context.Context, facts api.Facts) error {
	cert, err := readBounded(l.Home.file("certificate.pem"))
	if err != nil {
		return err
	}
	facts.Name = l.Identity.Name
	answer, err := l.Return(ctx, api.Return{Certificate: string(cert), Facts: facts,
		Memberships: l.Home.policy().Memberships, Enrolled: l.Identity.Enrolled})
	if err != nil {
		return err
	}
	return l.enrolled(answer)
}

// enrolled keeps what the server answered to a wish to be its host.
func (l *Link) enrolled(answer api.Enrolled) error {
	switch answer.State {
	case api.Accepted:
	case api.Pending:
		l.Identity.State = api.Pending
		return l.Home.SaveIdentity(l.Identity)
	default:
		return muster.WithHint(muster.Errorf(muster.Denied, "the server has not accepted this host: it is %s", answer.State),
			"an administrator of the server decides")
	}
	if err := l.Home.SaveCertificate(answer.Certificate, l.ID, l.Key.Public()); err != nil {
		return err
	}
	if err := l.counter.Raise(answer.Counter); err != nil {
		return err
	}
	if l.Identity.State = api.Accepted; l.Identity.Enrolled == 0 {
		l.Identity.Enrolled = l.Now().Unix()
	}
	return l.Home.SaveIdentity(l.Identity)
}

// after is how long the server asked to wait, 0 where it did not.
func after(err error) time.Duration {
	var status *api.StatusError
	if errors.As(err, &status) {
		return time.Duration(status.After) * time.Second
	}
	return 0
}
