package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/agent"
	"muster/internal/install"
)

func agentCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Keep this machine as it should be",
		Long: `The agent keeps a host as signed packages say that it should be: it looks for
news, installs and upgrades when it is a good time, and tells the server.`,
		Example: "  muster agent run\n  muster agent look",
	}
	for _, make := range []func(*app) *cobra.Command{agentInstallCommand, agentUninstallCommand, agentRunCommand, agentStatusCommand, agentLookCommand, agentLoopCommand, agentWorkCommand} {
		cmd.AddCommand(make(a))
	}
	return cmd
}

func agentRunCommand(a *app) *cobra.Command {
	var patience time.Duration
	var now bool
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run the agent until it is stopped",
		Long:    "Run the agent in the foreground, as the service does that 'muster agent install'\nsets up. What it does is told on stderr.",
		Example: "  muster agent run",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.agentRun(cmd.Context(), patience, now) },
	}
	a.rootFlags(cmd)
	cmd.Flags().BoolVar(&now, "now", false, "look for news at once, not some time within the first minute")
	cmd.Flags().DurationVar(&patience, "patience", 3*time.Minute, "how long a new version of the agent has to tell that it is well")
	return cmd
}

// agentRun is the launcher: it starts the version of the agent that should run.
func (a *app) agentRun(ctx context.Context, patience time.Duration, now bool) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	running := ctx
	args := []string{"agent", "loop", "--root", e.Root.Dir, "--base", exe, "--patience", patience.String()}
	if now {
		args = append(args, "--now")
	}
	versions := agent.VersionsOf(e.Root.State, e.Root.Disk)
	versions.Base = Version
	l := agent.Launcher{
		Versions: versions,
		Patience: patience,
		Say:      a.talk,
		Try: func(program string, patience time.Duration) error {
			return agent.TryProgram(running, program, append(args, "--trial"), patience)
		},
		Become: func(program string) error {
			if program == "" {
				return a.agentLoop(running, looping{now: now})
			}
			return agent.BecomeProgram(running, program, args)
		},
	}
	return agent.RunService(ctx, func(ctx context.Context) error {
		running = ctx
		return l.Run(ctx)
	})
}

// looping is how the loop was started.
type looping struct {
	base     string        // the launcher to hand back to; "" is this process
	patience time.Duration // of that launcher
	trial    bool          // to tell whether this version is well
	now      bool          // the first round at once
}

func agentLoopCommand(a *app) *cobra.Command {
	var o looping
	cmd := &cobra.Command{
		Use:     "loop",
		Short:   "Be the agent, started by 'muster agent run'",
		Example: "  muster agent loop --base /usr/bin/muster",
		Args:    cobra.NoArgs,
		Hidden:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := a.agentLoop(cmd.Context(), o)
			if errors.Is(err, agent.ErrAnother) && o.base != "" {
				return agent.HandBack(o.base, []string{"agent", "run", "--root", a.rootDir, "--patience", o.patience.String()})
			}
			return err
		},
	}
	a.rootFlags(cmd)
	cmd.Flags().StringVar(&o.base, "base", "", "the program of 'muster agent run'")
	cmd.Flags().DurationVar(&o.patience, "patience", 3*time.Minute, "that of 'muster agent run'")
	cmd.Flags().BoolVar(&o.trial, "trial", false, "only tell whether this version is well")
	cmd.Flags().BoolVar(&o.now, "now", false, "look for news at once")
	return cmd
}

func (a *app) agentLoop(ctx context.Context, o looping) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	debug.SetGCPercent(25) // it holds little, and makes little
	e, err := a.open()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ag := &agent.Agent{Root: e.Root.Dir, Version: Version, Exe: exe, Log: slog.New(slog.NewTextHandler(a.err, nil)), Renews: true, Prompt: o.trial || o.now}
	if o.trial {
		ag.Held = func() { agent.SayBusy(a.out) }
		ag.Well = func() {
			agent.SayWell(a.out)
			stop() // the launcher starts the agent anew, in its own place
		}
		return ag.Run(ctx)
	}
	if err := ag.ServeAt(ctx, agent.SocketOf(e.Root)); err != nil {
		return err
	}
	return agent.VersionsOf(e.Root.State, e.Root.Disk).Live(ctx, ag)
}

func agentInstallCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Have the system start the agent, now and at every boot",
		Long: `Have the system start the agent, now and at every boot: by systemd on Linux,
launchd on macOS, rc on FreeBSD, the service manager on Windows. The service starts
this very program; new versions of the agent lie in the state of the root, and this
one is what a bad version goes back to.`,
		Example: "  sudo muster agent install",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.agentInstall() },
	}
	a.rootFlags(cmd)
	return cmd
}

func (a *app) agentInstall() error {
	e, err := a.open()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	s := agent.Service{Exe: exe, Root: e.Root.Dir}
	if err := s.Install(); err != nil {
		return err
	}
	a.talk("the agent runs: muster agent status%s", a.rootArg())
	return nil
}

func agentUninstallCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "uninstall",
		Short:   "Stop the agent, and start it no more",
		Long:    "Stop the agent, and have the system start it no more. What is installed stays.",
		Example: "  sudo muster agent uninstall",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := new(agent.Service).Uninstall(); err != nil {
				return err
			}
			a.talk("the agent is gone")
			return nil
		},
	}
}

func agentStatusCommand(a *app) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show what the agent is doing",
		Long:    "Show what the agent is doing, what it last found, and what an upgrade waits for;\nwith --follow also what happens from now on.",
		Example: "  muster agent status\n  muster agent status --follow",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.agentStatus(cmd.Context(), follow) },
	}
	a.rootFlags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on showing what happens")
	return cmd
}

