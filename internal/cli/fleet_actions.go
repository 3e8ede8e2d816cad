package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/action"
	"muster/api"
	"muster/sign"
)

func actionsCommand(a *app) *cobra.Command {
	var q api.ActionQuery
	var host string
	cmd := &cobra.Command{
		Use:     "actions",
		Short:   "List what hosts were sent to do",
		Long:    "List the actions that people sent ('muster send'), the newest first, with how many\nhosts are how far.",
		Example: "  muster actions\n  muster actions --host pc-12",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.actions(cmd.Context(), q, host) },
	}
	f := cmd.Flags()
	f.StringVar((*string)(&q.State), "state", "", "only those that are held, open, over or cancelled")
	f.StringVar(&host, "host", "", "only those for this host")
	f.IntVar(&q.Limit, "limit", 20, "at most so many")
	return cmd
}

func (a *app) actions(ctx context.Context, q api.ActionQuery, host string) error {
	page, err := asPerson(a, func(p *api.PersonClient) (page api.ActionPage, err error) {
		if host != "" {
			d, err := p.Host(ctx, host)
			if err != nil {
				return page, err
			}
			q.Host = d.ID
		}
		return p.Actions(ctx, q)
	})
	if err != nil {
		return err
	}
	return a.answer(page.Actions, func() error {
		if len(page.Actions) == 0 {
			a.talk("no actions")
			return nil
		}
		rows := []string{"ID\tSENT\tSTATE\tWHAT\tBY\tHOSTS"}
		for _, x := range page.Actions {
			rows = append(rows, row(x.ID[:min(12, len(x.ID))], stamp(x.Created), string(x.State), x.Title, strings.Join(x.Signers, " + "), tally(x.Counts)))
		}
		return a.table(rows)
	})
}

func actionCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "action",
		Short:   "Show, follow, approve and cancel an action",
		Long:    "An action is named by its id, or the start of it where no other newer one has it.",
		Example: "  muster action show 0f3a\n  muster action approve 0f3a --key bob.key",
	}
	cmd.AddCommand(actionShowCommand(a), actionFollowCommand(a), actionApproveCommand(a), actionCancelCommand(a))
	return cmd
}

func actionShowCommand(a *app) *cobra.Command {
	var q api.TargetQuery
	var trust []string
	cmd := &cobra.Command{
		Use:   "show ID [HOST]",
		Short: "Show an action and its hosts, or all that one host said",
		Long: `Show an action and its hosts, or all that one host said. What the action says is
read from the message that was signed. Who signed it is verified with --trust, or
with what the root of this machine trusts.`,
		Example: "  muster action show 0f3a\n  muster action show 0f3a --state failed\n  muster action show 0f3a pc-12",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAction(cmd.Context(), args[0], func(p *api.PersonClient, x api.ActionDetail) error {
				if len(args) == 2 {
					return a.showResult(cmd.Context(), p, x, args[1])
				}
				believed, err := a.believed(trust, signerFlags{})
				if err != nil {
					return err
				}
				return a.showAction(cmd.Context(), p, x, q, believed)
			})
		},
	}
	cmd.Flags().StringVar(&q.State, "state", "", "only hosts of this state: queued, done, failed, refused, ...")
	cmd.Flags().IntVar(&q.Limit, "limit", 100, "at most so many hosts")
	believeFlag(cmd, &trust)
	return cmd
}

// withAction finds an action by the start of its id.
func (a *app) withAction(ctx context.Context, id string, do func(*api.PersonClient, api.ActionDetail) error) error {
	return a.as(func(p *api.PersonClient) error {
		full, err := findAction(ctx, p, id)
		if err != nil {
			return err
		}
		x, err := p.Action(ctx, full)
		if err != nil {
			return err
		}
		return do(p, x)
	})
}

// minActionID is how much of an id names an action: with less, one that came meanwhile
// is soon meant instead.
const minActionID = 4

func findAction(ctx context.Context, p *api.PersonClient, id string) (string, error) {
	if len(id) >= 32 {
		return id, nil
	}
	if len(id) < minActionID {
		return "", usagef("%q is too short for the start of an id: give %d digits at least", id, minActionID)
	}
	page, err := p.Actions(ctx, api.ActionQuery{Limit: 1000})
	if err != nil {
		return "", err
	}
	found := ""
	for _, x := range page.Actions {
		if strings.HasPrefix(x.ID, id) {
			if found != "" {
				return "", muster.Errorf(muster.Conflict, "several actions begin with %q", id)
			}
			found = x.ID
		}
	}
	if found == "" {
		return "", muster.WithHint(muster.Errorf(muster.NotFound, "no action begins with %q", id), "muster actions")
	}
	return found, nil
}

