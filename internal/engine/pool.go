package engine

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"muster"
	"muster/index"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/internal/repo"
	"muster/settings"
	"muster/sign"
)

// A Candidate is a package that could be installed, and where it is.
type Candidate struct {
	Entry  *index.Entry // of a repository, or made for a file; nil before a plan chooses it
	Client *repo.Client // nil for a file
	list   *index.Index // in which the entry is
	at     int
	file   *install.File
	sigs   []sign.Signature
}

// Repo is the id of the repository, or "" for a file.
func (c *Candidate) Repo() string {
	if c.Client == nil || c.Client.Head() == nil {
		return ""
	}
	return c.Client.Head().Repository
}

// candidates lists what the repositories have, as of the last update.
func (e *Engine) candidates() (all []Candidate, err error) {
	err = e.eachIndex(func(c *repo.Client, x *index.Index) {
		for _, entry := range x.Entries() {
			if entry.Kind == muster.Rollout {
				continue // nobody installs one
			}
			all = append(all, Candidate{Entry: entry, Client: c})
		}
	})
	return all, err
}

// eachIndex calls f with what each repository lists, unless it was never updated.
func (e *Engine) eachIndex(f func(*repo.Client, *index.Index)) error {
	for _, c := range e.Clients {
		x, err := c.Index()
		if muster.KindOf(err) == muster.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		f(c, x)
	}
	return nil
}

// An offer is all that planning chooses from. The entries of candidates are
// read once they are chosen, for there are tens of thousands.
type offer struct {
	cands     []Candidate
	packages  []plan.Package // by the number of the candidate
	selectors []selector
	staged    []int // numbers of those that need a rollout
	held      []int // numbers of those that rollouts hold
}

// offered lists the files given and what the repositories have. Repositories
// earlier in the configuration are preferred for the same version.
func (e *Engine) offered(files []string, set *settings.Agent) (*offer, error) {
	o := &offer{}
	given, err := e.openFiles(files)
	if err != nil {
		return nil, err
	}
	for _, c := range given {
		o.add(c, c.Entry, e.judge(nil, set))
	}
	err = e.eachIndex(func(c *repo.Client, x *index.Index) {
		o.cands = slices.Grow(o.cands, x.Len())
		o.packages = slices.Grow(o.packages, x.Len())
		j, first := e.judge(c, set), len(o.packages)
		for i, outline := range x.Outlines() {
			o.add(Candidate{Client: c, list: x, at: i}, outline, j)
		}
		e.holdBack(o, c, first)
	})
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// openFiles opens and verifies package files, several at a time. On error none
// stays open.
func (e *Engine) openFiles(names []string) ([]Candidate, error) {
	all := make([]Candidate, len(names))
	errs := make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		g.Go(func() error {
			f, sigs, err := e.OpenFile(name)
			if err != nil {
				errs[i] = err
				return nil
			}
			entry := &index.Entry{Control: &f.Manifest.Control, InstalledSize: f.Manifest.InstalledSize()}
			all[i] = Candidate{Entry: entry, file: f, sigs: sigs}
			return nil
		})
	}
	g.Wait()
	for _, err := range errs {
		if err != nil {
			(&offer{cands: all}).close()
			return nil, err
		}
	}
	return all, nil
}

func (o *offer) add(c Candidate, outline *index.Entry, j *judge) {
	p := plan.FromControl(outline.Control, j.platform)
	p.Index, p.Rank, p.Repo = len(o.cands), j.rank, j.repo
	if p.Barred == "" {
		p.Barred = j.barred(outline)
	}
	if outline.Rollout != "" && j.client != nil { // a file that a person names is theirs to judge
		o.staged = append(o.staged, p.Index)
	}
	if outline.AppliesTo != "" {
		o.selectors = append(o.selectors, selector{p.Index, outline.AppliesTo})
	}
	o.cands, o.packages = append(o.cands, c), append(o.packages, p)
}

