package simulate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"muster"
	"muster/api"
	"muster/index"
	"muster/internal/fetch"
	"muster/internal/repo"
	"muster/inventory"
	"muster/rollout"
	"muster/version"
)

// A repository is that of the server. Each host asks for its head; what a head says
// is verified and read once, because it is the same for all.
type repository struct {
	mu     sync.Mutex
	client *repo.Client
	dir    string
	sum    [sha256.Size]byte // of the head that was read
	rolled []rolled
}

// A rolled is a version that hosts take in rings.
type rolled struct {
	doc  *rollout.Document
	gate *rollout.Gate
}

// openRepository returns nil where the server has none.
func (f *Fleet) openRepository() (*repository, error) {
	r := f.wire.server.Repository
	if r.ID == "" {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "musterd-simulate-")
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	return &repository{dir: dir, client: &repo.Client{Bases: []string{f.wire.url(r.URL)}, ID: r.ID, State: dir, Trust: &f.opened.trust,
		Fetch: &fetch.Client{Cache: filepath.Join(dir, "cache"), Roots: f.wire.roots()}}}, nil
}

func (r *repository) close() {
	if r != nil {
		os.RemoveAll(r.dir) //nolint:errcheck // a temporary folder
	}
}

// read returns the rollouts that the head lists; nil is the head that was read last.
func (r *repository) read(ctx context.Context, head []byte) ([]rolled, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := sha256.Sum256(head)
	if head == nil || sum == r.sum {
		return r.rolled, nil
	}
	if _, err := r.client.Update(ctx); err != nil {
		return nil, err
	}
	x, err := r.client.Index()
	if err != nil {
		return nil, err
	}
	all, err := r.list(ctx, x)
	if err == nil {
		r.rolled, r.sum = all, sum
	}
	return all, err
}

func (r *repository) list(ctx context.Context, x *index.Index) (all []rolled, err error) {
	newest := map[string]*index.Entry{}
	for i, o := range x.Outlines() {
		if o.Kind != muster.Rollout {
			continue
		}
		e, err := x.Entry(i)
		if err != nil {
			return nil, err
		}
		if old := newest[e.Name]; old == nil || version.Compare(e.Version, old.Version) > 0 {
			newest[e.Name] = e
		}
	}
	for name, e := range newest {
		doc, err := r.document(ctx, e)
		if err != nil {
			return nil, err
		}
		one := rolled{doc: doc}
		if g, ok := r.client.Head().Gates[name]; ok {
			one.gate = &g
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b rolled) int { return cmp.Compare(a.doc.ID, b.doc.ID) })
	return all, nil
}

func (r *repository) document(ctx context.Context, e *index.Entry) (*rollout.Document, error) {
	f, err := r.client.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return rollout.OfPackage(&f.Manifest.Control, f.Manifest.Policy)
}

// follow has the host see what is rolled out, and take what it may.
func (h *host) follow(ctx context.Context) error {
	r := h.fleet.repository
	if r == nil {
		return nil
	}
	head, err := h.head(ctx)
	if err != nil {
		return err
	}
	all, err := r.read(ctx, head)
	if err != nil {
		h.fleet.stats.add("rollouts", 0, err)
		return err
	}
	for _, one := range all {
		h.decide(ctx, one, time.Now())
	}
	return nil
}

// head asks for the head of the repository; nil is that it is as before.
func (h *host) head(ctx context.Context) (data []byte, err error) {
	began := time.Now()
	defer func() {
		if ctx.Err() == nil {
			h.fleet.stats.add("head", time.Since(began), err)
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.fleet.wire.url(h.fleet.wire.server.Repository.URL)+"/Packages.p7m", nil)
	if err != nil {
		return nil, err
	}
	if h.headDate != "" {
		req.Header.Set("If-Modified-Since", h.headDate)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return nil, muster.WithKind(muster.Unavailable, err)
	case resp.StatusCode == http.StatusNotModified:
		return nil, nil
	case resp.StatusCode != http.StatusOK:
		return nil, refusal(resp, data)
	}
	h.headDate = resp.Header.Get("Last-Modified")
	return bytes.Clone(data), nil
}

// decide takes a version, or goes back from it, when the host may.
func (h *host) decide(ctx context.Context, one rolled, now time.Time) {
	d := one.doc
	has, ok := h.installed(d.Package)
	if has = cmp.Or(has, d.From); !ok && has != "" {
		h.put(d.Package, has) // every host has what is rolled out, in the version before
	}
	want := has
	switch d.Decide(one.gate, rollout.Host{ID: h.id, Groups: h.groups}, now).Action {
	case rollout.Take:
		want = d.Version
	case rollout.Return:
		if has == d.Version {
			want = d.From
		}
	}
	if want == has || h.tried == d.Package+"="+want {
		return
	}
	h.tried = d.Package + "=" + want
	time.AfterFunc(time.Duration(rand.ExpFloat64()*float64(h.fleet.Takes)), func() { h.changeTo(ctx, d.Package, has, want) })
}

// changeTo installs a version, or fails, and has the host check in with what became of it.
func (h *host) changeTo(ctx context.Context, name, from, to string) {
	if ctx.Err() != nil {
		return
	}
	h.busy.Lock()
	defer h.busy.Unlock()
	fails := h.rand.Float64() < h.fleet.FailingVersions[name+"="+to]
	op := "upgrade"
	if version.Compare(to, from) < 0 {
		op = "downgrade"
	}
	h.spool = append(h.spool, h.result(api.Change{Op: op, Name: name, From: from, To: to}, fails))
	if !fails {
		h.put(name, to)
	}
	now := time.Now()
	h.fleet.due.add(visit{host: h, due: now, at: now, more: true})
}

// put has the document say that a package is there in a version.
func (h *host) put(name, version string) {
	h.rows = append(slices.DeleteFunc(slices.Clone(h.rows), func(p inventory.Installed) bool { return p.Name == name }),
		inventory.Installed{Arch: "amd64", Kind: string(muster.Base), Name: name, Status: string(muster.OK), Version: version, Installed: time.Now().Unix()})
	if err := h.hash(); err != nil {
		h.fleet.stats.add("rollouts", 0, err)
	}
}

// installed is the version that the host has of a package.
func (h *host) installed(name string) (string, bool) {
	for _, p := range h.rows {
		if p.Name == name {
			return p.Version, true
		}
	}
	return "", false
}
