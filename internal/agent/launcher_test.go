package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// life makes versions with a clock that the test sets.
func life(t *testing.T) (*Versions, *time.Time) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return &Versions{Dir: filepath.Join(t.TempDir(), "agent"), Now: func() time.Time { return now }}, &now
}

func stageAll(t *testing.T, v *Versions, versions ...string) {
	t.Helper()
	for _, version := range versions {
		if err := v.stage(version, []byte(version)); err != nil {
			t.Fatal(err)
		}
		if err := v.Well(); err != nil {
			t.Fatal(err)
		}
	}
}

// launch runs the launcher once, with trials that end with err, and returns how many
// there were and what ran.
func launch(ctx context.Context, v *Versions, try func() error) (tries int, ran []string) {
	l := Launcher{Versions: v, Say: func(string, ...any) {},
		Try:    func(string, time.Duration) error { tries++; return try() },
		Become: func(program string) error { ran = append(ran, program); return nil }}
	l.Run(ctx)
	return tries, ran
}

// TestTrialStopped: the machine is stopped in a trial, again and again. Nothing is
// started then, and the version is as good as before.
func TestTrialStopped(t *testing.T) {
	v, _ := life(t)
	stageAll(t, v, "1")
	if err := v.stage("2", nil); err != nil {
		t.Fatal(err)
	}
	for range 2 * trialStarts {
		ctx, stop := context.WithCancel(t.Context())
		tries, ran := launch(ctx, v, func() error {
			stop()
			return fmt.Errorf("%w: %w", ErrUndecided, ctx.Err())
		})
		if tries != 1 || len(ran) != 0 {
			t.Fatalf("%d trials, and %q was started while the machine stops", tries, ran)
		}
	}
	if s := v.read(); s.Trial != "2" || s.Starts != 0 || len(s.Bad) != 0 {
		t.Errorf("after that: %+v", s)
	}
	if tries, ran := launch(t.Context(), v, func() error { return nil }); tries != 1 || len(ran) != 1 || ran[0] != v.program("2") {
		t.Errorf("at last: %d trials, %q runs", tries, ran)
	}
}

// TestTrialBusy: another program has the root. The version before runs meanwhile; the
// new one is tried at the next start, but not for ever.
func TestTrialBusy(t *testing.T) {
	v, _ := life(t)
	stageAll(t, v, "1")
	if err := v.stage("2", nil); err != nil {
		t.Fatal(err)
	}
	busy := func() error { return ErrUndecided }
	for n := range maxSpared {
		tries, ran := launch(t.Context(), v, busy)
		if tries != 1 || len(ran) != 1 || ran[0] != v.program("1") || v.read().Trial != "2" {
			t.Fatalf("start %d: %d trials, %q runs, %+v", n, tries, ran, v.read())
		}
	}
	for range trialStarts + 1 {
		launch(t.Context(), v, busy)
	}
	if s := v.read(); s.Trial != "" || s.Bad["2"] == "" {
		t.Errorf("a version that is always busy: %+v", s)
	}
}

// TestBans: what was found bad is tried again after a day, and then after a week.
func TestBans(t *testing.T) {
	v, now := life(t)
	day := 24 * time.Hour
	stageAll(t, v, "1")
	for n, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {23 * time.Hour, true}, {day, false}, {0, true}, {6 * day, true}, {7 * day, false}, {0, true}, {-day, false}} {
		if c.after == 0 {
			if err := v.give("2", "it crashed"); err != nil {
				t.Fatal(err)
			}
		}
		if got := v.read().banned("2", now.Add(c.after)); got != c.want {
			t.Errorf("%d: banned after %s: %v", n, c.after, got)
		}
	}
	if v.read().banned("3", *now) {
		t.Error("a version that was never tried is banned")
	}
	stageAll(t, v, "2")
	if s := v.read(); len(s.Bad)+len(s.Bans) != 0 {
		t.Errorf("2 is well, and still %+v", s)
	}
}

