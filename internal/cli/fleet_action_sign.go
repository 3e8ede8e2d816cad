package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/engine"
	"muster/sign"
)

// A server brings actions, and could tell people of others than hosts are given. So
// what is signed is read, and what the server alone says stands apart.

func believeFlag(cmd *cobra.Command, paths *[]string) {
	cmd.Flags().StringArrayVar(paths, "trust", nil, "believe the certificates of `FILE|DIR` (default: what the root of this machine trusts)")
}

// believed are the certificates by which signers are verified for people: those that
// are named or of this machine, and the authority of who signs here. Where there are
// none, nobody is verified.
func (a *app) believed(paths []string, signer signerFlags) (*sign.Trust, error) {
	if len(paths) > 0 {
		return loadTrust(paths...)
	}
	if a.trusts != nil {
		return a.trusts, nil
	}
	trust := new(sign.Trust)
	if e, err := engine.Open(defaultRoot(), engine.Options{Now: a.now}); err == nil {
		trust.Add(e.Trust.Anchors...)
		trust.Revoked = maps.Clone(e.Trust.Revoked)
	}
	if signer = signer.resolve(); signer.cert != "" {
		if certs, err := readCerts(signer.cert); err == nil {
			trust.Add(certs[len(certs)-1])
		}
	}
	return trust, nil
}

