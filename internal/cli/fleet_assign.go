package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/control"
	"muster/index"
	"muster/internal/fetch"
	"muster/internal/repo"
	"muster/internal/steer"
	"muster/pkgfile"
	"muster/sign"
	"muster/version"
)

// An assignment changes what the hosts of a group or unit, or one host, should
// have: the package of that kind and name. It is made, signed and uploaded from
// here; the server cannot make one.
type assignment struct {
	steer.Assignment
	upon   string // what it is made on top of; "": whatever is published
	signer signerFlags
}

func (s *assignment) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&s.Install, "install", nil, "packages that should be there: age, 'age>=1.3' (needs --key)")
	f.StringArrayVar(&s.Remove, "remove-package", nil, "no longer say that this package should be there")
	f.StringArrayVar(&s.Forbid, "forbid", nil, "packages that must not be there")
	f.StringArrayVar(&s.Allow, "allow", nil, "no longer forbid this package")
	f.StringVar(&s.upon, "upon", "", "sign only on top of the package whose manifest has this `SHA256`, or of none")
	s.signer.add(cmd)
}

// assignedFact is the JSON form of what an assignment made.
type assignedFact struct {
	Package   string               `json:"package"`
	Kind      muster.Kind          `json:"kind"`
	Version   string               `json:"version"`
	Depends   []control.Dependency `json:"depends,omitempty"`
	Conflicts []control.Relation   `json:"conflicts,omitempty"`
	Serial    int64                `json:"serial,omitempty"`
}

// assign changes the package of kind and name on the server of p.
func (a *app) assign(ctx context.Context, p *api.PersonClient, kind muster.Kind, name, about string, s assignment) (*assignedFact, error) {
	id, err := a.identity(s.signer)
	if err != nil {
		return nil, err
	}
	basis, err := a.basis(ctx, p, kind, []string{name}, id)
	if err != nil {
		return nil, err
	}
	old, sum := basis[name].Control, basis[name].Sum
	if s.upon != "" && s.upon != cmp.Or(sum, steer.NoBasis) {
		return nil, muster.WithHint(muster.Errorf(muster.Conflict, "what is published of %q is not what was shown", name), "look at what would change now, and sign that")
	}
	next := steer.Draft(kind, name, about)
	if old != nil {
		next = *old
	}
	if err := s.Apply(&next); muster.KindOf(err) == muster.Invalid {
		return nil, usageError{err}
	} else if err != nil {
		return nil, err
	}
	if old != nil && control.Equal(old, &next) {
		return &assignedFact{Package: name, Kind: kind, Version: old.Version, Depends: old.Depends, Conflicts: old.Conflicts}, nil
	}
	next.Version = a.stampVersion(old)
	if err := next.Check(); err != nil {
		return nil, err
	}
	up, err := a.publishControl(ctx, p, next, id)
	if err != nil {
		return nil, err
	}
	return &assignedFact{name, kind, next.Version, next.Depends, next.Conflicts, up.Serial}, nil
}

// stampVersion is the time, and always newer than the version before.
func (a *app) stampVersion(old *control.Control) string {
	v := a.now().UTC().Format("20060102.150405")
	if old != nil && version.Compare(v, old.Version) <= 0 {
		return old.Version + ".1"
	}
	return v
}

// basis is what the newest packages say that are published under the names.
func (a *app) basis(ctx context.Context, p *api.PersonClient, kind muster.Kind, names []string, id *sign.Identity) (map[string]steer.Basis, error) {
	out := map[string]steer.Basis{}
	err := a.published(ctx, p, kind, names, id, func(name string, x *pkgfile.Package) {
		out[name] = steer.Basis{Control: &x.Manifest.Control, Sum: x.ManifestSHA256()}
	})
	return out, err
}

// publishedManifest is that of the newest package of the name that is published;
// nil: there is none.
func (a *app) publishedManifest(ctx context.Context, p *api.PersonClient, kind muster.Kind, name string, id *sign.Identity) (m *pkgfile.Manifest, err error) {
	err = a.published(ctx, p, kind, []string{name}, id, func(_ string, x *pkgfile.Package) { m = x.Manifest })
	return m, err
}

// published fetches the newest packages of the names that are published, and verifies
// them by the owner of id's own authority: what the server's index says of them alone
// would let the server choose what a person signs next. Of a name that has none nothing
// is taken.
func (a *app) published(ctx context.Context, p *api.PersonClient, kind muster.Kind, names []string, id *sign.Identity, take func(name string, x *pkgfile.Package)) error {
	dir, done, err := a.verified.folder()
	if err != nil {
		return err
	}
	defer done()
	base, err := p.URL(api.RouteRepo)
	if err != nil {
		return err
	}
	f := &fetch.Client{Cache: filepath.Join(dir, "cache"), UserAgent: "muster/" + Version}
	if f.Roots, err = pinnedRoots(p.Base()); err != nil {
		return err
	}
	trust := &sign.Trust{Anchors: id.Chain[len(id.Chain)-1:]}
	c := &repo.Client{Bases: []string{base}, State: dir, Trust: trust, Fetch: f, Now: a.now}
	c.SetNames(names...)
	if _, err := c.Update(ctx); err != nil {
		return err
	}
	x, err := c.Index()
	if err != nil {
		return err
	}
	for _, name := range names {
		e := newestOf(x, name)
		if e == nil {
			continue
		}
		if e.Kind != kind {
			return muster.Errorf(muster.Conflict, "%q is a package of kind %s, not %s", name, e.Kind, kind)
		}
		file, err := c.Open(ctx, e)
		if err != nil {
			return err
		}
		take(name, file.Package)
		file.Close()
	}
	return nil
}

