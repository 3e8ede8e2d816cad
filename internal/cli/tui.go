package cli

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/internal/tui"
)

func tuiCommand(a *app) *cobra.Command {
	var server, lang string
	cmd := &cobra.Command{
		Use:   "tui",
		Short: "Self-service, or with --server a fleet, in the terminal",
		Long: `Show self-service of this machine in the terminal: what you may install, the
updates that wait and until when you may put them off, and what was changed. With
--server, show the hosts of a server for those who look after them: numbers, what
needs somebody, hosts by search, rollouts and actions. ? lists the keys.

It speaks English or French, as LC_ALL, LC_MESSAGES or LANG say, on Windows the
language of the desktop where none of these is set.`,
		Example: "  muster tui --lang fr\n  muster tui --server https://muster.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.tui(cmd.Context(), strings.TrimSuffix(server, "/"), lang)
		},
	}
	a.rootFlags(cmd)
	cmd.Flags().StringVar(&server, "server", "", "the server whose hosts to show, where you are logged in")
	cmd.Flags().StringVar(&lang, "lang", "", "the language: en, fr")
	return cmd
}

func (a *app) tui(ctx context.Context, server, lang string) error {
	lang, err := tui.Language(lang, os.Getenv, tui.SystemLanguages())
	if err != nil {
		return err
	}
	if !a.interactive() {
		return muster.WithHint(muster.Errorf(muster.Invalid, "this is for a terminal"), "muster list, muster hosts")
	}
	t := tui.Terminal{In: a.in, Out: a.out, Lang: lang}
	if server == "" {
		l, err := a.local()
		if err != nil {
			return err
		}
		return tui.Self(ctx, l, t)
	}
	all, err := readSessions()
	if err != nil {
		return err
	}
	p, err := a.personAt(server, all)
	if err != nil {
		return err
	}
	defer p.Close()
	if _, err := p.Hosts(ctx, api.HostQuery{Limit: 1}); err != nil { // before the screen is taken
		return err
	}
	return tui.Fleet(ctx, p, t)
}
