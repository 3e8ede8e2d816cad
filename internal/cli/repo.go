package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/internal/repo"
	"muster/sign"
)

func repoCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repo",
		Short: "Make, publish to, check and serve a repository",
		Long: `A repository is a folder of packages with a signed index. Any web server can
offer it; muster repo serve does, too. What changes a repository works on its
folder, and leaves the former publication whole until the new one is.`,
	}
	cmd.AddCommand(repoInitCommand(a), repoPublishCommand(a), repoListCommand(a), repoShowCommand(a), repoRemoveCommand(a),
		repoRefreshCommand(a), repoRevokeCommand(a), repoCheckCommand(a), repoGCCommand(a), repoServeCommand(a))
	return cmd
}

// folderOnly refuses URLs where a folder is needed.
func folderOnly(dir string) error {
	if strings.Contains(dir, "://") {
		return muster.WithHint(usagef("%q is a URL; a repository is changed in its folder", dir),
			"work on the folder where it lies, or on a copy that you put there with rsync")
	}
	return nil
}

// publisher opens the folder of a repository for a change, signed by the identity.
func (a *app) publisher(dir string, signer signerFlags) (*repo.Publisher, error) {
	if err := folderOnly(dir); err != nil {
		return nil, err
	}
	id, err := a.identity(signer)
	if err != nil {
		return nil, err
	}
	return &repo.Publisher{Dir: dir, Signers: []*sign.Identity{id}, Now: a.now()}, nil
}

func repoInitCommand(a *app) *cobra.Command {
	var signer signerFlags
	var id string
	var anchors []string
	cmd := &cobra.Command{
		Use:   "init DIR --key KEY --cert CERT",
		Short: "Make an empty repository",
		Long: `Make an empty repository. Its chain of trust begins with the authority of the
certificate, or with the certificates given with --anchor.`,
		Example: "  muster repo init /srv/repo --key alice.key --cert alice.crt",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			trust, err := readTrust(anchors)
			if err != nil {
				return err
			}
			if err := p.Init(id, trust.Anchors); err != nil {
				return err
			}
			h, _, err := p.Contents()
			if err != nil {
				return err
			}
			return a.answer(h, func() error {
				a.print("%s: repository %s, empty", args[0], h.Repository)
				return nil
			})
		},
	}
	signer.add(cmd)
	cmd.Flags().StringVar(&id, "id", "", "name of the repository (default: one that no other has)")
	cmd.Flags().StringArrayVar(&anchors, "anchor", nil, "certificates that the chain of trust begins with")
	return cmd
}

func repoPublishCommand(a *app) *cobra.Command {
	var signer signerFlags
	var force bool
	var expires int
	cmd := &cobra.Command{
		Use:   "publish DIR FILE... --key KEY --cert CERT",
		Short: "Add packages to a repository",
		Long: `Add packages: all of those given, or none. Each is verified and read whole
before. A version older than one that is published needs --force.`,
		Example: "  muster repo publish /srv/repo *.mpk --key alice.key --cert alice.crt",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			p.Force, p.Expires = force, time.Duration(expires)*24*time.Hour
			rep, err := p.Publish(args[1:]...)
			return a.reportRepo(rep, err)
		},
	}
	signer.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "publish versions older than those that are there")
	cmd.Flags().IntVar(&expires, "expires", 14, "days after which hosts call the repository stale unless it is refreshed")
	return cmd
}

// reportFact is the JSON form of what a publication changed.
type reportFact struct {
	Serial    int64    `json:"serial"`
	Added     []string `json:"added,omitempty"`
	Removed   []string `json:"removed,omitempty"`
	Unchanged []string `json:"unchanged,omitempty"`
}

func (a *app) reportRepo(rep *repo.Report, err error) error {
	if err != nil {
		return err
	}
	files := func(entries []*index.Entry) (all []string) {
		for _, e := range entries {
			all = append(all, filepath.Base(e.Filename))
		}
		return all
	}
	fact := reportFact{rep.Serial, files(rep.Added), files(rep.Removed), files(rep.Unchanged)}
	return a.answer(fact, func() error {
		for _, f := range fact.Added {
			a.print("+ %s", f)
		}
		for _, f := range fact.Removed {
			a.print("- %s", f)
		}
		for _, f := range fact.Unchanged {
			a.print("= %s was there already", f)
		}
		a.talk("published as of %s", when(time.Unix(rep.Serial, 0)))
		return nil
	})
}

// visit reads a repository, in a folder or on the web, with the trust given or
// that which it claims itself.
func (a *app) visit(ctx context.Context, base string, trustPaths []string, do func(*repo.Checker) error) error {
	if err := fetch.CheckBase(absolute(base)); err != nil {
		return usageError{err}
	}
	c := &repo.Checker{Base: absolute(base), Fetch: &fetch.Client{Credentials: credentials()}, Now: a.now}
	if len(trustPaths) > 0 {
		trust, err := readTrust(trustPaths)
		if err != nil {
			return err
		}
		c.Trust = trust
	}
	return do(c)
}

