package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/index"
	"muster/internal/repo"
	"muster/sign"
)

func repoCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repo",
		Short: "Make, publish to, check, copy and serve a repository",
		Long: `A repository is a folder of packages with a signed index. Any web server can
offer it; muster repo serve does, too. What changes a repository works on its
folder, and leaves the former publication whole until the new one is.`,
		Example: `  muster repo init /srv/repo --key alice.key --cert alice.crt
  muster repo publish /srv/repo *.mpk --key alice.key --cert alice.crt
  muster repo serve /srv/repo`,
	}
	cmd.AddCommand(repoInitCommand(a), repoPublishCommand(a), repoListCommand(a), repoShowCommand(a), repoRemoveCommand(a),
		repoRefreshCommand(a), repoRevokeCommand(a), repoCheckCommand(a), repoGCCommand(a), repoMirrorCommand(a), repoServeCommand(a))
	return cmd
}

// onWeb tells a repository on the web from a folder.
func onWeb(base string) bool { return strings.Contains(base, "://") }

// folderOnly refuses URLs where a folder is needed.
func folderOnly(dir string) error {
	if onWeb(dir) {
		return muster.WithHint(usagef("%q is a URL; a repository is changed in its folder", dir),
			"work on the folder where it lies, over sshfs say, or on a copy that you put there with rsync")
	}
	return nil
}

// isOurs reports whether a folder is a repository of muster.
func isOurs(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "Packages.p7m"))
	return err == nil && info.Mode().IsRegular()
}

// needRepository refuses folders that are none.
func needRepository(dir string) error {
	if err := folderOnly(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "Packages.p7m")); errors.Is(err, fs.ErrNotExist) {
		return muster.WithHint(muster.Errorf(muster.NotFound, "%q is no repository", dir), "muster repo init %s makes one", dir)
	}
	return nil
}

// publisher opens a repository for a change, signed by the identity.
func (a *app) publisher(dir string, signer signerFlags) (*repo.Publisher, error) {
	if err := needRepository(dir); err != nil {
		return nil, err
	}
	id, err := a.identity(signer)
	if err != nil {
		return nil, err
	}
	return &repo.Publisher{Dir: dir, Signers: []*sign.Identity{id}, Now: a.now()}, nil
}

type initOptions struct {
	signer  signerFlags
	id      string
	anchors []string
}

func repoInitCommand(a *app) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init DIR|URL --key KEY --cert CERT",
		Short: "Make an empty repository",
		Long: `Make an empty repository, in a folder or on a server ('muster login' first). Its
chain of trust begins with the authority of the certificate, or with the
certificates given with --anchor.`,
		Example: "  muster repo init /srv/repo --key alice.key --cert alice.crt\n  muster repo init https://muster.example.org --key alice.key --cert alice.crt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if onWeb(args[0]) {
				return a.repoInitServer(cmd.Context(), args[0], o)
			}
			return a.repoInit(args[0], o)
		},
	}
	o.signer.add(cmd)
	cmd.Flags().StringVar(&o.id, "id", "", "call the repository `NAME` (default: a name that no other has)")
	cmd.Flags().StringArrayVar(&o.anchors, "anchor", nil, "begin the chain of trust with the certificates in `FILE`")
	return cmd
}

func (a *app) repoInit(dir string, o initOptions) error {
	if err := folderOnly(dir); err != nil {
		return err
	}
	id, err := a.identity(o.signer)
	if err != nil {
		return err
	}
	trust, err := loadTrust(o.anchors...)
	if err != nil {
		return err
	}
	p := &repo.Publisher{Dir: dir, Signers: []*sign.Identity{id}, Now: a.now()}
	if err := p.Init(o.id, trust.Anchors); err != nil {
		return err
	}
	h, _, err := p.Contents()
	if err != nil {
		return err
	}
	anchors := trust.Anchors
	if len(anchors) == 0 {
		anchors = id.Chain[len(id.Chain)-1:]
	}
	return a.answer(h, func() error {
		a.print("%s: repository %s, empty", dir, h.Repository)
		for _, c := range anchors {
			a.talk("its chain of trust begins with %s", sign.Describe(c))
		}
		return nil
	})
}

// reportFact is the JSON form of what a publication changed.
type reportFact struct {
	Serial    int64    `json:"serial"`
	Added     []string `json:"added,omitempty"`
	Removed   []string `json:"removed,omitempty"`
	Unchanged []string `json:"unchanged,omitempty"`
	Deleted   []string `json:"deleted,omitempty"` // files, by gc
}

func (a *app) reportRepo(rep *repo.Report, err error) error {
	if err != nil {
		return err
	}
	fact := factOfReport(rep)
	return a.answer(fact, func() error {
		a.printReport(fact)
		return nil
	})
}

func factOfReport(rep *repo.Report) reportFact {
	files := func(entries []*index.Entry) (all []string) {
		for _, e := range entries {
			all = append(all, filepath.Base(e.Filename))
		}
		return all
	}
	return reportFact{Serial: rep.Serial, Added: files(rep.Added), Removed: files(rep.Removed), Unchanged: files(rep.Unchanged)}
}

func (a *app) printReport(f reportFact) {
	for _, name := range f.Added {
		a.print("+ %s", name)
	}
	for _, name := range f.Removed {
		a.print("- %s", name)
	}
	for _, name := range f.Unchanged {
		a.print("= %s was there already", name)
	}
	if f.Serial != 0 { // there was a publication
		a.talk("published as of %s", when(time.Unix(f.Serial, 0)))
	}
}
