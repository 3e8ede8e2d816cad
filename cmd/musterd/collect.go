package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster"
	"muster/internal/db"
	"muster/internal/server"
	"muster/sign"
)

// collectOptions are those of 'musterd collect'.
type collectOptions struct {
	key, cert, spool, database string
	once                       bool
}

func (a *app) collectCommand() *cobra.Command {
	var o collectOptions
	cmd := &cobra.Command{
		Use:   "collect --key FILE --cert FILE",
		Short: "Open reports that a server without the key has kept",
		Long: `Open the sealed reports that a server with 'collector.mode: spool' has kept, and store
what they say. It runs where the private key is: on another machine, with the folder
carried there or mounted, or on the same under another user. A report is deleted from
the folder when it is stored; what can never be taken is put into its folder refused.
Without --once it goes on until SIGTERM. The password of the key is asked for, or taken
from MUSTER_KEY_PASSWORD.`,
		Example: "  musterd collect --key collector.key --cert collector.crt --spool /srv/spool --once\n" +
			"  musterd collect --key collector.key --cert collector.crt --database postgres://musterd@db/musterd",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.collect(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.key, "key", "", "the private key that reports are sealed to, in PEM `FILE`")
	f.StringVar(&o.cert, "cert", "", "its certificate, in PEM `FILE`")
	f.StringVar(&o.spool, "spool", "", "take reports from `DIR` (default: spool in the data folder)")
	f.StringVar(&o.database, "database", "", "store into the database `DSN` (default: that of the configuration; its password belongs there, or into MUSTERD_DATABASE_FILE)")
	f.BoolVar(&o.once, "once", false, "end when what lies there is stored")
	return cmd
}

func (a *app) collect(ctx context.Context, o collectOptions) error {
	if o.key == "" || o.cert == "" {
		return muster.WithHint(usageError{fmt.Errorf("give the key and its certificate: --key FILE --cert FILE")}, "%s", collectHint)
	}
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	id, err := a.identity(o.key, o.cert)
	if err != nil {
		return err
	}
	table, err := cfg.Advisories.Table()
	if err != nil {
		return err
	}
	base, err := db.Open(ctx, cmp.Or(o.database, cfg.DSN()), drivers()...)
	if err != nil {
		return err
	}
	defer base.Close()
	c := &server.Collect{DB: base, Key: id, Dir: cmp.Or(o.spool, filepath.Join(cfg.Data, "spool")), Config: cfg.Collector, Systems: table,
		Say: func(format string, args ...any) { fmt.Fprintf(a.err, "musterd: "+format+"\n", args...) }}
	if !o.once {
		return c.Run(ctx)
	}
	done, err := c.Once(ctx)
	a.print("%d taken, %d came before, %d refused, %d left for later", done.Taken, done.Again, done.Refused, done.Left)
	return err
}

// collectHint is how the key of a collector comes about.
const collectHint = "'muster key new --name collector --alg rsa-3072 --rights deploy --out collector' makes collector.key and collector.crt"

// identity reads a private key with its certificate.
func (a *app) identity(key, cert string) (*sign.Identity, error) {
	keyPEM, err := readFile(key, collectHint)
	if err != nil {
		return nil, err
	}
	certPEM, err := readFile(cert, collectHint)
	if err != nil {
		return nil, err
	}
	return sign.ParseIdentity(keyPEM, certPEM, a.oldPassword)
}

// oldPassword takes the password of a key from the environment, or asks for it.
func (a *app) oldPassword() ([]byte, error) {
	if p, ok := os.LookupEnv("MUSTER_KEY_PASSWORD"); ok {
		return []byte(p), nil
	}
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "the key has a password, and there is nobody to ask"), "set MUSTER_KEY_PASSWORD")
	}
	fmt.Fprint(a.err, "password of the key: ")
	p, err := term.ReadPassword(fd)
	fmt.Fprintln(a.err)
	return p, err
}