func (a *app) showAction(ctx context.Context, p *api.PersonClient, x api.ActionDetail, q api.TargetQuery, trust *sign.Trust) error {
	page, err := p.ActionTargets(ctx, x.ID, q)
	if err != nil {
		return err
	}
	type fact struct {
		api.Action
		Targets []api.Target `json:"targets"`
	}
	return a.answer(fact{x.Action, page.Targets}, func() error {
		if err := a.printAction(x, trust); err != nil {
			return err
		}
		rows := []string{"\nHOST\tSTATE\tSINCE\tNOTE"}
		for _, t := range page.Targets {
			rows = append(rows, row(nameOf(t), targetState(t), stamp(t.At), t.Note))
		}
		if page.Next != "" {
			a.talk("there are more hosts: give --limit or --state")
		}
		return a.table(rows)
	})
}

func nameOf(t api.Target) string {
	if t.Name != "" {
		return t.Name
	}
	return t.Host
}

func targetState(t api.Target) string {
	if t.Status != "" {
		return t.State + " " + string(t.Status)
	}
	return t.State
}

// showResult prints all that a host said of an action.
func (a *app) showResult(ctx context.Context, p *api.PersonClient, x api.ActionDetail, host string) error {
	d, err := p.Host(ctx, host)
	if err != nil {
		return err
	}
	page, err := p.ActionTargets(ctx, x.ID, api.TargetQuery{Host: d.ID})
	if err != nil {
		return err
	}
	if len(page.Targets) == 0 {
		return muster.Errorf(muster.NotFound, "the action is not for host %q", d.Name)
	}
	t := page.Targets[0]
	return a.answer(t, func() error {
		a.print("%s: %s, %s", d.Name, targetState(t), stamp(t.At))
		_, content, err := sign.Inspect(t.Result)
		if t.Result == nil || err != nil {
			return err
		}
		r, err := action.ParseResult(content)
		if err != nil {
			return err
		}
		for _, c := range r.Changes {
			a.print("  %s", strings.TrimSpace(c.Op+" "+c.Name+" "+strings.TrimPrefix(c.From+" -> "+c.To, " -> ")))
		}
		for line := range strings.SplitSeq(strings.TrimRight(r.Text, "\n"), "\n") {
			a.print("  %s", line)
		}
		return nil
	})
}

func actionFollowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "follow ID",
		Short:   "Show what becomes of an action, until all hosts are done",
		Long:    "Show what becomes of an action, until all hosts are done; it ends with 1 unless all did it.",
		Example: "  muster action follow 0f3a",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAction(cmd.Context(), args[0], func(p *api.PersonClient, x api.ActionDetail) error {
				return a.followAction(cmd.Context(), p, x.ID)
			})
		},
	}
}

// reconnect is how long a connection that broke off is left alone.
const reconnect = 2 * time.Second

// errFollowed ends following.
var errFollowed = errors.New("all hosts are done")

// followAction prints what happens to an action until nothing more will, or the person
// interrupts. It goes on where a connection broke off.
func (a *app) followAction(ctx context.Context, p *api.PersonClient, id string) error {
	var last int64
	var newest api.Action
	for {
		err := p.WatchAction(ctx, id, last, func(e api.ActionEvent) error {
			last = max(last, e.Number)
			a.printEvent(e)
			if e.Action == nil {
				return nil
			}
			newest = *e.Action
			if newest.State != api.ActionHeld && unfinished(newest.Counts) == 0 || newest.State == api.ActionOver || newest.State == api.ActionCancelled {
				return errFollowed
			}
			return nil
		})
		switch {
		case errors.Is(err, errFollowed):
			return a.followed(newest)
		case ctx.Err() != nil:
			a.talk("it goes on: %s", tally(newest.Counts))
			return muster.WithHint(ctx.Err(), "muster action follow %s", id)
		case err != nil && muster.KindOf(err) != muster.Unavailable:
			return err
		}
		select {
		case <-time.After(reconnect):
		case <-ctx.Done():
		}
	}
}

// followed sums up. Whatever is not done counts: also what nobody came for in time, and
// what somebody else cancelled.
func (a *app) followed(x api.Action) error {
	a.talk("%s: %s", x.Title, tally(x.Counts))
	bad := 0
	for state, n := range x.Counts {
		if state != string(action.Done) && state != api.TargetNeedless {
			bad += n
		}
	}
	if bad > 0 {
		return muster.WithHint(muster.Errorf(muster.Conflict, "it was not done on %s", count(bad, "host")), "muster action show %s", x.ID)
	}
	return nil
}

func (a *app) printEvent(e api.ActionEvent) {
	if a.json {
		json.NewEncoder(a.out).Encode(e) //nolint:errcheck // who reads has gone
		return
	}
	switch {
	case e.Target != nil && e.Target.State != api.TargetDelivered:
		a.print("%s  %s  %s", nameOf(*e.Target), targetState(*e.Target), e.Target.Note)
	case e.Log != nil:
		for line := range strings.SplitSeq(strings.TrimRight(e.Log.Text, "\n"), "\n") {
			a.print("%s  | %s", nameOf(api.Target{Host: e.Log.Host, Name: e.Log.Name}), line)
		}
	}
}
