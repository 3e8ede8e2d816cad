package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/script"
)

// A sending is what somebody wants hosts to do now.
type sending struct {
	kind     string
	packages []string
	to       string
	all      bool
	targets  string // sum of the hosts that were shown before
	in       string
	until    string
	queue    string
	reason   string
	script   string
	set      []string
	follow   bool
	signer   signerFlags
}

func sendCommand(a *app) *cobra.Command {
	var s sending
	cmd := &cobra.Command{
		Use:   "send KIND [PACKAGE...] --to QUERY --key KEY",
		Short: "Have hosts do something now",
		Long: `Have the hosts that a query finds ('muster help queries') do something now:

  update               look for news
  upgrade [PACKAGE...] everything, or these packages
  install PACKAGE...   as in age and 'age>=1.3'
  remove PACKAGE...
  undo                 take back the newest change; --set change=N or --set action=ID another
  check [PACKAGE...]   compare files with manifests
  audit [PACKAGE...]   run the packages' own audits
  inventory            look at the whole machine
  reboot
  run --script FILE    main() of a Starlark file with the helpers of hooks; --set NAME=VALUE
                       for params. It needs a key that may sign code

The action is signed here, and every host verifies it: who is named, by whom, for
what time. The server only brings it. Hosts that are connected begin at once, others
when they come back until the time is over: in an hour, with --until later, at
most a day, with --queue at most 30 days.

With --follow it ends when all hosts are done, and with 1 unless all did it: what a
host refused, gave up, or never came for counts as what failed.`,
		Example: `  muster send update --to 'group:lab' --key alice.key
  muster send install 'age>=1.3' --to 'name:pc-12' --reason 'ticket 4711' --follow --key alice.key
  muster send reboot --to 'reboot:yes seen<10m' --in 2h --key alice.key
  muster send run --script fix.star --set level=3 --to 'os:windows' --queue 7d --key alice.key`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.kind, s.packages = args[0], args[1:]
			if !cmd.Flags().Changed("to") && !s.all {
				return muster.WithHint(usagef("it is not said which hosts are meant"), "give --to QUERY, or --all")
			}
			return a.send(cmd.Context(), s)
		},
		ValidArgsFunction: completeKinds,
	}
	f := cmd.Flags()
	f.StringVar(&s.to, "to", "", "the hosts that this query finds")
	f.BoolVar(&s.all, "all", false, "all hosts")
	f.StringVar(&s.targets, "targets", "", "send only to the hosts that have this `SHA256`: those that were shown before")
	f.StringVar(&s.in, "in", "", "begin after this time: 2h, 3d")
	f.StringVar(&s.until, "until", "", "begin until then at the latest: 4h, 18:30, '2026-11-22 06:00' (default: 1h)")
	f.StringVar(&s.queue, "queue", "", "let hosts that are away begin that much later: 7d")
	f.StringVar(&s.reason, "reason", "", "why, for those who read it later")
	f.StringVar(&s.script, "script", "", "of run: the file")
	f.StringArrayVar(&s.set, "set", nil, "of run and undo: an argument, as NAME=VALUE")
	f.BoolVarP(&s.follow, "follow", "f", false, "show what becomes of it, until all hosts are done")
	a.confirmFlag(f)
	s.signer.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("to", "all")
	cmd.MarkFlagsMutuallyExclusive("until", "queue")
	return cmd
}

func completeKinds(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var kinds []string
	for _, k := range action.Kinds {
		if len(args) == 0 && k != action.Cancel {
			kinds = append(kinds, string(k))
		}
	}
	return kinds, cobra.ShellCompDirectiveNoFileComp
}

// send makes an action, shows whom it is for, signs and posts it.
func (a *app) send(ctx context.Context, s sending) error {
	act, err := s.action(a.now())
	if err != nil {
		return err
	}
	return a.as(func(p *api.PersonClient) error {
		hosts, err := allHosts(ctx, p, api.HostQuery{Query: s.to}, 0)
		if err != nil {
			return err
		}
		hosts = slices.DeleteFunc(hosts, func(h api.Host) bool { return h.State != api.Accepted && h.State != api.Cloned })
		if len(hosts) == 0 {
			return muster.WithHint(muster.Errorf(muster.NotFound, "no host is meant by %q", s.to), "muster hosts '%s'", s.to)
		}
		if err := s.shown(idsOf(hosts)); err != nil {
			return err
		}
		a.talk("%s on %s: %s", act, count(len(hosts), "host"), someNames(hosts))
		if err := a.confirm("Send it?"); err != nil {
			return err
		}
		sent, err := a.post(ctx, p, act, idsOf(hosts), s.signer)
		if err != nil {
			return err
		}
		if !s.follow {
			return a.answer(sent, func() error { return a.printSent(sent) })
		}
		return a.followAction(ctx, p, sent.ID)
	})
}

// shown refuses hosts that are not those which were shown before.
func (s *sending) shown(hosts []string) error {
	if s.targets == "" {
		return nil
	}
	tree, err := action.NewTree(action.Sort(hosts))
	if err != nil {
		return err
	}
	targets, err := tree.Targets()
	if err == nil && targets.Sum() != s.targets {
		err = muster.Errorf(muster.Conflict, "%s are meant now, and not those that were shown", count(len(hosts), "host"))
	}
	return err
}

