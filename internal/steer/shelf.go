package steer

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"muster"
	"muster/api"
	"muster/index"
	"muster/sign"
	"muster/version"
)

// A Shelf reads what the repository of a server lists. What it read it keeps until the
// server lists something else. It may be used by several goroutines.
//
// Nobody's signature is checked here: a shelf is for showing what the server says, as
// its list of hosts does. Who signs something that builds on a package verifies that
// package first.
type Shelf struct {
	Client *api.Client

	reads singleflight.Group // by the hash of an index
	mu    sync.Mutex
	list  *List
	bins  *reading          // of packages of hosts and units; nil: nobody asked
	names map[string]string // of signers, by fingerprint
}

// A List is what a repository listed at one time. It does not change.
type List struct {
	Head   *index.Head // nil: there is no repository yet
	byName map[string][]*index.Entry
	names  []string            // sorted
	stands map[string][]string // names of packages that stand for a name
	shelf  *Shelf
}

// Look returns what the repository lists now.
func (s *Shelf) Look(ctx context.Context) (*List, error) {
	file, err := s.Client.RepositoryFile(ctx, "Packages.p7m", 0, index.MaxHead)
	if err != nil {
		if who, asked := s.Client.Who(ctx); asked == nil && who.Repository.ID == "" {
			return &List{shelf: s}, nil // nobody has set it up yet
		}
		return nil, err
	}
	head, err := index.InspectHead(file)
	if err != nil {
		return nil, err
	}
	if l := s.known(head); l != nil {
		return l, nil
	}
	return s.read(ctx, head)
}

// known is what was read before of the index of a head, or nil.
func (s *Shelf) known(head *index.Head) *List {
	s.mu.Lock()
	old := s.list
	s.mu.Unlock()
	switch {
	case old == nil || old.Head.Index != head.Index:
		return nil
	case old.Head.Serial == head.Serial:
		return old
	}
	return s.keep(&List{head, old.byName, old.names, old.stands, s})
}

// read reads what a head lists, once for all who want it at one time. It goes on when
// who asked first has gone.
func (s *Shelf) read(ctx context.Context, head *index.Head) (*List, error) {
	done := s.reads.DoChan(head.Index.Raw.SHA256, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxReading)
		defer cancel()
		if l := s.known(head); l != nil { // since the caller looked
			return l, nil
		}
		x, err := s.index(ctx, head.Index)
		if err != nil {
			return nil, err
		}
		return s.keep(s.arrange(head, x)), nil
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*List), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Shelf) keep(l *List) *List {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = l
	return l
}

// index reads the index that a head names.
func (s *Shelf) index(ctx context.Context, l index.List) (*index.Index, error) {
	text, err := s.blob(ctx, "by-hash/"+l.Compressed.SHA256, l.Compressed.Size, min(l.Raw.Size, index.MaxText))
	if err != nil {
		return nil, err
	}
	if index.SumText(text) != l.Raw.SHA256 {
		return nil, muster.Errorf(muster.Invalid, "the index is not the one that the head names")
	}
	return index.Parse(text)
}

// blob reads a compressed file of a known size, which holds at most max bytes.
func (s *Shelf) blob(ctx context.Context, name string, size, max int64) (string, error) {
	data, err := s.Client.RepositoryFile(ctx, name, 0, size)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	if err := index.Unpack(&text, data, max); err != nil {
		return "", muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	return text.String(), nil
}

// arrange sorts packages by name, the newest version first.
func (s *Shelf) arrange(head *index.Head, x *index.Index) *List {
	l := &List{Head: head, byName: map[string][]*index.Entry{}, stands: map[string][]string{}, shelf: s}
	for _, e := range x.Entries() {
		l.byName[e.Name] = append(l.byName[e.Name], e)
		for _, r := range e.Provides {
			if !slices.Contains(l.stands[r.Name], e.Name) {
				l.stands[r.Name] = append(l.stands[r.Name], e.Name)
			}
		}
	}
	for name, all := range l.byName {
		newestFirst(all)
		l.names = append(l.names, name)
	}
	slices.Sort(l.names)
	return l
}

func newestFirst(all []*index.Entry) {
	slices.SortStableFunc(all, func(a, b *index.Entry) int {
		return cmp.Or(version.Compare(b.Version, a.Version), strings.Compare(a.Filename, b.Filename))
	})
}

// Names are those of all packages but those of hosts and units, sorted.
func (l *List) Names() []string { return l.names }

// Find returns the packages of a name, the newest first, but those of hosts and units.
func (l *List) Find(name string) []*index.Entry { return l.byName[name] }

// Providers are the names of packages that stand for a name.
func (l *List) Providers(name string) []string { return l.stands[name] }

// Newest is the newest package of a name and kind, or nil.
func (l *List) Newest(ctx context.Context, kind muster.Kind, name string) (*index.Entry, error) {
	all := l.byName[name]
	if kind == muster.Host || kind == muster.Unit {
		var err error
		if all, err = l.Of(ctx, name); err != nil {
			return nil, err
		}
	}
	if len(all) > 0 && all[0].Kind == kind {
		return all[0], nil
	}
	return nil, nil
}

// SignerName is what the certificate of a fingerprint says, where it is known: that of
// an administrator, or of a package that was opened.
func (s *Shelf) SignerName(fingerprint string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[fingerprint]
}

// maxSigners bounds whom a shelf remembers.
const maxSigners = 10_000

func (s *Shelf) learn(signatures []sign.Signature) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil || len(s.names) > maxSigners {
		s.names = map[string]string{}
	}
	for _, one := range signatures {
		s.names[sign.Fingerprint(one.Signer)] = one.Signer.Subject.CommonName
	}
}
