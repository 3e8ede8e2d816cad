// Package tui is self-service and the overview of a fleet in a terminal: over ssh, in
// 80 columns and 24 lines, with or without colours (NO_COLOR, https://no-color.org).
//
// Start with [Self] or [Fleet]. Each is a model in the manner of Elm: Update takes what
// happened, View draws it, and neither does anything else. What takes time is a command,
// whose end comes back as a message.
//
// What packages, hosts and people are called is theirs to choose: everything is made
// [api.Legible] before it is drawn, so that no name rules the terminal.
package tui

import (
	"context"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"muster"
	"muster/api"
	"muster/internal/agent"
)

// Terminal is where a program is shown, and in which language: see [Language].
type Terminal struct {
	In   io.Reader
	Out  io.Writer
	Lang string
}

// Self shows self-service of the machine until the person leaves it.
func Self(ctx context.Context, l *agent.Local, t Terminal) error {
	if _, err := l.State(ctx); err != nil {
		return err // before the screen is taken
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	m := newSelf(ctx, l)
	m.lang = t.Lang
	p := program(ctx, m, t)
	go follow(ctx, l, p.Send)
	return run(p)
}

// Fleet shows the hosts of a server until the person leaves it.
func Fleet(ctx context.Context, c *api.PersonClient, t Terminal) error {
	m := newFleet(ctx, c)
	m.lang = t.Lang
	return run(program(ctx, m, t))
}

func program(ctx context.Context, m tea.Model, t Terminal) *tea.Program {
	return tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(t.In), tea.WithOutput(t.Out))
}

func run(p *tea.Program) error {
	if _, err := p.Run(); err != nil {
		return muster.Errorf(muster.Unavailable, "cannot show this in the terminal: %w", err)
	}
	return nil
}

// follow passes on what the agent says, also one that was started anew.
func follow(ctx context.Context, l *agent.Local, send func(tea.Msg)) {
	for ctx.Err() == nil {
		l.Watch(ctx, func(e agent.Event) { send(e) }) //nolint:errcheck // tried again
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
		}
	}
}
