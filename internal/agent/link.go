package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"muster"
	"muster/api"
)

// A Link is how a host speaks to its server, with what it keeps for that.
type Link struct {
	*api.HostClient
	Home     *Home
	Identity *Identity
	counter  *Counter
}

// OpenLink reads who the host is. Nothing is sent.
func OpenLink(home *Home, version string, now func() time.Time) (*Link, error) {
	id, err := home.Identity()
	if err != nil {
		return nil, err
	}
	key, err := home.Key(false)
	if err != nil {
		return nil, err
	}
	opts := api.Options{Agent: "muster/" + version}
	certs, err := home.Authorities()
	if err != nil {
		return nil, err
	}
	if certs != nil {
		opts.CA = x509.NewCertPool()
		for _, c := range certs {
			opts.CA.AddCert(c)
		}
	}
	client, err := api.New(id.URL, opts)
	if err != nil {
		return nil, err
	}
	client.Server.ID = id.Server
	l := &Link{Home: home, Identity: id, counter: &Counter{home: home}}
	l.HostClient = &api.HostClient{Client: client, ID: id.ID, Key: key, Next: l.counter.Next, Now: now}
	return l, nil
}

// comeBack makes the host known to a server that says that it does not know it: its
// database was lost, or is an older one. The certificate proves who the host was, so
// that no person has to do anything.
func (l *Link) comeBack(ctx context.Context, facts api.Facts) error {
	cert, err := readBounded(l.Home.file("certificate.pem"))
	if err != nil {
		return err
	}
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
		l.Identity.Enrolled = l.now().Unix()
	}
	return l.Home.SaveIdentity(l.Identity)
}

func (l *Link) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// after is how long the server asked to wait, 0 where it did not.
func after(err error) time.Duration {
	var status *api.StatusError
	if errors.As(err, &status) {
		return time.Duration(status.After) * time.Second
	}
	return 0
}
