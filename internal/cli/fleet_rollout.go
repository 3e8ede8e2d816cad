package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/api"
)

func rolloutCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Bring a version to hosts in rings",
		Long: `A rollout brings one version of a package to hosts in rings: a few first, and the
next ones when these have done well. It stops by itself when hosts fail.

What is rolled out, to whom, and when a ring is well, is a signed package: a server
cannot change it, and opens no ring before the times that were signed. Who is in
no open ring keeps the version that they have. docs/formats/rollout.md has more.`,
		Example: `  muster rollout start age=1.3-1 age_1.3-1_linux_amd64.mpk --key alice.key
  muster rollout status rollout-age-1.3-1
  muster rollout pause rollout-age-1.3-1 --reason 'printers do not print'`,
	}
	cmd.AddCommand(rolloutStartCommand(a), rolloutListCommand(a), rolloutStatusCommand(a),
		rolloutChangeCommand(a, api.RolloutPause, "Have no further host take the version"),
		rolloutChangeCommand(a, api.RolloutResume, "Go on after a pause or a halt"),
		rolloutAbortCommand(a), rolloutFinishCommand(a), rolloutGateCommand(a))
	return cmd
}

func rolloutListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the rollouts of the server, the newest first",
		Example: "  muster rollout list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.RolloutPage, error) { return p.Rollouts(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.Rollouts, func() error {
				if len(page.Rollouts) == 0 {
					a.talk("no rollouts")
					return nil
				}
				rows := []string{"ROLLOUT\tSTATE\tRINGS\tHOSTS\tDONE\tFAILED\tSINCE"}
				for _, r := range page.Rollouts {
					c := totalOf(r.Rings)
					rows = append(rows, row(r.ID, stateOf(&r), strconv.Itoa(r.Ring), strconv.Itoa(c.Hosts), strconv.Itoa(c.Done), strconv.Itoa(c.Failed), when(time.Unix(r.Since, 0))))
				}
				return a.table(rows)
			})
		},
	}
}

// stateOf is the state of a rollout for people.
func stateOf(r *api.Rollout) string {
	if r.Gone {
		return r.State + ", removed"
	}
	return r.State
}

func totalOf(all []api.RolloutCounts) (c api.RolloutCounts) {
	for _, one := range all {
		c.Hosts, c.Done, c.Failed = c.Hosts+one.Hosts, c.Done+one.Done, c.Failed+one.Failed
	}
	return c
}

func rolloutStatusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status ROLLOUT",
		Short:   "Show how far a rollout has come, and why",
		Example: "  muster rollout status rollout-age-1.3-1\n  muster rollout status rollout-age-1.3-1 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := asPerson(a, func(p *api.PersonClient) (api.RolloutDetail, error) { return p.Rollout(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return a.answer(r, func() error { return a.printRollout(&r) })
		},
	}
}

func (a *app) printRollout(r *api.RolloutDetail) error {
	a.print("%s: %s %s is %s since %s", r.ID, r.Package, r.Of, stateOf(&r.Rollout), when(time.Unix(r.Since, 0)))
	if r.Why != "" {
		a.print("  %s", r.Why)
	}
	if r.Waits != "" {
		a.print("  next: %s", r.Waits)
	}
	if len(r.Rings) > 0 {
		rows := []string{"  RING\tHOSTS\tDONE\tFAILED\t"}
		for i, c := range r.Rings {
			open := "open"
			if i >= r.Ring {
				open = ""
			}
			rows = append(rows, row(fmt.Sprint("  ", i+1), strconv.Itoa(c.Hosts), strconv.Itoa(c.Done), strconv.Itoa(c.Failed), open))
		}
		if err := a.table(rows); err != nil {
			return err
		}
	}
	for _, f := range r.Failures {
		a.print("  failed %s  %s: %s", when(time.Unix(f.Time, 0)), f.Host, firstOf(f.Error))
	}
	for _, s := range r.Steps {
		who := s.Who
		if who == "" {
			who = "server"
		}
		a.print("  %s  %s, ring %d, by %s: %s", when(time.Unix(s.Time, 0)), s.State, s.Ring, who, s.Why)
	}
	return nil
}

func firstOf(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func rolloutChangeCommand(a *app, do, short string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     do + " ROLLOUT",
		Short:   short,
		Example: "  muster rollout " + do + " rollout-age-1.3-1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeRollout(cmd.Context(), args[0], api.RolloutChange{Do: do, Why: reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for others to read")
	return cmd
}

func (a *app) changeRollout(ctx context.Context, id string, c api.RolloutChange) error {
	r, err := asPerson(a, func(p *api.PersonClient) (api.RolloutDetail, error) { return p.ChangeRollout(ctx, id, c) })
	if err != nil {
		return err
	}
	return a.answer(r, func() error { return a.printRollout(&r) })
}