func repoListCommand(a *app) *cobra.Command {
	var trust []string
	cmd := &cobra.Command{
		Use:     "list DIR|URL [WORD...]",
		Short:   "List the packages of a repository",
		Example: "  muster repo list https://packages.example.org",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.repoEntries(cmd.Context(), args[0], trust, func(e *index.Entry) bool { return contains(e.Name, args[1:]) }, a.listEntries)
		},
	}
	cmd.Flags().StringArrayVar(&trust, "trust", nil, "whom to believe (default: the repository's own chain)")
	return cmd
}

func repoShowCommand(a *app) *cobra.Command {
	var trust []string
	cmd := &cobra.Command{
		Use:     "show DIR|URL NAME",
		Short:   "Show all about a package of a repository",
		Example: "  muster repo show /srv/repo age",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.repoEntries(cmd.Context(), args[0], trust, func(e *index.Entry) bool { return e.Name == args[1] }, func(all []*index.Entry) error {
				if len(all) == 0 {
					return muster.Errorf(muster.NotFound, "%q has no package %q", args[0], args[1])
				}
				for i, e := range all {
					if i > 0 {
						a.print("")
					}
					fmt.Fprint(a.out, e.Text())
				}
				return nil
			})
		},
	}
	cmd.Flags().StringArrayVar(&trust, "trust", nil, "whom to believe (default: the repository's own chain)")
	return cmd
}

func (a *app) repoEntries(ctx context.Context, base string, trust []string, want func(*index.Entry) bool, show func([]*index.Entry) error) error {
	return a.visit(ctx, base, trust, func(c *repo.Checker) error {
		return c.Visit(ctx, func(client *repo.Client) error {
			x, err := client.Index()
			if err != nil {
				return err
			}
			found := []*index.Entry{}
			for _, e := range x.Entries() {
				if want(e) {
					found = append(found, e)
				}
			}
			return a.answer(found, func() error { return show(found) })
		})
	})
}

func (a *app) listEntries(all []*index.Entry) error {
	var rows []string
	for _, e := range all {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s/%s\t%s\t%s", e.Name, e.Version, strings.Join(e.OS, "+"),
			strings.Join(e.Architecture, "+"), size(e.Size), e.Summary(language())))
	}
	return a.table(rows)
}

func repoRemoveCommand(a *app) *cobra.Command {
	var signer signerFlags
	cmd := &cobra.Command{
		Use:     "remove DIR NAME[=VERSION]... --key KEY --cert CERT",
		Short:   "Take packages out of a repository",
		Long:    "Take packages out of the index. Their files stay until muster repo gc, for hosts\nthat are fetching them.",
		Example: "  muster repo remove /srv/repo 'age<1.3' --key alice.key --cert alice.crt",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			var rels []control.Relation
			for _, arg := range args[1:] {
				rel, err := control.ParseRelation(arg)
				if err != nil {
					return usageError{err}
				}
				rels = append(rels, rel)
			}
			rep, err := p.Remove(rels...)
			return a.reportRepo(rep, err)
		},
	}
	signer.add(cmd)
	return cmd
}

func repoRefreshCommand(a *app) *cobra.Command {
	var signer signerFlags
	var expires int
	cmd := &cobra.Command{
		Use:     "refresh DIR --key KEY --cert CERT",
		Short:   "Sign the head anew, before it expires",
		Example: "  muster repo refresh /srv/repo --key index.key --cert index.crt   # daily, from cron",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			p.Expires = time.Duration(expires) * 24 * time.Hour
			rep, err := p.Refresh()
			return a.reportRepo(rep, err)
		},
	}
	signer.add(cmd)
	cmd.Flags().IntVar(&expires, "expires", 14, "days until hosts call the repository stale")
	return cmd
}

func repoRevokeCommand(a *app) *cobra.Command {
	var signer signerFlags
	cmd := &cobra.Command{
		Use:   "revoke DIR CERT-FILE|PACKAGE-FILE|FINGERPRINT|MANIFEST-SHA256... --key KEY --cert CERT",
		Short: "Tell hosts to refuse a certificate or a package",
		Long: `Add a link to the repository's chain of trust that revokes certificates or
packages. It is signed by an anchor of the chain: the authority's key. Hosts
that follow the repository refuse from the next update on what was revoked; what
is installed is not removed.`,
		Example: "  muster repo revoke /srv/repo mallory.crt --key ca.key --cert ca.crt",
		Args:    cobra.MinimumNArgs(2),
		RunE:    func(_ *cobra.Command, args []string) error { return a.revoke(args[0], args[1:], signer) },
	}
	signer.add(cmd)
	return cmd
}

func (a *app) revoke(dir string, what []string, signer signerFlags) error {
	p, err := a.publisher(dir, signer)
	if err != nil {
		return err
	}
	var certs, packages []string
	for _, w := range what {
		if err := revoked(w, &certs, &packages); err != nil {
			return err
		}
	}
	rep, err := p.AddLink(p.Signers, func(l *index.Link) {
		l.RevokedCertificates = append(l.RevokedCertificates, certs...)
		l.RevokedPackages = append(l.RevokedPackages, packages...)
	})
	if err != nil {
		return err
	}
	return a.answer(reportFact{Serial: rep.Serial}, func() error {
		a.print("%s and %s revoked", count(len(certs), "certificate"), count(len(packages), "package"))
		return nil
	})
}

