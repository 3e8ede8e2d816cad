package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"muster"
	"muster/internal/server"
)

func (a *app) peopleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "people",
		Short: "Make administrators, also when nobody can log in any more",
		Long: `Make an administrator on the server itself: the first one, or when all others are
gone. Everything else about people is done with 'muster people' and 'muster rights'.`,
	}
	var admin, password bool
	add := &cobra.Command{
		Use:   "add --admin NAME",
		Short: "Give somebody every right",
		Long: `Give somebody every right: NAME is that of a certificate in trust.d, or of somebody
who logs in with the directory (ldap:NAME) or OpenID Connect (oidc:NAME). With
--password they log in by that, which is asked for, or taken from MUSTER_PASSWORD. The
server may run.`,
		Example: "  musterd people add --admin Alice\n  musterd people add --admin --password root",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !admin {
				return usageError{fmt.Errorf("only administrators are made here: give --admin, or use 'muster people add'")}
			}
			secret := ""
			if password {
				var err error
				if secret, err = a.newPassword(); err != nil {
					return err
				}
			}
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			s, err := server.Open(cmd.Context(), cfg, a.logger(&cfg), drivers()...)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.Administrator(cmd.Context(), args[0], secret); err != nil {
				return err
			}
			a.print("%s administers this server", args[0])
			return nil
		},
	}
	add.Flags().BoolVar(&admin, "admin", false, "with every right")
	add.Flags().BoolVar(&password, "password", false, "who logs in by a password of this server")
	cmd.AddCommand(add)
	return cmd
}

// newPassword takes a password from the environment, or asks for it twice. It is
// never an argument, which others on the machine could see.
func (a *app) newPassword() (string, error) {
	if p, ok := os.LookupEnv("MUSTER_PASSWORD"); ok {
		return p, nil
	}
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", muster.WithHint(muster.Errorf(muster.Denied, "a password is needed, and there is nobody to ask"), "set MUSTER_PASSWORD")
	}
	var said [2]string
	for i, prompt := range []string{"new password", "again"} {
		fmt.Fprintf(a.err, "%s: ", prompt)
		p, err := term.ReadPassword(fd)
		fmt.Fprintln(a.err)
		if err != nil {
			return "", err
		}
		said[i] = string(p)
	}
	if said[0] != said[1] {
		return "", muster.Errorf(muster.Invalid, "the passwords differ")
	}
	return said[0], nil
}

// tellAdministrators says who administers, or how somebody comes to.
func (a *app) tellAdministrators(all []string) {
	var names []string
	for _, who := range all {
		if name, ok := strings.CutPrefix(who, "person:"); ok {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		a.print("administrators %s", strings.Join(names, ", "))
		return
	}
	a.print("\nNobody is an administrator yet. On your machine: 'muster key new --name Alice --out alice'; here: 'musterd trust add alice.crt'.")
	a.print("Or, to log in by a password: 'musterd people add --admin --password NAME'.")
}
