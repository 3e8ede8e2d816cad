package cli

import (
	"context"
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
	for _, make := range []func(*app) *cobra.Command{agentRunCommand, agentLookCommand, agentWorkCommand} {
		cmd.AddCommand(make(a))
	}
	return cmd
}

func agentRunCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run the agent until it is stopped",
		Long:    "Run the agent in the foreground, as the service does that 'muster agent install'\nsets up. What it does is told on stderr.",
		Example: "  muster agent run",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.agentRun(cmd.Context()) },
	}
	a.rootFlags(cmd)
	return cmd
}

func (a *app) agentRun(ctx context.Context) error {
	if _, err := a.open(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.err, nil))
	ag := &agent.Agent{Root: a.rootDir, Version: Version, Exe: exe, Log: log}
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