// TestNewerBase: where somebody brought a newer program to the machine, that runs, and
// not what was staged before.
func TestNewerBase(t *testing.T) {
	for base, want := range map[string]string{"2.0": "3.0-1", "3.0": "3.0-1", "3.1": "", "": "3.0-1"} {
		v, _ := life(t)
		stageAll(t, v, "2.5-1", "3.0-1")
		v.Base = base
		_, ran := launch(t.Context(), v, func() error { return nil })
		if want != "" {
			want = v.program(want)
		}
		if len(ran) != 1 || ran[0] != want {
			t.Errorf("with a base of %s %q runs", base, ran)
		}
		if _, err := os.Stat(v.program("3.0-1")); (err != nil) != (base == "3.1") {
			t.Errorf("with a base of %s: %v", base, err)
		}
	}
	v, _ := life(t)
	if err := v.stage("3.0-1", nil); err != nil {
		t.Fatal(err)
	}
	v.Base = "3.1"
	if tries, ran := launch(t.Context(), v, func() error { return nil }); tries != 0 || ran[0] != "" {
		t.Errorf("an older version is tried %d times, and %q runs", tries, ran)
	}
}

// TestStoppedBeforeWell: a machine that is stopped soon after each start keeps the
// agent that it has.
func TestStoppedBeforeWell(t *testing.T) {
	v, _ := life(t)
	stageAll(t, v, "1")
	for range 2 * currentStarts {
		if _, ran := launch(t.Context(), v, nil); ran[0] != v.program("1") {
			t.Fatalf("%q runs: %+v", ran, v.read())
		}
		ctx, stop := context.WithCancel(t.Context())
		s := newScene(nil)
		s.Do = func(context.Context, *Work, func(News)) *Done {
			stop()
			return &Done{}
		}
		if err := v.Live(ctx, s.Agent); err != nil {
			t.Fatal(err)
		}
	}
}

// shell is a program that a shell runs.
func shell(t *testing.T, text string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("runs a shell")
	}
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestTryProgram is what programs do in a trial.
func TestTryProgram(t *testing.T) {
	for name, c := range map[string]struct {
		text      string
		good      bool
		undecided bool
	}{
		"well":                       {text: "echo well; exec sleep 60", good: true},
		"well, and ends":             {text: "echo well", good: true},
		"a long line before":         {text: "head -c 3000000 /dev/zero; echo; echo well; exec sleep 60", good: true},
		"busy, then well":            {text: "echo busy; echo well; exec sleep 60", good: true},
		"busy":                       {text: "echo busy; exec sleep 60", undecided: true},
		"busy, then crashes":         {text: "echo busy; exit 3"},
		"hangs":                      {text: "exec sleep 60"},
		"hangs without an output":    {text: "exec sleep 60 >&-"},
		"leaves one with its output": {text: "sleep 60 & exit 0"},
		"crashes":                    {text: "exit 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			err := TryProgram(t.Context(), shell(t, c.text), nil, 2*time.Second)
			if (err == nil) != c.good || errors.Is(err, ErrUndecided) != c.undecided {
				t.Errorf("found: %v", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("found after %s", took)
			}
		})
	}
}

// TestTryProgramStopped: when the agent is stopped in a trial, the version is ended
// and nothing is said against it.
func TestTryProgramStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "ended")
	program := shell(t, fmt.Sprintf("trap 'echo > %s; exit 0' TERM; echo > %s.up; sleep 60 & wait", file, file))
	go func() {
		for {
			if _, err := os.Stat(file + ".up"); err == nil {
				stop()
				return
			}
			pause(time.Millisecond)
		}
	}()
	err := TryProgram(ctx, program, nil, time.Minute)
	if !errors.Is(err, ErrUndecided) || !errors.Is(err, context.Canceled) {
		t.Errorf("found: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("it was not asked to end: %v", err)
	}
}
