package cli

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/index"
	"muster/internal/repo"
	"muster/sign"
)

// serverOf is the address of the server whose repository is at base.
func serverOf(base string) string {
	return strings.TrimSuffix(strings.TrimSuffix(base, "/"), strings.TrimSuffix(api.RouteRepo, "/"))
}

// on opens the session on the server at url, which may be the address of its
// repository.
func (a *app) on(url string) (*api.PersonClient, error) {
	url = serverOf(url)
	all, err := readSessions()
	if err != nil {
		return nil, err
	}
	if _, ok := all.Sessions[url]; !ok {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "there is no session on %s", url),
			"muster login %s --key KEY --cert CERT", url)
	}
	return a.personAt(url, all)
}

// repoInitServer sets up the repository of a server: it signs the first link of
// trust here, where the key is, and the server's own key for the heads alone.
func (a *app) repoInitServer(ctx context.Context, url string, o initOptions) error {
	p, err := a.on(url)
	if err != nil {
		return err
	}
	defer p.Close()
	id, err := a.identity(o.signer)
	if err != nil {
		return err
	}
	if len(id.Chain) > 1 {
		return muster.WithHint(muster.Errorf(muster.Denied, "the chain of trust of a repository begins with %s, not with %s",
			sign.Describe(id.Chain[len(id.Chain)-1]), sign.Describe(id.Leaf())),
			"this once, sign with the authority's key: muster repo init %s --key ca.key --cert ca.crt", url)
	}
	server, err := p.Who(ctx)
	if err != nil {
		return err
	}
	certs, err := sign.ParseCerts([]byte(server.Repository.Index))
	if err != nil {
		return err
	}
	if rights := sign.Rights(certs[0]); !slices.Equal(rights, []sign.Right{sign.RightIndex}) {
		return muster.Errorf(muster.Denied, "the server's certificate would let it do more than sign heads: %v", rights)
	}
	trust, err := loadTrust(o.anchors...)
	if err != nil {
		return err
	}
	link, err := repo.FirstLink(o.id, []*sign.Identity{id}, a.now(), func(l *index.Link) {
		for _, c := range trust.Anchors {
			l.Add = append(l.Add, c.Raw)
		}
		repo.HeadSigner(certs[0])(l)
	})
	if err != nil {
		return err
	}
	r, err := a.postLink(ctx, p, id, link)
	if err != nil {
		return err
	}
	return a.answer(r, func() error {
		a.print("%s: repository %s, empty", p.Base(), r.ID)
		a.talk("its chain of trust begins with %s", sign.Describe(id.Chain[len(id.Chain)-1]))
		a.talk("heads are signed by the server's key, which may sign nothing else: sha256:%s", sign.Fingerprint(certs[0]))
		return nil
	})
}

// postLink posts a link of trust as whoever signed it: that the authority's key is at
// hand says more than the session of the person who types. Where the server knows
// them not, the session has to do.
func (a *app) postLink(ctx context.Context, p *api.PersonClient, signer *sign.Identity, link []byte) (out api.Repository, err error) {
	s, err := p.Login(ctx, signer, a.now())
	if err != nil {
		return p.PostLink(ctx, link)
	}
	as := &api.PersonClient{Client: p.Client, Token: s.Token}
	defer as.Logout(context.WithoutCancel(ctx)) //nolint:errcheck // it ends by itself
	return as.PostLink(ctx, link)
}

// repoPublishServer uploads package files.
func (a *app) repoPublishServer(ctx context.Context, url string, files []string) error {
	p, err := a.on(url)
	if err != nil {
		return err
	}
	defer p.Close()
	var done []api.Published
	for _, name := range files {
		one, err := a.upload(ctx, p, name)
		if err != nil {
			return err
		}
		done = append(done, one)
	}
	return a.answer(done, func() error {
		for _, d := range done {
			if d.Same {
				a.print("unchanged %s", d.Name)
			} else {
				a.print("added %s", d.Name)
			}
		}
		return nil
	})
}

func (a *app) upload(ctx context.Context, p *api.PersonClient, name string) (api.Published, error) {
	f, err := open(name, packageHint)
	if err != nil {
		return api.Published{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return api.Published{}, err
	}
	m := a.meter("upload "+filepath.Base(name), info.Size())
	defer m.end()
	return p.Publish(ctx, filepath.Base(name), &metered{f, m}, info.Size())
}

// metered tells a meter what is read.
type metered struct {
	io.Reader
	m *meter
}

func (r *metered) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.m.add(int64(n))
	return n, err
}
