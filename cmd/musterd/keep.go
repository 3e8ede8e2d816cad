package main

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"muster/internal/db"
	"muster/internal/server"
)

func (a *app) backupCommand() *cobra.Command {
	var without bool
	cmd := &cobra.Command{
		Use:   "backup FILE|DIR",
		Short: "Write all that makes the server this one into a file",
		Long: `Write a backup: the keys, the administrators, the configuration, the database if it
is SQLite, and the repository. The server may run. The file has the keys in it:
keep it as safe as the server. A database on a server of its own is saved with
its own tools.`,
		Example: "  musterd backup /backup\n  musterd backup --without-packages /backup/musterd.tar.zst",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			b := &server.Backup{Config: cfg, File: a.configFile(), Packages: !without, Now: time.Now(), Drivers: drivers()}
			name, dialect, err := b.Write(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.print("%s", name)
			if dialect != db.SQLite {
				a.print("The database is not in it: save it with pg_dump or mariadb-dump.")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&without, "without-packages", false, "leave out the files of packages, which are kept elsewhere")
	return cmd
}

func (a *app) restoreCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the data folder of a backup",
		Long: `Make the data folder of a backup. Hosts that joined since the backup come back by
their certificates. Uses of tokens since then are forgotten: revoke tokens that
were used up.`,
		Example: "  musterd restore /backup/musterd-20261121T090000Z.tar.zst",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			r := &server.Restore{Data: cfg.Data, Database: cfg.DatabaseFile(), Force: force, Now: time.Now()}
			out, err := r.Read(args[0])
			if err != nil {
				return err
			}
			a.tellRestored(cfg.Data, out)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "put what is in the data folder aside")
	return cmd
}

func (a *app) tellRestored(data string, out *server.Restored) {
	a.print("restored server %s as of %s in %s", out.Server, out.Time.UTC().Format(time.RFC3339), data)
	if out.Aside != "" {
		a.print("what was there is in %s", out.Aside)
	}
	if out.Config != "" {
		a.print("its configuration is %s", out.Config)
	}
	if out.Database != string(db.SQLite) {
		a.print("restore the %s database with its own tools", out.Database)
	}
	if !out.Packages {
		a.print("put the files of packages back into %s/repo, then run 'musterd doctor'", data)
	}
	a.print("give the folder to the user of the server ('chown -R musterd: %s'), then run 'musterd doctor'", data)
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look whether the server can do its work, and say what to do",
		Long: `Look at configuration, keys, administrators, disk, clock, TLS, database, repository
and the running server. Every line says OK, WARN or ERROR; the exit code is 1 when
something is wrong. Nothing is changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			d := &server.Doctor{Config: cfg, Now: time.Now(), Drivers: drivers()}
			wrong := false
			for _, f := range d.Look(cmd.Context()) {
				wrong = wrong || f.Level == server.Wrong
				a.print("%-5s  %s: %s", f.Level, f.What, f.Text)
				if f.Do != "" {
					a.print("       do: %s", f.Do)
				}
			}
			if wrong {
				return errors.New("something is wrong")
			}
			return nil
		},
	}
}

// configFile is the configuration that is read, "" for none.
func (a *app) configFile() string {
	if a.config != "" {
		return a.config
	}
	if file := os.Getenv("MUSTERD_CONFIG"); file != "" {
		return file
	}
	if _, err := os.Stat(defaultConfig); err == nil {
		return defaultConfig
	}
	return ""
}
