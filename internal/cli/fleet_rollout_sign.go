package cli

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/install"
	"muster/pkgfile"
	"muster/rollout"
	"muster/search"
	"muster/sign"
	"muster/version"
)

// Documents of rollouts are signed here, where the key is. They go to a server, or
// into the folder of a repository.

type startOptions struct {
	signer      signerFlags
	repo        string // URL or folder; "" is the server of the session
	rings, from string
	start       string
	reason      string
	again       bool
	files       []string
}

func rolloutStartCommand(a *app) *cobra.Command {
	var o startOptions
	cmd := &cobra.Command{
		Use:   "start NAME=VERSION [FILE...] --key KEY",
		Short: "Roll a version out",
		Long: `Sign how a version reaches hosts, and publish that together with the packages in
the files, so that no host ever sees these without it.

Without --rings the version goes to 1, 10, 50 and 100 percent of the hosts, a day
apart. A file for --rings has a stanza for each ring:

  ring: pilot
  group: it
  soak: 12h
  max-errors: 0

  ring: all
  percent: 100`,
		Example: `  muster rollout start age=1.3-1 age_1.3-1_linux_amd64.mpk --from 1.2-1 --key alice.key
  muster rollout start age=1.3-1 --rings pilot.rings --start 2026-11-23T20:00:00Z --key alice.key`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.files = args[1:]
			return a.rolloutStart(cmd.Context(), args[0], o)
		},
	}
	o.signer.add(cmd)
	f := cmd.Flags()
	repoFlag(cmd, &o.repo)
	f.StringVar(&o.rings, "rings", "", "the rings, from `FILE`")
	f.StringVar(&o.from, "from", "", "the `VERSION` before, to return to when the rollout is aborted")
	f.StringVar(&o.start, "start", "", "open no ring before `TIME`, such as 2026-11-23T20:00:00Z (default: now)")
	f.StringVar(&o.reason, "reason", "", "why, for others to read")
	f.BoolVar(&o.again, "again", false, "begin anew a rollout that there was already")
	return cmd
}

func repoFlag(cmd *cobra.Command, place *string) {
	cmd.Flags().StringVar(place, "repo", "", "the repository: a server's `URL`, or a folder (default: that of the server you are logged in to)")
}

// defaultRings are those of who says nothing.
func defaultRings() (all []rollout.Ring) {
	for name, percent := range map[string]rollout.Share{"canary": 1_00, "early": 10_00, "half": 50_00, "all": rollout.Whole} {
		r := rollout.NewRing()
		r.Name, r.Percent, r.Soak = name, percent, 24*time.Hour
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b rollout.Ring) int { return int(a.Percent - b.Percent) })
	return all
}

