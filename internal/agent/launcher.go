package agent

import (
	"context"
	"errors"
	"time"

	"muster"
)

// A Launcher starts the agent's current version, and watches over a new one until
// that has said that it is well. It does nothing else, so that there is little in
// it to go wrong: it is the one part that does not update itself.
type Launcher struct {
	Versions *Versions
	// Patience is how long a new version has to say that it is well; 0 is 3 minutes.
	Patience time.Duration
	// Try starts a program and returns nil as soon as it says that it is well. It
	// leaves nothing running.
	Try func(program string, patience time.Duration) error
	// Become has the program take this one's place. Where it returns, the agent is
	// over, wants another version started ([ErrAnother]), or could not be started.
	Become func(program string) error
	Say    func(format string, args ...any)
}

// Run runs versions until the agent is over, or ctx ends. The program that the
// machine came with is "" to Become.
func (l *Launcher) Run(ctx context.Context) error {
	if l.Patience == 0 {
		l.Patience = 3 * time.Minute
	}
	for try := true; ctx.Err() == nil; {
		version, trial, err := l.Versions.next(try)
		if err != nil {
			l.Say("cannot choose a version of the agent: %v", err)
			return l.Become("")
		}
		program := ""
		if version != "" {
			program = l.Versions.program(version)
		}
		if trial {
			try = l.try(version, program)
			continue
		}
		err = l.Become(program)
		switch {
		case errors.Is(err, ErrAnother):
			try = true
		case err == nil || version == "":
			return err
		default:
			l.Say("version %s of the agent cannot be started: %v", version, err)
			if err := l.Versions.give(version, err.Error()); err != nil {
				return muster.WithKind(muster.Unavailable, err)
			}
		}
	}
	return nil
}

// try decides over a new version, and reports whether it could. What cannot be
// written down is tried again at the next start, as often as next allows.
func (l *Launcher) try(version, program string) (decided bool) {
	err := l.Try(program, l.Patience)
	decided = !errors.Is(err, ErrUndecided)
	switch {
	case err == nil:
		l.Say("version %s of the agent is well", version)
		err = l.Versions.Well()
	case decided:
		l.Say("version %s of the agent is given up: %v", version, err)
		err = l.Versions.give(version, err.Error())
	default:
		l.Say("version %s of the agent is tried later: %v", version, err)
		err = l.Versions.Spare()
	}
	if err != nil {
		l.Say("cannot write down how version %s did: %v", version, err)
	}
	return decided
}

// Live runs the agent, and writes down how this version of it does: that it is well,
// or that it was stopped before it could be, for which nobody is to blame.
func (v *Versions) Live(ctx context.Context, a *Agent) error {
	a.Well = func() {
		if err := v.Well(); err != nil {
			a.Log.Error("cannot write down that this version is well", "error", err)
		}
	}
	err := a.Run(ctx)
	if err == nil && !a.told {
		err = v.Spare()
	}
	return err
}
