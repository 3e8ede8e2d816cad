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
	cmd := &cobra.Command{
		Use:     "show ID [HOST]",
		Short:   "Show an action and its hosts, or all that one host said",
		Example: "  muster action show 0f3a\n  muster action show 0f3a --state failed\n  muster action show 0f3a pc-12",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAction(cmd.Context(), args[0], func(p *api.PersonClient, x api.ActionDetail) error {
				if len(args) == 2 {
					return a.showResult(cmd.Context(), p, x, args[1])
				}
				return a.showAction(cmd.Context(), p, x, q)
			})
		},
	}
	cmd.Flags().StringVar(&q.State, "state", "", "only hosts of this state: queued, done, failed, refused, ...")
	cmd.Flags().IntVar(&q.Limit, "limit", 100, "at most so many hosts")
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

func findAction(ctx context.Context, p *api.PersonClient, id string) (string, error) {
	if len(id) >= 32 {
		return id, nil
	}
	page, err := p.Actions(ctx, api.ActionQuery{Limit: 1000})
	if err != nil {
		return "", err
	}
	found := ""
	for _, x := range page.Actions {
		if id != "" && strings.HasPrefix(x.ID, id) {
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

func (a *app) showAction(ctx context.Context, p *api.PersonClient, x api.ActionDetail, q api.TargetQuery) error {
	page, err := p.ActionTargets(ctx, x.ID, q)
	if err != nil {
		return err
	}
	type fact struct {
		api.Action
		Targets []api.Target `json:"targets"`
	}
	return a.answer(fact{x.Action, page.Targets}, func() error {
		if err := a.printAction(x); err != nil {
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

// printAction shows what the signed message says, where the server showed it; and
// what the server says else.
func (a *app) printAction(x api.ActionDetail) error {
	rows := []string{row("id", x.ID), row("state", string(x.State)), row("what", x.Title)}
	add := func(label, value string) {
		if value != "" {
			rows = append(rows, row(label, value))
		}
	}
	signers := strings.Join(x.Signers, ", ")
	if act, sigs, err := action.Inspect(x.Message); err == nil {
		rows[2] = row("what", act.String())
		signers = ""
		for i, s := range sigs {
			if i > 0 {
				signers += ", "
			}
			signers += sign.Describe(s.Signer)
		}
		for name, value := range act.Arguments {
			add("set", name+"="+value)
		}
		for line := range strings.SplitSeq(strings.TrimRight(act.Script, "\n"), "\n") {
			add("script", line)
		}
	}
	add("reason", x.Reason)
	add("signed by", signers)
	add("sent by", x.By+", "+stamp(x.Created))
	add("begins", stamp(x.Begins)+" to "+stamp(x.Ends))
	add("hosts", tally(x.Counts))
	return a.table(rows)
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
			return nil
		case err != nil && muster.KindOf(err) != muster.Unavailable:
			return err
		}
		select {
		case <-time.After(reconnect):
		case <-ctx.Done():
		}
	}
}

// followed sums up.
func (a *app) followed(x api.Action) error {
	a.talk("%s: %s", x.Title, tally(x.Counts))
	bad := 0
	for _, s := range []action.State{action.Failed, action.Refused, action.Interrupted} {
		bad += x.Counts[string(s)]
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

func actionApproveCommand(a *app) *cobra.Command {
	var signer signerFlags
	cmd := &cobra.Command{
		Use:   "approve ID --key KEY",
		Short: "Add a signature to an action that waits for one",
		Long: `Show what an action says, and sign it too. The list of hosts is compared with what
was signed first.`,
		Example: "  muster action approve 0f3a --key bob.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAction(cmd.Context(), args[0], func(p *api.PersonClient, x api.ActionDetail) error {
				return a.approveAction(cmd.Context(), p, x, signer)
			})
		},
	}
	signer.add(cmd)
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) approveAction(ctx context.Context, p *api.PersonClient, x api.ActionDetail, signer signerFlags) error {
	act, _, err := action.Inspect(x.Message)
	if err != nil {
		return err
	}
	// What is signed is the message, so it is the message that has to be right.
	if act.ID != x.ID || act.Server != p.Server.ID {
		return muster.Errorf(muster.Denied, "the server showed the message of another action")
	}
	hosts, err := actionHosts(ctx, p, x.ID)
	if err != nil {
		return err
	}
	tree, err := action.NewTree(idsOf(hosts))
	if err == nil {
		err = act.Targets.Same(tree)
	}
	if err != nil {
		return err
	}
	out := a.out
	a.out = a.err // what is asked for is talk, not the answer
	err = a.printAction(x)
	a.out = out
	if err != nil {
		return err
	}
	a.talk("on %s: %s", count(len(hosts), "host"), someNames(hosts))
	if !a.ask("sign it?") {
		return nil
	}
	id, err := a.identity(signer)
	if err != nil {
		return err
	}
	der, err := action.Approve(x.Message, a.now(), id)
	if err != nil {
		return err
	}
	sent, err := p.ApproveAction(ctx, x.ID, api.ActionApproval{Message: der, Of: action.Sum(x.Message)})
	if err != nil {
		return err
	}
	return a.answer(sent, func() error { return a.printSent(sent) })
}

// actionHosts are the hosts of an action, in the order of their ids.
func actionHosts(ctx context.Context, p *api.PersonClient, id string) (hosts []api.Host, err error) {
	for q := (api.TargetQuery{Limit: 1000}); ; {
		page, err := p.ActionTargets(ctx, id, q)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Targets {
			hosts = append(hosts, api.Host{ID: t.Host, Name: nameOf(t)})
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return hosts, nil
		}
	}
}

func actionCancelCommand(a *app) *cobra.Command {
	var s sending
	cmd := &cobra.Command{
		Use:   "cancel ID --key KEY",
		Short: "Have no more hosts begin an action",
		Long: `Sign an order that no host begins the action any more: those that have not been
given it never are, those that wait with it give it up. What has begun goes on.`,
		Example: "  muster action cancel 0f3a --key alice.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAction(cmd.Context(), args[0], func(p *api.PersonClient, x api.ActionDetail) error {
				return a.cancelAction(cmd.Context(), p, x, s)
			})
		},
	}
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, for those who read it later")
	s.signer.add(cmd)
	return cmd
}

func (a *app) cancelAction(ctx context.Context, p *api.PersonClient, x api.ActionDetail, s sending) error {
	hosts, err := actionHosts(ctx, p, x.ID)
	if err != nil {
		return err
	}
	now := a.now()
	act := &action.Action{Kind: action.Cancel, Arguments: map[string]string{"id": x.ID}, Reason: s.reason, Queued: true,
		NotBefore: now.Add(-slack).Unix()}
	// As long as a host may still come with it, and some hours more.
	act.NotAfter = min(max(x.Ends, now.Unix())+6*60*60, act.NotBefore+action.MaxQueue)
	sent, err := a.post(ctx, p, act, idsOf(hosts), s.signer)
	if err != nil {
		return err
	}
	return a.answer(sent, func() error { return a.printSent(sent) })
}
