package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/server"
	"muster/sign"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve hosts and people until told to stop",
		Long: `Serve until SIGTERM or SIGINT. The first start makes the database, the keys and a
TLS certificate, and says what agents pin. Logs are JSON on the standard error.`,
		Example: "  musterd serve\n  musterd serve --data /srv/musterd --config /etc/musterd.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context()) },
	}
}

func (a *app) serve(ctx context.Context) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	s, err := server.Open(ctx, cfg, a.logger(&cfg), drivers()...)
	if err != nil {
		return err
	}
	go boundGarbage(ctx)
	l, err := s.Listen()
	if err == nil {
		err = s.Run(ctx, l)
	}
	if e := s.Close(); err == nil {
		err = e
	}
	return err
}

func (a *app) initCommand() *cobra.Command {
	var trust []string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Prepare the data folder, and say what to do next",
		Long: `Make the folder, the keys and the tables that 'musterd serve' would make at its
first start. It may be repeated.`,
		Example: "  musterd init --trust alice.crt",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.init(cmd.Context(), trust) },
	}
	cmd.Flags().StringArrayVar(&trust, "trust", nil, "believe the administrators whose certificates stand in `FILE`")
	return cmd
}

func (a *app) init(ctx context.Context, trust []string) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	f := server.Folder{Dir: cfg.Data}
	for _, file := range trust {
		if err := a.addTrust(f, file); err != nil {
			return err
		}
	}
	s, err := server.Open(ctx, cfg, a.logger(&cfg), drivers()...)
	if err != nil {
		return err
	}
	defer s.Close()
	a.print("data folder   %s", cfg.Data)
	pin, err := server.Pin(&cfg, time.Now())
	if err != nil {
		return err
	}
	if pin != "" {
		a.print("TLS           %s (agents: muster join URL --ca, people: muster login URL --ca)", pin)
	}
	if sealed, err := s.SealedTo(); err != nil {
		return err
	} else if sealed != "" {
		a.print("reports       are sealed to %s, whose certificate everybody may have at /api/v1/reports/certificate", sealed)
	}
	administrators, err := s.Administrators(ctx)
	if err != nil {
		return err
	}
	a.tellAdministrators(administrators)
	a.print("\nNext: 'musterd serve', or 'systemctl enable --now musterd'.")
	return nil
}

func (a *app) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print a configuration file with every setting, its default, and what it does",
		Example: "  musterd config > /etc/musterd.yaml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write([]byte(server.Reference))
			return err
		},
	}
}

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the tables of the database up to date",
		Long: `Bring the tables up to date, as every start does. Servers that run go on: of
several one changes the tables and the others wait.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			s, err := server.Open(cmd.Context(), cfg, a.logger(&cfg), drivers()...)
			if err != nil {
				return err
			}
			a.print("the tables are up to date")
			return s.Close()
		},
	}
}

func (a *app) trustCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Say who administers this server",
		Long: `The certificates in trust.d are those of the administrators, or of authorities that
certify them. A running server sees a change within seconds; sessions of whom it
does not believe any more end.`,
	}
	add := &cobra.Command{Use: "add FILE...", Short: "Believe the certificates in files", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withFolder(func(f server.Folder) error {
				for _, file := range args {
					if err := a.addTrust(f, file); err != nil {
						return err
					}
				}
				return nil
			})
		}}
	list := &cobra.Command{Use: "list", Short: "List whom the server believes", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.withFolder(a.listTrust) }}
	remove := &cobra.Command{Use: "remove FINGERPRINT", Short: "Believe a certificate no longer", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withFolder(func(f server.Folder) error {
				cert, err := f.RemoveAnchor(args[0])
				if err == nil {
					a.print("removed %s", sign.Describe(cert))
				}
				return err
			})
		}}
	cmd.AddCommand(add, list, remove)
	return cmd
}

func (a *app) withFolder(do func(server.Folder) error) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	return do(server.Folder{Dir: cfg.Data})
}

func (a *app) addTrust(f server.Folder, file string) error {
	added, err := f.AddAnchors(file)
	for _, c := range added {
		a.print("added %s", sign.Describe(c))
	}
	if err == nil && len(added) == 0 {
		a.print("%s: believed already", file)
	}
	return err
}

func (a *app) listTrust(f server.Folder) error {
	anchors, err := f.Anchors()
	if err != nil {
		return err
	}
	for _, n := range anchors {
		a.print("%s  %s  until %s  %v", sign.Fingerprint(n.Cert)[:16], sign.Describe(n.Cert), n.Cert.NotAfter.UTC().Format(time.DateOnly), sign.Rights(n.Cert))
	}
	return nil
}
