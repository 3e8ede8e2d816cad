package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/selfservice"
)

func selfServiceCommand(a *app) *cobra.Command {
	var print bool
	cmd := &cobra.Command{
		Use:   "self-service",
		Short: "Open the page on which you install what you may",
		Long: `Open a page in your browser on which you install, update and remove what packages
of kind self-service let you, put updates off, and see what was changed. The agent of
the machine does it; 'muster tui' is the same in a terminal.

The page is for you alone. It ends when it was not used for ten minutes, or with
Ctrl-C.`,
		Example: "  muster self-service\n  muster self-service --print-url",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.selfService(cmd.Context(), print) },
	}
	a.rootFlags(cmd)
	cmd.Flags().BoolVar(&print, "print-url", false, "print the address, a secret that is good once, and open no browser")
	return cmd
}

func (a *app) selfService(ctx context.Context, print bool) error {
	l, err := a.local()
	if err != nil {
		return err
	}
	if _, err := l.State(ctx); err != nil { // told here, where a person reads it
		return err
	}
	site, err := selfservice.New(l)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- site.Serve(ctx) }()
	if print {
		a.print("%s", site.Entry())
		return <-ended
	}
	file, err := selfservice.Open(ctx, site.Entry())
	if err != nil {
		stop()
		<-ended
		return muster.WithHint(err, "muster self-service --print-url")
	}
	defer os.Remove(file)
	return <-ended
}