// document is what the options say.
func (o *startOptions) document(what string, now time.Time) (*rollout.Document, error) {
	rel, err := control.ParseRelation(what)
	v, ok := strings.CutPrefix(rel.Constraint.String(), "= ")
	if err != nil || !ok || version.Check(v) != nil {
		return nil, usagef("%q is not one version of a package, such as age=1.3-1", what)
	}
	d := &rollout.Document{ID: rollout.NewID(rel.Name, v), Package: rel.Name, Version: v, From: o.from, State: rollout.Running,
		Start: now.UTC().Truncate(time.Second), Reason: o.reason, Rings: defaultRings()}
	if o.start != "" {
		if d.Start, err = time.Parse("2006-01-02T15:04:05Z", o.start); err != nil {
			return nil, usagef("--start %q is not a time such as 2026-11-23T20:00:00Z", o.start)
		}
	}
	if o.rings != "" {
		text, err := readBounded(o.rings, maxKeyFile, ringsHint)
		if err != nil {
			return nil, err
		}
		if d.Rings, err = rollout.ParseRings(string(text)); err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", o.rings, err)
		}
	}
	if err := d.Check(); err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	for _, q := range d.Queries() {
		if _, err := search.Parse(q); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (a *app) rolloutStart(ctx context.Context, what string, o startOptions) error {
	d, err := o.document(what, a.now())
	if err != nil {
		return err
	}
	id, err := a.identity(o.signer)
	if err != nil {
		return err
	}
	desk, err := a.rolloutDesk(o.repo, id)
	if err != nil {
		return err
	}
	defer desk.close()
	before, err := desk.newest(ctx, d.ID)
	if err != nil {
		return err
	}
	if before != nil && !o.again {
		return muster.WithHint(muster.Errorf(muster.Conflict, "there is a rollout %q already", d.ID), "muster rollout status %s; --again begins it anew", d.ID)
	}
	return a.publishRollout(ctx, desk, d, before, id, o.files)
}

// publishRollout signs the next version of a rollout, and publishes it with files.
func (a *app) publishRollout(ctx context.Context, desk rolloutDesk, d *rollout.Document, before *pkgfile.Manifest, id *sign.Identity, files []string) error {
	next := "1"
	if before != nil {
		n, err := strconv.Atoi(before.Control.Version)
		if err != nil {
			return muster.Errorf(muster.Invalid, "the version %q of rollout %q is no number", before.Control.Version, d.ID)
		}
		next = strconv.Itoa(n + 1)
	}
	dir, err := os.MkdirTemp("", "muster-rollout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file, err := a.signedFile(dir, pkgfile.Spec{Control: d.Control(next), Policy: d.Policy()}, id)
	if err != nil {
		return err
	}
	a.adviseRequired(d, files)
	if err := desk.publish(ctx, append([]string{file}, files...)); err != nil {
		return err
	}
	type fact struct {
		Rollout  string `json:"rollout"`
		Version  string `json:"version"`
		Document string `json:"document"`
	}
	return a.answer(fact{d.ID, next, d.String()}, func() error {
		a.print("rollout %s: %s %s, %s", d.ID, d.Package, d.Version, d.State)
		for i, r := range d.Rings {
			a.print("  ring %d, %s: not before %s", i+1, r.Name, when(d.Opens(i+1)))
		}
		return nil
	})
}

// adviseRequired tells that a version does not demand its rollout. The packages are
// signed, so that it cannot be written into them here.
func (a *app) adviseRequired(d *rollout.Document, files []string) {
	for _, name := range files {
		p, err := install.OpenFile(name)
		if err != nil {
			continue // publishing says it
		}
		c := &p.Manifest.Control
		if p.Close(); c.Name == d.Package && c.Version == d.Version && c.Rollout == "" {
			a.talk("%s does not say \"rollout: required\": a host from which a server or mirror hides this rollout takes it at once (muster build --rollout required)", c)
			return
		}
	}
}

func rolloutAbortCommand(a *app) *cobra.Command {
	var signer signerFlags
	var repo, reason string
	var back bool
	cmd := &cobra.Command{
		Use:   "abort ROLLOUT [--return --key KEY]",
		Short: "End a rollout for good",
		Long: `End a rollout: nobody takes the version any more. Hosts that have it keep it,
unless --return signs that they go back to the version before.`,
		Example: "  muster rollout abort rollout-age-1.3-1\n  muster rollout abort rollout-age-1.3-1 --return --key alice.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !back && repo == "" {
				return a.changeRollout(cmd.Context(), args[0], api.RolloutChange{Do: api.RolloutAbort, Why: reason})
			}
			ask := ""
			if back {
				ask = "End it for good, and have hosts that took %s %s go back to %s?"
			}
			return a.resign(cmd.Context(), repo, args[0], signer, ask, func(d *rollout.Document) {
				d.State, d.Return = rollout.Aborted, back
				if reason != "" {
					d.Reason = reason
				}
			})
		},
	}
	signer.add(cmd)
	repoFlag(cmd, &repo)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for others to read")
	cmd.Flags().BoolVar(&back, "return", false, "hosts that have the version go back to the one before")
	a.confirmFlag(cmd.Flags())
	return cmd
}

func rolloutFinishCommand(a *app) *cobra.Command {
	var signer signerFlags
	var repo string
	cmd := &cobra.Command{
		Use:     "finish ROLLOUT --key KEY",
		Short:   "Give the version to everybody now",
		Long:    "Sign that the version is for everybody from now on, whatever rings were open.",
		Example: "  muster rollout finish rollout-age-1.3-1 --key alice.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			const ask = "Give %s %s to all hosts now?"
			return a.resign(cmd.Context(), repo, args[0], signer, ask, func(d *rollout.Document) { d.State, d.Return = rollout.Completed, false })
		},
	}
	signer.add(cmd)
	repoFlag(cmd, &repo)
	a.confirmFlag(cmd.Flags())
	return cmd
}

// resign signs a newer version of a rollout, after a question about its package, the
// version and the one before; "" asks nothing.
func (a *app) resign(ctx context.Context, where, name string, signer signerFlags, ask string, edit func(*rollout.Document)) error {
	id, err := a.identity(signer)
	if err != nil {
		return err
	}
	desk, err := a.rolloutDesk(where, id)
	if err != nil {
		return err
	}
	defer desk.close()
	before, err := desk.newest(ctx, name)
	if err != nil {
		return err
	}
	if before == nil {
		return muster.WithHint(muster.Errorf(muster.NotFound, "there is no rollout %q", name), "muster rollout list")
	}
	d, err := rollout.OfPackage(&before.Control, before.Policy)
	if err != nil {
		return err
	}
	edit(d)
	if err := d.Check(); err != nil {
		return muster.WithHint(muster.WithKind(muster.Invalid, err), "--return needs the version before, which 'muster rollout start --from' names")
	}
	if ask != "" {
		ask = strings.NewReplacer("%s %s", d.Package+" "+d.Version, "%s", d.From).Replace(ask)
		if err := a.confirm(ask); err != nil {
			return err
		}
	}
	return a.publishRollout(ctx, desk, d, before, id, nil)
}