// A verified keeps what was verified of a repository, so that it is not fetched again,
// and no older head is believed after a newer one. nil keeps nothing.
type verified struct {
	mu  sync.Mutex
	dir string
}

// folder is where it is kept, for who asks alone until done.
func (v *verified) folder() (dir string, done func(), err error) {
	if v == nil {
		dir, err = os.MkdirTemp("", "muster-assign-")
		return dir, func() { os.RemoveAll(dir) }, err
	}
	v.mu.Lock()
	return v.dir, v.mu.Unlock, nil
}

func newestOf(x *index.Index, name string) (best *index.Entry) {
	for _, e := range x.Find(name) {
		if best == nil || version.Compare(e.Version, best.Version) > 0 {
			best = e
		}
	}
	return best
}

// pinnedRoots are the authorities for TLS of the session on url; nil: those of
// the system.
func pinnedRoots(url string) (*x509.CertPool, error) {
	all, err := readSessions()
	if err != nil || all.Sessions[url].CA == "" {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(all.Sessions[url].CA))
	return pool, nil
}

// publishControl builds a package of relations alone, signs and uploads it.
func (a *app) publishControl(ctx context.Context, p *api.PersonClient, c control.Control, id *sign.Identity) (api.Published, error) {
	dir, err := os.MkdirTemp("", "muster-assign-")
	if err != nil {
		return api.Published{}, err
	}
	defer os.RemoveAll(dir)
	file, err := a.signedFile(dir, pkgfile.Spec{Control: c}, id)
	if err != nil {
		return api.Published{}, err
	}
	return a.upload(ctx, p, file)
}

// signedFile builds a package without files and signs it, into dir.
func (a *app) signedFile(dir string, spec pkgfile.Spec, id *sign.Identity) (string, error) {
	spec.Date = a.now().UTC().Truncate(time.Second)
	draft, err := pkgfile.Build(spec, "")
	if err != nil {
		return "", err
	}
	defer draft.Close()
	signature, err := sign.Sign(draft.Encoded, true, a.now(), id)
	if err != nil {
		return "", fmt.Errorf("cannot sign %s: %w", &spec.Control, err)
	}
	file, err := os.Create(filepath.Join(dir, spec.Control.FileName()))
	if err != nil {
		return "", err
	}
	if err := draft.Write(file, signature); err != nil {
		return "", errors.Join(err, file.Close())
	}
	return file.Name(), file.Close()
}

func (a *app) printAssigned(f *assignedFact) {
	var depends, conflicts []string
	for _, d := range f.Depends {
		depends = append(depends, d.String())
	}
	for _, r := range f.Conflicts {
		conflicts = append(conflicts, r.String())
	}
	a.print("%s %s %s", f.Kind, f.Package, f.Version)
	if len(depends) > 0 {
		a.print("  should have: %s", strings.Join(depends, ", "))
	}
	if len(conflicts) > 0 {
		a.print("  must not have: %s", strings.Join(conflicts, ", "))
	}
	if f.Serial == 0 {
		a.talk("it said so already")
	}
}

func unitsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "units",
		Short: "List organisational units, and say what their hosts should have",
		Long: `What the hosts of an organisational unit should have stands in the signed package
of kind unit that is named by its path, with a dot between the levels: the hosts
of paris/lab have what the packages paris and paris.lab say. Hosts come into a
unit by 'muster host edit --unit', by a token, or by the directory.`,
		Example: "  muster units list\n  muster units edit paris/lab --install age --key alice.key",
	}
	cmd.AddCommand(unitsListCommand(a), unitsEditCommand(a))
	return cmd
}

func unitsEditCommand(a *app) *cobra.Command {
	var s assignment
	cmd := &cobra.Command{
		Use:     "edit UNIT --install PACKAGE... --key KEY",
		Short:   "Change what the hosts of a unit should have",
		Example: "  muster units edit paris/lab --install 'age>=1.3' --forbid telnet --key alice.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				name := strings.ReplaceAll(args[0], "/", ".")
				return a.assignAndSay(cmd.Context(), p, muster.Unit, name, "What the hosts of "+args[0]+" should have", s)
			})
		},
	}
	s.flags(cmd)
	cmd.MarkFlagsOneRequired("install", "remove-package", "forbid", "allow")
	return cmd
}

func profilesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles",
		Short: "Say what the members of a group of the directory should have",
		Long: `What the hosts of a group of LDAP or Active Directory should have stands in the
signed package of kind profile that is named by the group.`,
		Example: "  muster profiles edit accounting --install ledger --key alice.key",
	}
	cmd.AddCommand(profilesEditCommand(a))
	return cmd
}

func profilesEditCommand(a *app) *cobra.Command {
	var s assignment
	cmd := &cobra.Command{
		Use:     "edit PROFILE --install PACKAGE... --key KEY",
		Short:   "Change what the members of a group of the directory should have",
		Example: "  muster profiles edit accounting --install 'ledger>=4' --forbid telnet --key alice.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				return a.assignAndSay(cmd.Context(), p, muster.Profile, args[0], "What the members of "+args[0]+" should have", s)
			})
		},
	}
	s.flags(cmd)
	cmd.MarkFlagsOneRequired("install", "remove-package", "forbid", "allow")
	return cmd
}

func (a *app) assignAndSay(ctx context.Context, p *api.PersonClient, kind muster.Kind, name, about string, s assignment) error {
	f, err := a.assign(ctx, p, kind, name, about, s)
	if err != nil {
		return err
	}
	return a.answer(f, func() error {
		a.printAssigned(f)
		return nil
	})
}
