package repo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/index"
	"muster/internal/fetch"
	"muster/sign"
)

// A Checker proves that a repository is what it says.
type Checker struct {
	Base string // a folder or a URL
	// Trust is that of a reader. nil takes the chain of trust at its own word.
	Trust *sign.Trust
	Fetch *fetch.Client // its cache is not used
	Now   func() time.Time
}

// A Finding is something wrong with one file.
type Finding struct {
	File string
	Err  error
}

func (f Finding) String() string { return fmt.Sprintf("%s: %v", f.File, f.Err) }

// A Verdict is what a check found.
type Verdict struct {
	ID       string
	Serial   int64
	Packages int
	Bytes    int64     // of packages
	Findings []Finding // none: everything listed is there, signed, and what it says
	// Unlisted are files of the folder that no index lists, such as those that
	// an interrupted publication left. They do no harm.
	Unlisted []string
}

// Visit updates a client of the repository in a folder that is removed
// afterwards, and calls do with it.
func (c *Checker) Visit(ctx context.Context, do func(*Client) error) error {
	dir, err := os.MkdirTemp("", "muster-visit-")
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer os.RemoveAll(dir)
	f := c.Fetch
	if f == nil {
		f = &fetch.Client{}
	}
	base := c.Base
	if !strings.Contains(base, "://") {
		if base, err = filepath.Abs(base); err != nil {
			return err
		}
	}
	client := &Client{Bases: []string{base}, State: dir, Fetch: f.WithCache(filepath.Join(dir, "cache")), Trust: c.Trust, Now: c.Now, allNames: true}
	if client.Trust == nil {
		link, err := client.Fetch.GetSmall(ctx, base, linkName(1), index.MaxLink, fetch.Validators{})
		if err != nil {
			return err
		}
		if client.Trust, err = index.Founders(link.Data); err != nil {
			return err
		}
	}
	if _, err := client.Update(ctx); err != nil {
		return err
	}
	return do(client)
}

// Check reads everything that the repository lists, and for a folder also
// looks for what it does not list. The error says why that could not be done;
// what is wrong with files stands in the verdict.
func (c *Checker) Check(ctx context.Context) (*Verdict, error) {
	v := &Verdict{}
	err := c.Visit(ctx, func(client *Client) error {
		x, err := client.Index()
		if err != nil {
			return err
		}
		head := client.Head()
		v.ID, v.Serial = head.Repository, head.Serial
		v.checkPlain(ctx, client, x)
		for _, e := range x.Entries() {
			v.checkPackage(ctx, client, e)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return c.checkFolder(client, x, v)
	})
	return v, err
}

func (v *Verdict) add(file string, err error) {
	if err != nil {
		v.Findings = append(v.Findings, Finding{file, err})
	}
}

// checkPlain compares the plain index, which people and other tools read.
func (v *Verdict) checkPlain(ctx context.Context, c *Client, x *index.Index) {
	s, err := c.Fetch.GetSmall(ctx, c.Bases[0], indexName, index.MaxText, fetch.Validators{})
	if err == nil && index.Sum(s.Data) != c.Head().Index.Raw.SHA256 {
		err = fmt.Errorf("it is not the index that the head names")
	}
	v.add(indexName, err)
}

// checkPackage fetches, verifies and reads one package whole.
func (v *Verdict) checkPackage(ctx context.Context, c *Client, e *index.Entry) {
	f, err := c.Open(ctx, e)
	if err != nil {
		v.add(e.Filename, err)
		return
	}
	defer os.Remove(f.Path)
	defer f.Close()
	v.checkIcon(ctx, c, e)
	if err := f.CheckContent(); err != nil {
		v.add(e.Filename, err)
		return
	}
	v.Packages++
	v.Bytes += e.Size
}

// checkFolder looks at what only who has the folder can see.
func (c *Checker) checkFolder(client *Client, x *index.Index, v *Verdict) error {
	if strings.Contains(c.Base, "://") {
		return nil
	}
	p := &Publisher{Dir: c.Base}
	files, err := p.files()
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.name, "changes/") {
			v.add(f.name, p.checkChanges(f.name, x, client.Head().Index))
		} else if !ours(f.name, x) {
			v.Unlisted = append(v.Unlisted, f.name)
		}
	}
	slices.Sort(v.Unlisted)
	return nil
}

// ours reports whether a file belongs to a repository that lists x, or did so
// a while ago.
func ours(name string, x *index.Index) bool {
	if ofPackages(name) && !strings.HasPrefix(name, "hosts/by-hash/") {
		return x.File(name) != nil
	}
	if name == lockName {
		return true
	}
	return slices.ContainsFunc(served, func(s servedFile) bool { return s.name.MatchString(name) })
}

// checkChanges reads changes, and those that lead to the index now also for
// where they lead to.
func (p *Publisher) checkChanges(name string, x *index.Index, now index.List) error {
	from, to, ok := parseChangesName(strings.TrimPrefix(name, "changes/"))
	if !ok {
		return fmt.Errorf("the name is not <serial>-<serial>")
	}
	ch, err := p.readChanges(from, to)
	if err != nil || to != now.Serial {
		return err
	}
	if ch.ToSHA256 != now.Raw.SHA256 {
		return fmt.Errorf("they lead to another index")
	}
	for _, e := range ch.Added {
		if listed := x.File(e.Filename); listed == nil || listed.Text() != e.Text() {
			return fmt.Errorf("they add %s, which the index does not have so", e)
		}
	}
	return nil
}