func (a *app) printSent(sent api.Action) error {
	a.print("%s", sent.ID)
	if sent.State == api.ActionHeld {
		a.talk("it waits for the signatures of %d persons: 'muster action approve %s'", sent.Need, sent.ID)
	} else {
		a.talk("'muster action show %s' shows what becomes of it", sent.ID)
	}
	return nil
}

// post signs an action for hosts and sends it.
func (a *app) post(ctx context.Context, p *api.PersonClient, act *action.Action, hosts []string, signer signerFlags) (api.Action, error) {
	tree, err := action.NewTree(action.Sort(hosts))
	if err != nil {
		return api.Action{}, err
	}
	act.Type, act.ID, act.Server = action.Type, action.NewID(), p.Server.ID
	if act.Targets, err = tree.Targets(); err != nil {
		return api.Action{}, err
	}
	if err := act.Validate(); err != nil {
		return api.Action{}, usageError{err}
	}
	id, err := a.identity(signer)
	if err != nil {
		return api.Action{}, err
	}
	der, err := act.Sign(a.now(), id)
	if err != nil {
		return api.Action{}, err
	}
	a.talk("action %s", act.ID) // before it is sent: an answer may be lost on its way
	return p.SendAction(ctx, api.ActionPost{Message: der, Hosts: tree.Hosts})
}

func idsOf(hosts []api.Host) (ids []string) {
	for _, h := range hosts {
		ids = append(ids, h.ID)
	}
	return ids
}

// someNames are the first names of hosts.
func someNames(hosts []api.Host) string {
	var names []string
	for _, h := range hosts[:min(5, len(hosts))] {
		names = append(names, h.Name)
	}
	text := strings.Join(names, ", ")
	if len(hosts) > len(names) {
		text += ", ..."
	}
	return text
}

// slack is how far behind the clock of a host may be that is to begin at once.
const slack = 5 * time.Minute

// action is what is asked for, but whom it is for.
func (s *sending) action(now time.Time) (*action.Action, error) {
	act, err := s.draft(now)
	if err != nil {
		return nil, err
	}
	// What is wrong is said before hosts are asked for.
	whole := *act
	whole.Type, whole.ID, whole.Server, whole.Targets = action.Type, action.NewID(), "draft", action.Targets{Hosts: []string{"draft"}}
	if err := whole.Validate(); err != nil {
		return nil, usageError{err}
	}
	return act, nil
}

func (s *sending) draft(now time.Time) (*action.Action, error) {
	act := &action.Action{Kind: action.Kind(s.kind), Packages: s.packages, Reason: s.reason}
	if !slices.Contains(action.Kinds, act.Kind) || act.Kind == action.Cancel {
		return nil, muster.WithHint(usagef("there is nothing %q that hosts could be sent", s.kind), "muster send --help")
	}
	var err error
	if act.Arguments, err = params(s.set); err != nil {
		return nil, err
	}
	if s.script != "" {
		if act.Script, err = readScript(s.script); err != nil {
			return nil, err
		}
	}
	return act, s.times(act, now)
}

// readScript reads a script, and refuses what would fail on every host.
func readScript(name string) (string, error) {
	source, err := readSmall(name)
	if err != nil {
		return "", err
	}
	_, err = script.Hooks(name, source)
	return string(source), err
}

// times sets when hosts may begin.
func (s *sending) times(act *action.Action, now time.Time) error {
	begin := now
	act.NotBefore = now.Add(-slack).Unix()
	if s.in != "" {
		d, err := span(s.in)
		if err != nil {
			return err
		}
		begin = now.Add(d)
		act.NotBefore = begin.Unix()
	}
	end := begin.Add(time.Hour)
	var err error
	switch {
	case s.queue != "":
		var d time.Duration
		d, err = span(s.queue)
		end, act.Queued = begin.Add(d), true
	case s.until != "":
		end, err = moment(s.until, begin)
	}
	act.NotAfter = end.Unix()
	// Who asks for the longest time there is need not know of the slack.
	most := int64(action.MaxSpan)
	if act.Queued {
		most = action.MaxQueue
	}
	if over := act.NotAfter - act.NotBefore - most; over > 0 && over <= int64(slack/time.Second) {
		act.NotAfter -= over
	}
	return err
}

// span reads a length of time: 90s, 5m, 2h, 7d.
func span(s string) (time.Duration, error) {
	d, err := parseDays(s)
	if err == nil && d == 0 {
		err = usagef("%q is no length of time such as 30m, 2h or 7d", s)
	}
	return d, err
}

// moment reads a time after another: a length of time, an hour of the day, or a date.
func moment(s string, after time.Time) (time.Time, error) {
	if d, err := span(s); err == nil {
		return after.Add(d), nil
	}
	if t, err := time.ParseInLocation("15:04", s, time.Local); err == nil {
		l := after.Local()
		t = time.Date(l.Year(), l.Month(), l.Day(), t.Hour(), t.Minute(), 0, 0, time.Local)
		if !t.After(after) {
			t = t.AddDate(0, 0, 1)
		}
		return t, nil
	}
	for _, form := range []string{"2006-01-02 15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(form, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("%q is no time such as 4h, 18:30 or '2026-11-22 06:00'", s)
}

// pending are the states in which something is still to come.
var pending = []string{api.TargetQueued, api.TargetDelivered, string(action.Started)}

// unfinished counts the hosts of which something is still to come.
func unfinished(counts map[string]int) (n int) {
	for _, s := range pending {
		n += counts[s]
	}
	return n
}

// tally says how many hosts are in each state.
func tally(counts map[string]int) string {
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
	}
	return strings.Join(parts, ", ")
}
