package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/fetch"
	"muster/internal/repo"
	"muster/settings"
)

type mirrorOptions struct {
	trust  []string
	only   []string
	whole  bool
	every  time.Duration
	rate   string
	window string
}

func repoMirrorCommand(a *app) *cobra.Command {
	var o mirrorOptions
	cmd := &cobra.Command{
		Use:   "mirror SOURCE DIR",
		Short: "Copy a repository into a folder, for others to read",
		Long: `Copy a repository, a URL or a folder, into a folder that any web server can offer:
only what is not there yet, and the signed head last, so that who reads the copy always
finds all that the head names. A copy that was interrupted goes on where it stopped.

A mirror needs no key, and cannot change what it copies. It believes the source as a
host does: with --trust those certificates, otherwise the chain of trust that it met the
first time, and never an older head. Name its address in the source's list of mirrors, or
in a host's configuration; hosts ask the next mirror for what one does not have.`,
		Example: `  muster repo mirror https://packages.example.org /srv/mirror --trust ca.crt
  muster repo mirror /srv/repo /media/usb/repo --only 'age*' --only shfmt
  muster repo mirror https://packages.example.org /srv/mirror --every 1h --rate 20M --window 19:00-07:00`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := a.mirrorOf(args[0], args[1], o)
			if err != nil {
				return err
			}
			w, err := mirrorWindow(o.window)
			if err != nil {
				return err
			}
			if o.every < 0 || o.every > 0 && o.every < time.Second {
				return usagef("--every takes a second at least")
			}
			return a.repoMirror(cmd.Context(), m, w, o.every)
		},
	}
	f := cmd.Flags()
	trustFlag(cmd, &o.trust)
	f.StringArrayVar(&o.only, "only", nil, "copy only packages with such a `NAME`, which may have * and ?; those of hosts and units in any case")
	f.BoolVar(&o.whole, "whole", false, "compare the hashes of files that are there too, and mend what a disk has damaged")
	f.DurationVar(&o.every, "every", 0, "go on, and look for news each `TIME`: 1h")
	f.StringVar(&o.rate, "rate", "", "fetch at most so many bytes a second: 500K, 20M")
	f.StringVar(&o.window, "window", "", "work between these `HOURS` alone: 19:00-07:00, or 'mon-fri 19:00-07:00'")
	return cmd
}

func (a *app) mirrorOf(source, dir string, o mirrorOptions) (*repo.Mirror, error) {
	if err := folderOnly(dir); err != nil {
		return nil, err
	}
	c, err := a.visitor(source, o.trust)
	if muster.KindOf(err) == muster.NotFound {
		return nil, muster.WithHint(err, "the first argument is the repository to copy, a folder or a URL; muster repo mirror --help")
	}
	if err != nil {
		return nil, err
	}
	if c.Fetch.Limit, err = limiter(o.rate); err != nil {
		return nil, err
	}
	c.Fetch.UserAgent = "muster/" + Version
	return &repo.Mirror{Source: c.Base, Dir: dir, Trust: c.Trust, Fetch: c.Fetch, Only: o.only, Whole: o.whole, Now: a.now}, nil
}

// mirrorFact is the JSON form of what a copy did.
type mirrorFact struct {
	Repository string   `json:"repository"`
	Serial     int64    `json:"serial"`
	News       bool     `json:"news"`
	Files      int      `json:"files"` // that were fetched
	Bytes      int64    `json:"bytes"`
	Skipped    int      `json:"skipped,omitempty"` // packages that were not chosen
	Removed    []string `json:"removed,omitempty"`
}

// repoMirror copies once, or again and again until it is interrupted.
func (a *app) repoMirror(ctx context.Context, m *repo.Mirror, w *settings.Window, every time.Duration) error {
	for {
		err := a.copyWithin(ctx, m, w)
		if every == 0 || ctx.Err() != nil {
			return err
		}
		if err != nil { // a source that is away, or wrong, may be right again
			fmt.Fprintf(a.err, "muster: %v\n", err)
		}
		if !sleep(ctx, every) {
			return nil
		}
	}
}

// errWindow ends a copy at the end of its hours.
var errWindow = errors.New("the hours of --window are over")

// mirrorWindow reads hours as settings of the agent have them; none is nil.
func mirrorWindow(text string) (*settings.Window, error) {
	if text == "" {
		return nil, nil
	}
	w, err := settings.ParseWindow(text)
	if err != nil {
		return nil, usagef("--window: %w", err)
	}
	return &w, nil
}

// copyWithin waits for the hours of a window, and copies until they end.
func (a *app) copyWithin(ctx context.Context, m *repo.Mirror, w *settings.Window) error {
	if w == nil {
		return a.copyRepository(ctx, m)
	}
	open, change := w.At(a.now())
	if !open {
		a.talk("waiting until %s", when(change))
		if !sleep(ctx, change.Sub(a.now())) {
			return ctx.Err()
		}
		_, change = w.At(change)
	}
	if !change.IsZero() {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, change, errWindow)
		defer stop()
	}
	err := a.copyRepository(ctx, m)
	if err != nil && errors.Is(context.Cause(ctx), errWindow) {
		return muster.WithHint(muster.Errorf(muster.Unavailable, "%w: the copy is not complete", errWindow), "the same command goes on where it stopped")
	}
	return err
}

func (a *app) copyRepository(ctx context.Context, m *repo.Mirror) error {
	var get *meter
	var show func(fetch.Progress)
	m.Begin = func(_ int, bytes int64) { show = a.fetching(&get, bytes) }
	m.Fetch.Progress = func(p fetch.Progress) {
		if show != nil {
			show(p)
		}
	}
	done, err := m.Copy(ctx)
	get.end()
	if err != nil {
		return err
	}
	fact := mirrorFact{done.ID, done.Serial, done.News, done.Files, done.Bytes, done.Skipped, done.Removed}
	return a.answer(fact, func() error {
		for _, name := range fact.Removed {
			a.print("deleted %s", name)
		}
		if !fact.News && fact.Files == 0 {
			a.talk("nothing is new since %s", when(time.Unix(fact.Serial, 0)))
			return nil
		}
		a.print("%s as of %s: %s, %s", fact.Repository, when(time.Unix(fact.Serial, 0)), count(fact.Files, "file"), size(fact.Bytes))
		if fact.Skipped > 0 {
			a.talk("without %s", count(fact.Skipped, "package"))
		}
		return nil
	})
}

// sleep reports whether the time is over; it is not when ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
