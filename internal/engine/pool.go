package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster"
	"muster/index"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/internal/repo"
	"muster/sign"
)

// A Candidate is a package that could be installed, and where it is.
type Candidate struct {
	Entry  *index.Entry // of a repository, or made for a file
	Client *repo.Client // nil for a file
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

// candidates lists what the repositories have, as of the last update, and the
// files given.
func (e *Engine) candidates(files []string) ([]Candidate, error) {
	var all []Candidate
	for _, name := range files {
		f, sigs, err := e.OpenFile(name)
		if err != nil {
			return nil, err
		}
		entry := &index.Entry{Control: &f.Manifest.Control, InstalledSize: f.Manifest.InstalledSize()}
		all = append(all, Candidate{Entry: entry, file: f, sigs: sigs})
	}
	for _, c := range e.Clients {
		x, err := c.Index()
		if muster.KindOf(err) == muster.NotFound {
			continue // never updated
		}
		if err != nil {
			return nil, err
		}
		for _, entry := range x.Entries() {
			all = append(all, Candidate{Entry: entry, Client: c})
		}
	}
	return all, nil
}

// pool makes the candidates into what planning sees. Repositories earlier in
// the configuration are preferred for the same version. What is installed is
// nothing new: it may be mended from a stale repository.
func (e *Engine) pool(cands []Candidate) *plan.Pool {
	stale := map[*repo.Client]error{}
	rank := map[*repo.Client]int{}
	late := false
	for i, c := range e.Clients {
		stale[c], rank[c] = c.Fresh(), i+1
		late = late || stale[c] != nil
	}
	there := map[string]bool{}
	if late {
		there = e.manifests()
	}
	now := e.clock()
	packages := make([]plan.Package, len(cands))
	for i := range cands {
		c := &cands[i]
		p := plan.FromControl(c.Entry.Control, e.Root.Config.Platform)
		p.Index, p.Rank, p.Repo = i, rank[c.Client], c.Repo()
		if p.Barred == "" {
			old := stale[c.Client]
			if there[c.Entry.ManifestSHA256] {
				old = nil
			}
			p.Barred = barred(c, old, now)
		}
		packages[i] = p
	}
	return plan.NewPool(plan.Rules{}, packages)
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

// barred says why a candidate may not be installed now, in words that follow
// its name.
func barred(c *Candidate, stale error, now time.Time) string {
	today := now.UTC().Format("2006-01-02T15:04:05Z")
	switch {
	case c.Entry.ValidFrom != "" && today < c.Entry.ValidFrom:
		return "is offered from " + c.Entry.ValidFrom + " on"
	case c.Entry.ValidUntil != "" && today > c.Entry.ValidUntil:
		return "was offered until " + c.Entry.ValidUntil
	case stale != nil:
		return fmt.Sprintf("is in a repository from which nothing new may come: %v", stale)
	case c.Client != nil:
		if err := c.Client.Usable(c.Entry); err != nil {
			return fmt.Sprintf("may not be installed: %v", err)
		}
	}
	return ""
}

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
