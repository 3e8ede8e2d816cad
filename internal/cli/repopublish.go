package cli

import (
	"time"

	"github.com/spf13/cobra"

	"muster/control"
	"muster/internal/repo"
)

const day = 24 * time.Hour

const defaultExpires = int(repo.DefaultExpires / day)

func repoPublishCommand(a *app) *cobra.Command {
	var signer signerFlags
	var force bool
	var expires int
	cmd := &cobra.Command{
		Use:   "publish DIR|URL FILE... --key KEY --cert CERT",
		Short: "Add packages to a repository",
		Long: `Add packages: all of those given, or none. Each is verified and read whole
before. A version older than one that is published needs --force.

To a server packages are uploaded one after the other ('muster login' first); it
signs the heads of its repository itself.`,
		Example: "  muster repo publish /srv/repo *.mpk --key alice.key --cert alice.crt\n  muster repo publish https://muster.example.org *.mpk",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if onWeb(args[0]) {
				return a.repoPublishServer(cmd.Context(), args[0], args[1:])
			}
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			if p.Expires, err = expiry(expires); err != nil {
				return err
			}
			p.Force = force
			return a.reportRepo(p.Publish(args[1:]...))
		},
	}
	signer.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "publish versions older than those that are there")
	expiresFlag(cmd, &expires)
	return cmd
}

func expiresFlag(cmd *cobra.Command, n *int) {
	cmd.Flags().IntVar(n, "expires", defaultExpires, "hosts call the repository stale after `N` days, unless it is refreshed")
}

func expiry(days int) (time.Duration, error) {
	if days < 1 || days > 3650 {
		return 0, usagef("--expires %d is not between 1 and 3650 days", days)
	}
	return time.Duration(days) * day, nil
}

func repoRefreshCommand(a *app) *cobra.Command {
	var signer signerFlags
	var expires int
	cmd := &cobra.Command{
		Use:   "refresh DIR --key KEY --cert CERT",
		Short: "Sign the head anew, before it expires",
		Long: `Sign the head anew, with the packages as they are. Hosts call a repository stale,
and take nothing new from it, when its head has expired: so nobody can keep an
older state from them for long.`,
		Example: "  muster repo refresh /srv/repo --key index.key --cert index.crt   # daily, from cron",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			if p.Expires, err = expiry(expires); err != nil {
				return err
			}
			return a.reportRepo(p.Refresh())
		},
	}
	signer.add(cmd)
	expiresFlag(cmd, &expires)
	return cmd
}

func repoRemoveCommand(a *app) *cobra.Command {
	var signer signerFlags
	cmd := &cobra.Command{
		Use:   "remove DIR|URL NAME[=VERSION]... --key KEY --cert CERT",
		Short: "Take packages out of a repository",
		Long: `Take packages out of the index: all versions, or those that match. Their files
stay until muster repo gc, for hosts that are fetching them. Hosts keep what they
have installed. Of a server's repository packages are removed one after the other
('muster login' first).`,
		Example: `  muster repo remove /srv/repo age=1.2.1-1 --key alice.key --cert alice.crt
  muster repo remove /srv/repo 'age<1.3' --key alice.key --cert alice.crt
  muster repo remove https://muster.example.org age=1.2.1-1`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			rels, err := relations(args[1:])
			if err != nil {
				return err
			}
			if onWeb(args[0]) {
				return a.repoRemoveServer(cmd.Context(), args[0], rels)
			}
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			return a.reportRepo(p.Remove(rels...))
		},
	}
	signer.add(cmd)
	return cmd
}

func relations(words []string) (rels []control.Relation, err error) {
	for _, w := range words {
		rel, err := control.ParseRelation(w)
		if err != nil {
			return nil, usageError{err}
		}
		rels = append(rels, rel)
	}
	return rels, nil
}

func repoGCCommand(a *app) *cobra.Command {
	var signer signerFlags
	var keep int
	var grace time.Duration
	cmd := &cobra.Command{
		Use:   "gc DIR|URL --keep N --key KEY --cert CERT",
		Short: "Drop old versions, and files that nothing lists",
		Long: `Take all but the newest versions of each package and platform out of the index,
and rollouts that were signed off and that a newer version supersedes, and delete
files that no index has listed for a time. A server does so to its own
('muster login' first).`,
		Example: "  muster repo gc /srv/repo --keep 5 --key alice.key --cert alice.crt\n  muster repo gc https://muster.example.org --keep 5",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if keep < 0 || grace < 0 {
				return usagef("--keep and --grace cannot be negative")
			}
			if onWeb(args[0]) {
				return a.repoGCServer(cmd.Context(), args[0], keep, grace)
			}
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			return a.repoGC(p, keep, grace)
		},
	}
	signer.add(cmd)
	cmd.Flags().IntVar(&keep, "keep", 5, "keep the newest `N` versions of each package; 0 is all")
	cmd.Flags().DurationVar(&grace, "grace", repo.Grace, "files that are listed no more stay for `TIME`")
	return cmd
}

func (a *app) repoGC(p *repo.Publisher, keep int, grace time.Duration) error {
	rep, deleted, err := p.GC(keep, grace)
	if err != nil {
		return err
	}
	fact := factOfReport(rep)
	fact.Deleted = deleted
	return a.answerTidied(fact)
}

func (a *app) answerTidied(fact reportFact) error {
	return a.answer(fact, func() error {
		a.printReport(fact)
		for _, name := range fact.Deleted {
			a.print("deleted %s", name)
		}
		if fact.Serial == 0 && len(fact.Deleted) == 0 {
			a.talk("nothing to do")
		}
		return nil
	})
}
