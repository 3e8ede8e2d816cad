package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/agent"
)

func agentCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Keep this machine as it should be",
		Long: `The agent keeps a host as signed packages say that it should be: it looks for
news, installs and upgrades when it is a good time, and tells the server.`,
		Example: "  muster agent run\n  muster agent look",
	}
	for _, make := range []func(*app) *cobra.Command{agentRunCommand, agentLookCommand, agentLoopCommand, agentWorkCommand} {
		cmd.AddCommand(make(a))
	}
	return cmd
}

func agentRunCommand(a *app) *cobra.Command {
	var patience time.Duration
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run the agent until it is stopped",
		Long:    "Run the agent in the foreground, as the service does that 'muster agent install'\nsets up. What it does is told on stderr.",
		Example: "  muster agent run",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.agentRun(cmd.Context(), patience) },
	}
	a.rootFlags(cmd)
	cmd.Flags().DurationVar(&patience, "patience", 3*time.Minute, "how long a new version of the agent has to tell that it is well")
	return cmd
}

// agentRun is the launcher: it starts the version of the agent that should run.
func (a *app) agentRun(ctx context.Context, patience time.Duration) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"agent", "loop", "--root", e.Root.Dir, "--base", exe}
	l := agent.Launcher{
		Versions: agent.VersionsOf(e.Root.State, e.Root.Disk),
		Patience: patience,
		Say:      a.talk,
		Try: func(program string, patience time.Duration) error {
			return agent.TryProgram(ctx, program, append(args, "--trial"), patience)
		},
		Become: func(program string) error {
			if program == "" {
				return a.agentLoop(ctx, looping{})
			}
			return agent.BecomeProgram(program, args)
		},
	}
	return l.Run()
}

// looping is how the loop was started.
type looping struct {
	base  string // the launcher to hand back to; "" is this process
	trial bool   // to tell whether this version is well
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
				return agent.HandBack(o.base, []string{"agent", "run", "--root", a.rootDir})
			}
			return err
		},
	}
	a.rootFlags(cmd)
	cmd.Flags().StringVar(&o.base, "base", "", "the program of 'muster agent run'")
	cmd.Flags().BoolVar(&o.trial, "trial", false, "only tell whether this version is well")
	return cmd
}

func (a *app) agentLoop(ctx context.Context, o looping) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	e, err := a.open()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ag := &agent.Agent{Root: e.Root.Dir, Version: Version, Exe: exe, Log: slog.New(slog.NewTextHandler(a.err, nil)), Renews: true, Prompt: o.trial}
	ag.Well = func() {
		if o.trial {
			agent.SayWell(a.out)
			stop() // the launcher starts the agent anew, in its own place
		} else if err := agent.VersionsOf(e.Root.State, e.Root.Disk).Well(); err != nil {
			ag.Log.Error("cannot write down that this version is well", "error", err)
		}
	}
	return ag.Run(ctx)
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

func (a *app) agentLook(ctx context.Context) error {
	out, err := agent.Round(ctx, agent.Job{Root: a.rootDir, Version: Version, Now: a.now, Log: a.talk, Update: true, Collect: true, Wait: a.wait})
	if err != nil {
		return err
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
