package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
)

func changesCommand(a *app) *cobra.Command {
	var q api.EventQuery
	var follow bool
	cmd := &cobra.Command{
		Use:   "changes [HOST] [--follow]",
		Short: "Show what hosts did and what happened to them",
		Long: `Show what hosts did (installed, upgraded, removed, and what failed) and what
happened to them (joined, accepted, came back), the newest last. With --follow
new ones are printed as they come, with --json one a line.`,
		Example: "  muster changes\n  muster changes pc-12 --failed\n  muster changes --follow",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Host = strings.Join(args, "")
			return a.changes(cmd.Context(), q, follow)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&q.Failed, "failed", false, "only what failed")
	f.IntVar(&q.Limit, "limit", 50, "at most so many")
	f.BoolVarP(&follow, "follow", "f", false, "print new ones as they come, until interrupted")
	return cmd
}

func (a *app) changes(ctx context.Context, q api.EventQuery, follow bool) error {
	return a.as(func(p *api.PersonClient) error {
		var feed api.FeedPage
		var err error
		if follow { // before the list, so that nothing falls between the two
			if feed, err = p.Changes(ctx, api.FeedQuery{Kinds: []string{"host"}}); err != nil {
				return err
			}
		}
		page, err := p.Events(ctx, q)
		if err != nil {
			return err
		}
		slices.Reverse(page.Events)
		if follow {
			return a.follow(ctx, p, q, feed.Next, page.Events)
		}
		return a.answer(page.Events, func() error {
			if len(page.Events) == 0 {
				a.talk("nothing has happened")
			}
			a.printEvents(page.Events)
			return nil
		})
	})
}

// followWait is how long the server is asked to wait for news.
const followWait = 45 * time.Second

// follow prints events as they come, until ctx ends. While the server is away it asks
// again: the cursor stays good.
func (a *app) follow(ctx context.Context, p *api.PersonClient, q api.EventQuery, cursor string, events []api.Event) error {
	seen := int64(0)
	host, err := followedHost(ctx, p, q.Host)
	if err != nil {
		return err
	}
	for {
		a.printFollowed(events)
		for _, e := range events {
			seen = max(seen, e.Number)
		}
		page, err := p.Changes(ctx, api.FeedQuery{Since: cursor, Kinds: []string{"host"}, Wait: followWait, Limit: 1000})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && muster.KindOf(err) != muster.Unavailable && muster.KindOf(err) != muster.Busy {
			return err
		}
		events = nil
		if err != nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(followAgain):
			}
			continue
		}
		for _, i := range page.Items {
			if e := i.Event; e != nil && e.Number > seen && (host == "" || e.Host == host) && (!q.Failed || e.Result != nil && e.Result.Error != "") {
				events = append(events, *e)
			}
		}
		cursor = page.Next
	}
}

// followAgain is how long a server that is away is left alone.
const followAgain = 5 * time.Second

// followedHost is the id of the host whose events are meant; "" is all.
func followedHost(ctx context.Context, p *api.PersonClient, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	h, err := p.Host(ctx, name)
	return h.ID, err
}

func (a *app) printFollowed(events []api.Event) {
	if !a.json {
		a.printEvents(events)
		return
	}
	enc := json.NewEncoder(a.out)
	for _, e := range events {
		enc.Encode(e)
	}
}

func (a *app) printEvents(events []api.Event) {
	for _, e := range events {
		a.print("%s  %s  %s", stamp(e.Time), cmp.Or(e.Name, e.Host), eventText(e))
		if e.Result == nil {
			continue
		}
		for _, s := range e.Result.Steps {
			line := "    " + s.Op + " " + s.Name + " " + strings.TrimPrefix(s.From+" -> "+s.To, " -> ")
			if s.To == "" {
				line = "    " + s.Op + " " + s.Name + " " + s.From
			}
			if s.Error != "" {
				line += ": " + s.Error
			}
			a.print("%s", line)
		}
	}
}

func eventText(e api.Event) string {
	if e.Result == nil {
		return strings.TrimSuffix(e.What+": "+e.Text, ": ")
	}
	text := e.Result.Kind
	if e.Result.By != "" {
		text += " (" + e.Result.By + ")"
	}
	switch {
	case e.Result.Error != "":
		text += " failed: " + e.Result.Error
	case e.Result.Progress:
		text += " goes on"
	default:
		text += " done in " + time.Duration(max(0, e.Result.Ended-e.Result.Started)*int64(time.Second)).String()
	}
	return text
}
