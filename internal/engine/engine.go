// Package engine is one root together with its repositories: it looks for
// news, plans what to change, and changes it. The command line and the agent
// are two users of it.
//
// Start with [Open]; then [Engine.Update], [Engine.Plan] and [Engine.Execute].
// An Engine is used by one goroutine at a time. What changes the root takes
// its lock for as long as an [Engine.Begin] lasts, and finishes first what a
// crash interrupted.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"muster"
	"muster/internal/durable"
	"muster/internal/fetch"
	"muster/internal/install"
	"muster/internal/repo"
	"muster/pkgfile"
	"muster/sign"
)

// An Engine is an open root with the clients of its repositories.
type Engine struct {
	Root    *install.Root
	Fetch   *fetch.Client
	Trust   *sign.Trust
	Clients []*repo.Client
	Now     func() time.Time

	assigned Assignments
	applies  []string // packages whose applies-to holds
	rolled   rolled
}

// Options of [Open].
type Options struct {
	Disk        *durable.Disk
	Credentials []fetch.Credential
	Now         func() time.Time // nil is time.Now
}

// Open opens the root in dir, which was set up before.
func Open(dir string, opts Options) (*Engine, error) {
	root, err := install.Open(dir, opts.Disk)
	if err != nil {
		return nil, err
	}
	e := &Engine{Root: root, Now: opts.Now}
	if e.Now == nil {
		e.Now = time.Now
	}
	root.Now = e.Now
	root.Reopen = e.reopen
	e.Fetch = &fetch.Client{Cache: root.CacheDir(), Credentials: opts.Credentials, Disk: root.Disk}
	if e.Trust, err = LoadTrust(root.TrustDir()); err != nil {
		return nil, err
	}
	for _, r := range root.Config.Repositories {
		e.Clients = append(e.Clients, &repo.Client{Bases: r.URLs, ID: r.ID, State: root.State,
			Trust: e.Trust, Fetch: e.Fetch, Disk: root.Disk, Now: e.Now})
	}
	told, err := readAssignments(root)
	if err != nil {
		return nil, err
	}
	e.assigned, e.applies = told.Assignments, told.Applies
	e.name(e.assigned)
	e.rolled = readRolled(root)
	return e, nil
}

// Begin takes the lock of the root, waiting for it as long as wait, and
// finishes or takes back what a crash interrupted; what that did is returned
// beside the function that releases the lock.
func (e *Engine) Begin(ctx context.Context, wait time.Duration, opts install.Options) (recovered *install.Result, end func(), err error) {
	end, err = e.Root.Lock(ctx, wait)
	if err != nil {
		return nil, nil, err
	}
	recovered, err = install.Recover(ctx, e.Root, opts)
	if err != nil {
		end()
		return recovered, nil, muster.WithHint(fmt.Errorf("an earlier change was interrupted and cannot be finished: %w", err),
			"mend the reason, then: muster resume")
	}
	return recovered, end, nil
}

// An Updated is what looking for news in one repository found.
type Updated struct {
	repo.Result
	Err error
}

// Update looks for news in every repository. One that fails does not keep the
// others from being asked. The id of a repository is pinned when it is first
// seen. The caller has begun.
func (e *Engine) Update(ctx context.Context) ([]Updated, error) {
	if len(e.Clients) == 0 {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "%q has no repository", e.Root.Dir),
			"muster setup --root %s --repo URL", e.Root.Dir)
	}
	var all []Updated
	var failed []error
	pinned := false
	for i, c := range e.Clients {
		res, err := c.Update(ctx)
		if err == nil {
			err = e.learn(ctx, c)
		}
		all = append(all, Updated{res, err})
		if err != nil {
			failed = append(failed, err)
		}
		if conf := &e.Root.Config.Repositories[i]; conf.ID == "" && res.ID != "" && err == nil {
			conf.ID, pinned = res.ID, true
		}
	}
	if pinned {
		if err := e.Root.SaveConfig(); err != nil {
			return all, err
		}
	}
	return all, errors.Join(failed...)
}

// clock is the time after the floor: not before this program was built, nor
// before the newest head that was accepted.
func (e *Engine) clock() time.Time {
	var seen []time.Time
	for _, c := range e.Clients {
		if h := c.Head(); h != nil {
			seen = append(seen, time.Unix(h.Date, 0))
		}
	}
	return sign.Floor(e.Now(), seen...)
}

// OpenFile opens and verifies a package file that a person names. Nobody lists
// it, so its signers must be valid today.
func (e *Engine) OpenFile(name string) (*install.File, []sign.Signature, error) {
	f, err := install.OpenFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, muster.WithKind(muster.NotFound, err)
	}
	if err != nil {
		return nil, nil, err
	}
	sigs, err := f.Verify(e.believed(nil), sign.Policy{Now: e.clock()})
	if err == nil {
		err = e.revokedPackage(f.ManifestSHA256(), &f.Manifest.Control)
	}
	if err != nil {
		f.Close()
		return nil, nil, muster.WithHint(fmt.Errorf("%q is refused: %w", name, err),
			"muster inspect %s shows who signed; trusted certificates lie in %s", name, e.Root.TrustDir())
	}
	return f, sigs, nil
}

// reopen finds the file of an installed package in the cache.
func (e *Engine) reopen(rec *install.Record) (*install.File, error) {
	if rec.File == "" {
		return nil, muster.Errorf(muster.NotFound, "it was installed from a file, which was not kept")
	}
	f, err := install.OpenFile(filepath.Join(e.Root.CacheDir(), rec.File))
	if err != nil {
		return nil, err
	}
	if f.ManifestSHA256() != rec.Manifest {
		f.Close()
		return nil, muster.Errorf(muster.Invalid, "the file in the cache is another one")
	}
	return f, nil
}

// VerifyRecord vouches for the record of an installed package: that its
// manifest was signed by someone whom the root believes. It serves
// [install.CheckOptions].
func (e *Engine) VerifyRecord(rec *install.Record, manifest, signature []byte) error {
	m, err := pkgfile.ParseManifest(manifest)
	if err != nil {
		return err
	}
	p := pkgfile.Package{Manifest: m, Encoded: manifest, Signature: signature}
	if _, err = p.Verify(e.believed(rec), sign.Policy{Now: e.clock(), Listed: true}); err != nil {
		return err
	}
	return e.revokedPackage(rec.Manifest, &rec.Control)
}
