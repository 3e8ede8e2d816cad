package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/fetch"
	"muster/internal/repo"
)

// visitor prepares to read a repository, in a folder or on the web, with the
// trust given or that which it claims itself.
func (a *app) visitor(base string, trustPaths []string) (*repo.Checker, error) {
	if !onWeb(base) {
		if err := needRepository(base); err != nil {
			return nil, err
		}
	}
	if err := fetch.CheckBase(absolute(base)); err != nil {
		return nil, usageError{err}
	}
	roots, err := pinnedRoots(serverOf(base))
	if err != nil {
		return nil, err
	}
	c := &repo.Checker{Base: absolute(base), Fetch: &fetch.Client{Credentials: credentials(), Roots: roots}, Now: a.now}
	if len(trustPaths) == 0 {
		return c, nil
	}
	trust, err := loadTrust(trustPaths...)
	c.Trust = trust
	return c, err
}

// trustFlag is for verbs that read a repository.
func trustFlag(cmd *cobra.Command, paths *[]string) {
	cmd.Flags().StringArrayVar(paths, "trust", nil, "believe the certificates of `FILE|DIR` (default: the repository's own chain of trust)")
}

func repoListCommand(a *app) *cobra.Command {
	var trust []string
	cmd := &cobra.Command{
		Use:     "list DIR|URL [WORD...]",
		Short:   "List the packages of a repository",
		Long:    "List the packages of a repository, or those whose names contain one of the words.",
		Example: "  muster repo list https://packages.example.org\n  muster repo list /srv/repo jre --json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := a.repoEntries(cmd.Context(), args[0], trust, func(e *index.Entry) bool { return contains(e.Name, args[1:]) })
			if err != nil {
				return err
			}
			return a.answer(entryFacts(found), func() error { return a.printEntries(found) })
		},
	}
	trustFlag(cmd, &trust)
	return cmd
}

func (a *app) printEntries(all []*index.Entry) error {
	var rows []string
	for _, e := range all {
		rows = append(rows, row(e.Name, e.Version, strings.Join(e.OS, "+")+"/"+strings.Join(e.Architecture, "+"),
			size(e.Size), e.Summary(language())))
	}
	return a.table(rows)
}

func repoShowCommand(a *app) *cobra.Command {
	var trust []string
	cmd := &cobra.Command{
		Use:     "show DIR|URL NAME",
		Short:   "Show all about a package of a repository",
		Long:    "Show the entries of the index about a package, one for each version and platform.",
		Example: "  muster repo show /srv/repo age",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := a.repoEntries(cmd.Context(), args[0], trust, func(e *index.Entry) bool { return e.Name == args[1] })
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return muster.WithHint(muster.Errorf(muster.NotFound, "%q has no package %q", args[0], args[1]), "muster repo list %s", args[0])
			}
			return a.answer(entryFacts(found), func() error {
				for i, e := range found {
					if i > 0 {
						a.print("")
					}
					lines(a.out, e.Text())
				}
				return nil
			})
		},
	}
	trustFlag(cmd, &trust)
	return cmd
}

func (a *app) repoEntries(ctx context.Context, base string, trust []string, want func(*index.Entry) bool) (found []*index.Entry, err error) {
	c, err := a.visitor(base, trust)
	if err != nil {
		return nil, err
	}
	err = c.Visit(ctx, func(client *repo.Client) error {
		x, err := client.Index()
		if err != nil {
			return err
		}
		for _, e := range x.Entries() {
			if want(e) {
				found = append(found, e)
			}
		}
		return nil
	})
	return found, err
}

// entryFact is the JSON form of an entry of an index.
type entryFact struct {
	*control.Control
	File      string   `json:"filename"`
	Size      int64    `json:"size"`
	SHA256    string   `json:"sha256"`
	Manifest  string   `json:"manifest-sha256"`
	Installed int64    `json:"installed-size"`
	NeedsCode bool     `json:"needs-code"`
	Signers   []string `json:"signers"`
}

func entryFacts(entries []*index.Entry) []entryFact {
	facts := []entryFact{}
	for _, e := range entries {
		facts = append(facts, entryFact{e.Control, e.Filename, e.Size, e.SHA256, e.ManifestSHA256, e.InstalledSize, e.NeedsCode, e.Signers})
	}
	return facts
}