func (o *offer) pool() *plan.Pool { return plan.NewPool(plan.Rules{}, o.packages) }

// close closes the files that were given.
func (o *offer) close() {
	for _, c := range o.cands {
		if c.file != nil {
			c.file.Close()
		}
	}
}

// chosen reads the entry of the candidate that a step installs.
func (o *offer) chosen(i int) (err error) {
	if c := &o.cands[i]; c.Entry == nil {
		c.Entry, err = c.list.Entry(c.at)
	}
	return err
}

// A judge says which packages of one repository may be installed now.
type judge struct {
	client   *repo.Client // nil for files
	settings *settings.Agent
	platform muster.Platform
	repo     string
	rank     int
	today    string
	stale    error
	there    map[string]bool // manifests of what is installed, of a stale repository
}

func (e *Engine) judge(c *repo.Client, set *settings.Agent) *judge {
	j := &judge{client: c, settings: set, platform: e.Root.Config.Platform, today: e.clock().UTC().Format("2006-01-02T15:04:05Z")}
	if c == nil {
		return j
	}
	j.rank = slices.Index(e.Clients, c) + 1
	if h := c.Head(); h != nil {
		j.repo = h.Repository
	}
	if j.stale = c.Fresh(); j.stale != nil {
		j.there = e.manifests()
	}
	return j
}

// manifests lists the hashes of what is installed. Records that cannot be read
// are for planning to complain of.
func (e *Engine) manifests() map[string]bool {
	recs, _ := e.Root.Installed()
	there := make(map[string]bool, len(recs))
	for _, rec := range recs {
		there[rec.Manifest] = true
	}
	return there
}

// barred says why a package may not be installed now, in words that follow its
// name. What is installed is nothing new: it may be mended from a stale repository.
func (j *judge) barred(e *index.Entry) string {
	switch {
	case e.ValidFrom != "" && j.today < e.ValidFrom:
		return "is offered from " + e.ValidFrom + " on"
	case e.ValidUntil != "" && j.today > e.ValidUntil:
		return "was offered until " + e.ValidUntil
	case j.client != nil && !j.settings.Offers(e.Maturity, e.Locale):
		return j.unfit(e)
	case j.stale != nil && !j.there[e.ManifestSHA256]:
		return fmt.Sprintf("is in a repository from which nothing new may come: %v", j.stale)
	case j.client != nil:
		if err := j.client.Usable(e); err != nil {
			return fmt.Sprintf("may not be installed: %v", err)
		}
	}
	return ""
}

// unfit is for packages that this host is not to have. A file that a person names
// is theirs to judge.
func (j *judge) unfit(e *index.Entry) string {
	return fmt.Sprintf("is of maturity %s, for languages %s; this host takes %s, for languages %s (see muster settings)",
		cmp.Or(e.Maturity, "PROD"), anyOf(e.Locale), anyOf(j.settings.Maturities), anyOf(j.settings.Locales))
}

func anyOf(list []string) string { return cmp.Or(strings.Join(list, ", "), "any") }

// open fetches, unless it is a file, and verifies what a step installs.
func (c *Candidate) open(ctx context.Context) (install.Step, func() error, error) {
	if c.file != nil {
		return install.Step{Package: c.file.Package, Signers: names(c.sigs)}, func() error { return nil }, nil
	}
	f, err := c.Client.Open(ctx, c.Entry)
	if err != nil {
		return install.Step{}, nil, fmt.Errorf("cannot get %s: %w", c.Entry.Control, err)
	}
	return install.Step{Package: f.Package, Repo: c.Repo(), File: c.Entry.SHA256, Signers: names(f.Signatures)}, f.Close, nil
}

// names lists who signed, for records and people.
func names(sigs []sign.Signature) []string {
	var all []string
	for _, s := range sigs {
		all = append(all, sign.Describe(s.Signer))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