// revoked finds out what is meant: a certificate file, a package file, or the
// fingerprint of either. A bare fingerprint may be of both kinds; it is
// revoked as both.
func revoked(what string, certs, packages *[]string) error {
	if strings.HasSuffix(what, ".mpk") {
		f, err := openPackage(what)
		if err != nil {
			return err
		}
		defer f.Close()
		*packages = append(*packages, f.ManifestSHA256())
		return nil
	}
	if _, err := os.Stat(what); err == nil {
		t, err := engine.LoadTrust(what)
		if err != nil {
			return err
		}
		*certs = append(*certs, sign.Fingerprint(t.Anchors[0])) // the owner's, not those of its issuers
		return nil
	}
	if len(what) != 64 || strings.Trim(what, "0123456789abcdef") != "" {
		return usagef("%q is no file, and no sha256 of 64 hexadecimal digits", what)
	}
	*certs, *packages = append(*certs, what), append(*packages, what)
	return nil
}

func repoCheckCommand(a *app) *cobra.Command {
	var trust []string
	cmd := &cobra.Command{
		Use:   "check DIR|URL",
		Short: "Prove that everything listed is there, signed, and what it says",
		Long: `Read the whole repository: head, chain of trust, index, and every package with
every file. The exit code is 1 when something is wrong.`,
		Example: "  muster repo check /srv/repo --trust ca.crt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.visit(cmd.Context(), args[0], trust, func(c *repo.Checker) error { return a.repoCheck(cmd.Context(), c) })
		},
	}
	cmd.Flags().StringArrayVar(&trust, "trust", nil, "whom to believe (default: the repository's own chain)")
	return cmd
}

// verdictFact is the JSON form of a verdict.
type verdictFact struct {
	Repository string   `json:"repository"`
	Serial     int64    `json:"serial"`
	Packages   int      `json:"packages"`
	Bytes      int64    `json:"bytes"`
	Findings   []string `json:"findings"`
	Unlisted   []string `json:"unlisted,omitempty"`
}

func (a *app) repoCheck(ctx context.Context, c *repo.Checker) error {
	v, err := c.Check(ctx)
	if err != nil {
		return err
	}
	fact := verdictFact{v.ID, v.Serial, v.Packages, v.Bytes, []string{}, v.Unlisted}
	for _, f := range v.Findings {
		fact.Findings = append(fact.Findings, f.String())
	}
	if err := a.answer(fact, func() error {
		for _, f := range fact.Findings {
			a.print("%s", f)
		}
		for _, f := range fact.Unlisted {
			a.print("%s: not listed; muster repo gc removes it in time", f)
		}
		a.talk("%s, %s, as of %s", count(v.Packages, "package"), size(v.Bytes), when(time.Unix(v.Serial, 0)))
		return nil
	}); err != nil {
		return err
	}
	if len(fact.Findings) > 0 {
		return muster.Errorf(muster.Conflict, "%s in %q", count(len(fact.Findings), "fault"), c.Base)
	}
	return nil
}

func repoGCCommand(a *app) *cobra.Command {
	var signer signerFlags
	var keep int
	var grace time.Duration
	cmd := &cobra.Command{
		Use:     "gc DIR --keep N --key KEY --cert CERT",
		Short:   "Drop old versions, and files that nothing lists",
		Long:    "Take all but the newest versions of each package out of the index, and remove\nfiles that no index has listed for a time.",
		Example: "  muster repo gc /srv/repo --keep 5 --key alice.key --cert alice.crt",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			rep, gone, err := p.GC(keep, grace)
			if err != nil {
				return err
			}
			if !a.json {
				for _, f := range gone {
					a.print("removed %s", f)
				}
			}
			return a.reportRepo(rep, nil)
		},
	}
	signer.add(cmd)
	cmd.Flags().IntVar(&keep, "keep", 5, "versions of each package to keep; 0 is all")
	cmd.Flags().DurationVar(&grace, "grace", repo.Grace, "how long files stay that are listed no more")
	return cmd
}

func repoServeCommand(a *app) *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:     "serve DIR",
		Short:   "Offer a repository on a web address",
		Long:    "Offer the folder of a repository over HTTP until interrupted. Any other web server\ndoes as well; for hosts beyond this machine put TLS in front.",
		Example: "  muster repo serve /srv/repo --listen 127.0.0.1:8080",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.repoServe(cmd.Context(), args[0], listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address")
	return cmd
}

func (a *app) repoServe(ctx context.Context, dir, listen string) error {
	if err := folderOnly(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "Packages.p7m")); err != nil {
		return muster.WithHint(muster.Errorf(muster.NotFound, "%q is no repository", dir), "muster repo init %s makes one", dir)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	a.print("serving %s at http://%s", dir, l.Addr())
	server := &http.Server{Handler: repo.Handler(dir), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { server.Shutdown(context.WithoutCancel(ctx)) })
	defer stop()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}