// local is the agent of the root.
func (a *app) local() (*agent.Local, error) {
	root, err := install.Open(a.rootDir, nil)
	if err != nil {
		return nil, err
	}
	return agent.DialLocal(agent.SocketOf(root)), nil
}

func (a *app) agentStatus(ctx context.Context, follow bool) error {
	l, err := a.local()
	if err != nil {
		return err
	}
	if follow {
		return l.Watch(ctx, a.showEvent)
	}
	s, err := l.State(ctx)
	if err != nil {
		return err
	}
	return a.answer(s, func() error { return a.printState(&s) })
}

func (a *app) printState(s *agent.State) error {
	rows := []string{row("version", s.Version)}
	if s.Doing != agent.Rest {
		rows = append(rows, row("doing", string(s.Doing)))
	}
	if !s.Last.IsZero() {
		told := "the server was told"
		if !s.Online {
			told = "the server was not told"
		}
		rows = append(rows, row("last look", a.ago(s.Last)+", "+told))
	}
	rows = append(rows, row("next look", when(s.Next)))
	if s.Upgrade != nil {
		rows = append(rows, row("to do", count(len(s.Upgrade.Steps), "step")))
		for _, step := range s.Upgrade.Steps {
			rows = append(rows, row("", step))
		}
	}
	if s.Postponed != "" {
		rows = append(rows, row("waits for", s.Postponed))
	}
	if !s.Until.IsZero() {
		rows = append(rows, row("not after", when(s.Until)))
	}
	if s.Reboot {
		rows = append(rows, "restart\tthe machine has to be restarted")
	}
	if s.Problem != nil {
		rows = append(rows, row("problem", s.Problem.Message))
	}
	return a.table(rows)
}

// showEvent prints what happened, for a person who watches.
func (a *app) showEvent(e agent.Event) {
	switch {
	case a.json:
		json.NewEncoder(a.out).Encode(e)
	case e.Text != "":
		a.print("%s  %s", when(e.Time), e.Text)
	case e.Done != nil && e.Done.Error != nil:
		a.print("%s  failed: %s", when(e.Time), e.Done.Error.Message)
	case e.State != nil && e.State.Doing != agent.Rest:
		a.print("%s  %s", when(e.Time), e.State.Doing)
	}
}

// byAgent has the agent do what this user may not do to the root themselves. It
// reports whether there is one to ask.
func (a *app) byAgent(ctx context.Context, w agent.Wish) (asked bool, err error) {
	root, err := install.Open(a.rootDir, nil)
	if err != nil {
		return false, err
	}
	f, err := os.OpenFile(filepath.Join(root.State, "lock"), os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	if !errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	socket := agent.SocketOf(root)
	if !agent.Answers(socket) {
		return false, nil
	}
	l := agent.DialLocal(socket)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go l.Watch(ctx, func(e agent.Event) {
		if e.Text != "" {
			a.talk("%s", e.Text)
		}
	})
	done, err := l.Change(ctx, w)
	if err == nil {
		err = done.Error.Err()
	}
	if err != nil {
		return true, err
	}
	return true, a.answer(changeFact{State: "done", Steps: done.Steps, Notes: done.Notes, Reboot: done.Reboot}, func() error {
		if len(done.Steps) == 0 {
			a.talk("nothing to do")
		}
		for _, s := range done.Steps {
			a.print("%s %s %s", s.Op, s.Name, s.To)
		}
		return nil
	})
}

func agentLookCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "look",
		Short: "Look for news once, and tell the server",
		Long: `Make one round of the agent: ask the server what it wants and the repositories
what is new, look at what the machine is and has, and tell the server what it does
not know yet. Nothing is installed.`,
		Example: "  muster agent look",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.agentLook(cmd.Context()) },
	}
	a.rootFlags(cmd)
	cmd.Flags().DurationVar(&a.wait, "wait", time.Minute, "wait so long for another muster to finish with the root")
	return cmd
}

// look has the agent look, where one runs: then it knows what was found. Else this
// process does.
func (a *app) look(ctx context.Context) (*agent.Outcome, error) {
	l, err := a.local()
	if err != nil {
		return nil, err
	}
	if _, err := l.State(ctx); err == nil {
		done, err := l.Look(ctx)
		if err == nil {
			err = done.Error.Err()
		}
		return done.Outcome, err
	}
	return agent.Round(ctx, agent.Job{Root: a.rootDir, Version: Version, Now: a.now, Log: a.talk, Update: true, Collect: true, Wait: a.wait})
}

func (a *app) agentLook(ctx context.Context) error {
	out, err := a.look(ctx)
	if err != nil {
		return err
	}
	if out == nil {
		a.talk("the agent has just looked: muster agent status%s", a.rootArg())
		return nil
	}
	err = a.answer(out, func() error {
		if out.Upgrade == nil || len(out.Upgrade.Steps) == 0 {
			a.print("nothing to do")
			return nil
		}
		for _, s := range out.Upgrade.Steps {
			a.print("%s", s)
		}
		return nil
	})
	if err == nil {
		err = out.Offline.Err()
	}
	if err == nil {
		err = out.Problem.Err()
	}
	return err
}

// agentWorkCommand is what the agent starts for everything that takes memory.
func agentWorkCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "work",
		Short:   "Do one piece of work for the agent",
		Example: "  echo '{\"Action\":\"look\",\"Root\":\"/\"}' | muster agent work",
		Args:    cobra.NoArgs,
		Hidden:  true,
		RunE:    func(cmd *cobra.Command, _ []string) error { return agent.Serve(cmd.Context(), a.in, a.out) },
	}
}
