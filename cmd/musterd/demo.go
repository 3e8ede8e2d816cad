package main

import (
	"os"

	"github.com/spf13/cobra"

	"muster/internal/demo"
)

func (a *app) demoCommand() *cobra.Command {
	o := demo.Options{Out: a.out, Err: a.err}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole system on this machine, on real packages",
		Long: `Show the whole system on this machine: an authority and an administrator, real
tools built from source, a server, and three hosts that join it, get what their
group should have, lose it again when the group changes, and say what they have;
then the server loses its database and finds everything again.

Every step is a command that is printed first and can be typed again. The folder
stays, to play in, and server and hosts go on until interrupted, unless --once
is given.

Needed are Go, which builds the tools, and its module proxy.`,
		Example: "  musterd demo\n  musterd demo --once --dir /tmp/demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Self, err = os.Executable(); err != nil {
				return err
			}
			return demo.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "muster-demo", "folder to make; an earlier demonstration in it is replaced")
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:0", "address of the server")
	cmd.Flags().BoolVar(&o.Once, "once", false, "end after the last step; exit with 1 if one fails")
	return cmd
}