// signersText names who signed a message.
func (a *app) signersText(signers []action.Signer) string {
	var all []string
	for _, s := range signers {
		text := s.Name
		if !s.Verified {
			text += " (not verified)"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// titleOf is what an action does, by its message.
func titleOf(x api.ActionDetail) string {
	act, _, err := action.Inspect(x.Message)
	if err != nil {
		return ""
	}
	return act.String()
}

// printAction shows what the signed message says, and apart from it what the server
// says.
func (a *app) printAction(x api.ActionDetail, trust *sign.Trust) error {
	act, _, err := action.Inspect(x.Message)
	if err != nil {
		return err
	}
	signers, err := action.Signers(x.Message, trust, a.now())
	if err != nil {
		return err
	}
	if act.ID != x.ID {
		return muster.Errorf(muster.Denied, "the server showed the message of another action")
	}
	rows := []string{row("id", act.ID), row("what", act.String())}
	add := func(label, value string) {
		if value != "" {
			rows = append(rows, row(label, value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(act.Arguments)) {
		if act.Kind == action.Run {
			add("set", name+"="+act.Arguments[name])
		}
	}
	for line := range strings.SplitSeq(strings.TrimRight(act.Script, "\n"), "\n") {
		add("script", line)
	}
	add("reason", act.Reason)
	add("signed by", a.signersText(signers))
	add("begins", stamp(act.NotBefore)+" to "+stamp(act.NotAfter))
	if act.Queued {
		add("queued", "hosts that are away may begin later, until then")
	}
	add("hosts", count(act.Targets.Len(), "host"))
	// From here on the server speaks.
	add("state", string(x.State)+": "+tally(x.Counts))
	add("sent by", x.By+", "+stamp(x.Created))
	return a.table(rows)
}

func actionApproveCommand(a *app) *cobra.Command {
	var signer signerFlags
	var trust []string
	var of string
	cmd := &cobra.Command{
		Use:   "approve ID --key KEY",
		Short: "Add a signature to an action that waits for one",
		Long: `Show what an action says, and sign it too. What is shown is what was signed, and the
list of hosts is compared with that. Who signed before is verified: with --trust, with
what the root of this machine trusts, and with the authority of your own certificate.`,
		Example: "  muster action approve 0f3a --key bob.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			believed, err := a.believed(trust, signer)
			if err != nil {
				return err
			}
			return a.withAction(cmd.Context(), args[0], func(p *api.PersonClient, x api.ActionDetail) error {
				return a.approveAction(cmd.Context(), p, x, of, signer, believed)
			})
		},
	}
	cmd.Flags().StringVar(&of, "of", "", "sign only the message that has this `SHA256`: the one that was shown before")
	signer.add(cmd)
	believeFlag(cmd, &trust)
	a.confirmFlag(cmd.Flags())
	return cmd
}

// checkApproved refuses what is not the message that is meant, and, where nobody is
// asked, one that somebody signed who could be anybody.
func (a *app) checkApproved(der []byte, of string, trust *sign.Trust) error {
	if of != "" && action.Sum(der) != of {
		return muster.Errorf(muster.Denied, "the server showed another message than the one to sign")
	}
	signers, err := action.Signers(der, trust, a.now())
	if err != nil || !a.yes {
		return err
	}
	for _, s := range signers {
		if !s.Verified {
			return muster.WithHint(muster.Errorf(muster.Denied, "who signed before is not verified: %q", s.Name), "name the certificates to believe with --trust, or answer without --yes")
		}
	}
	return nil
}

func (a *app) approveAction(ctx context.Context, p *api.PersonClient, x api.ActionDetail, of string, signer signerFlags, trust *sign.Trust) error {
	act, _, err := action.Inspect(x.Message)
	if err != nil {
		return err
	}
	// What is signed is the message, so it is the message that has to be right.
	if act.ID != x.ID || act.Server != p.Server.ID {
		return muster.Errorf(muster.Denied, "the server showed the message of another action")
	}
	if err := a.checkApproved(x.Message, of, trust); err != nil {
		return err
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
	err = a.printAction(x, trust)
	a.out = out
	if err != nil {
		return err
	}
	a.talk("on %s: %s", count(len(hosts), "host"), someNames(hosts))
	if err := a.confirm("Sign it?"); err != nil {
		return err
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
		Use:   "cancel ID [--to QUERY] --key KEY",
		Short: "Have no more hosts begin an action",
		Long: `Sign an order that no host begins the action any more: those that have not been
given it never are, those that wait with it give it up. What has begun goes on.
With --to that is so on those of its hosts alone that a query finds.`,
		Example: "  muster action cancel 0f3a --key alice.key\n  muster action cancel 0f3a --to 'group:servers' --key alice.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAction(cmd.Context(), args[0], func(p *api.PersonClient, x api.ActionDetail) error {
				return a.cancelAction(cmd.Context(), p, x, s)
			})
		},
	}
	cmd.Flags().StringVar(&s.to, "to", "", "only on the hosts that this query finds")
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, for those who read it later")
	s.signer.add(cmd)
	a.confirmFlag(cmd.Flags())
	return cmd
}

// cancelled are the hosts of an action on which it is to be cancelled: all, or those
// that a query finds.
func cancelled(ctx context.Context, p *api.PersonClient, id, query string) ([]api.Host, error) {
	hosts, err := actionHosts(ctx, p, id)
	if err != nil || query == "" {
		return hosts, err
	}
	found, err := allHosts(ctx, p, api.HostQuery{Query: query}, 0)
	if err != nil {
		return nil, err
	}
	meant := map[string]bool{}
	for _, h := range found {
		meant[h.ID] = true
	}
	hosts = slices.DeleteFunc(hosts, func(h api.Host) bool { return !meant[h.ID] })
	if len(hosts) == 0 {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "none of the hosts of action %s is meant by %q", id, query), "muster action show %s", id)
	}
	return hosts, nil
}

func (a *app) cancelAction(ctx context.Context, p *api.PersonClient, x api.ActionDetail, s sending) error {
	if x.State == api.ActionCancelled || x.State == api.ActionOver {
		return muster.Errorf(muster.Conflict, "action %s is %s already", x.ID, x.State)
	}
	hosts, err := cancelled(ctx, p, x.ID, s.to)
	if err != nil {
		return err
	}
	a.talk("%s on %s: %s", cmp.Or(titleOf(x), "?"), count(len(hosts), "host"), someNames(hosts))
	if err := a.confirm("Have no more hosts begin it?"); err != nil {
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
