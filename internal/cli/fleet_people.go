package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/api"
)

func peopleCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "people",
		Short: "Say who has a password here, and end sessions",
		Long: `People who log in by a certificate, the directory or OpenID Connect need not be made:
they are here from their first login on, and what they may do is said by 'muster
rights'. These commands make those who log in by a password, and stop anybody.`,
		Example: "  muster people add bob\n  muster people disable ldap:carol\n  muster people sessions",
	}
	cmd.AddCommand(peopleListCommand(a), peopleAddCommand(a), peoplePasswordCommand(a), peopleDisableCommand(a, true), peopleDisableCommand(a, false),
		peopleAnewCommand(a), peopleRemoveCommand(a), peopleSessionsCommand(a))
	return cmd
}

func peopleListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List people",
		Example: "  muster people list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.PersonPage, error) { return p.People(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.People, func() error {
				rows := []string{"NAME\tSTATE\tPASSWORD\tSEEN\tGROUPS\tRIGHTS"}
				for _, p := range page.People {
					state, password := "", ""
					if p.Disabled {
						state = "disabled"
					}
					if p.Password {
						password = "here"
					}
					rows = append(rows, row(p.Name, state, password, stampOr(p.Seen, "never"), strings.Join(p.Groups, ","), strings.Join(p.Rights, ",")))
				}
				return a.table(rows)
			})
		},
	}
}

func peopleAddCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "add NAME",
		Short: "Make somebody who logs in by a password",
		Long: `Make somebody who logs in by a password of this server, of at least 15 characters. It
is asked for, or taken from MUSTER_PASSWORD. They may do nothing before 'muster rights
add' gives it.`,
		Example: "  muster people add bob && muster rights add person:bob view",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := a.chosenPassword("MUSTER_PASSWORD", args[0])
			if err != nil {
				return err
			}
			p, err := asPerson(a, func(p *api.PersonClient) (api.Person, error) {
				return p.AddPerson(cmd.Context(), api.PersonNew{Name: args[0], Password: string(password)})
			})
			if err != nil {
				return err
			}
			return a.answer(p, func() error {
				a.print("%s", p.Name)
				a.talk("give them something to do: 'muster rights add person:%s view'", p.Name)
				return nil
			})
		},
	}
}

func peoplePasswordCommand(a *app) *cobra.Command {
	revoke := false
	cmd := &cobra.Command{
		Use:   "password [NAME]",
		Short: "Change somebody's password, or your own",
		Long: `Change a password: your own, for which the old one is asked, or MUSTER_OLD_PASSWORD; or
that of somebody else, for who administers. All sessions of theirs end, but your
own; tokens stay unless --revoke-tokens ends them too. The new one is asked for, or taken
from MUSTER_PASSWORD.`,
		Example: "  muster people password\n  muster people password bob",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.ownPassword(cmd.Context(), revoke)
			}
			password, err := a.chosenPassword("MUSTER_PASSWORD", args[0])
			if err != nil {
				return err
			}
			text := string(password)
			return a.editPerson(cmd.Context(), args[0], api.PersonEdit{Password: &text, RevokeTokens: revoke})
		},
	}
	cmd.Flags().BoolVar(&revoke, "revoke-tokens", false, "end the tokens of the person too")
	return cmd
}

func (a *app) ownPassword(ctx context.Context, revoke bool) error {
	old, err := a.passwordFrom("MUSTER_OLD_PASSWORD", "old password")
	if err != nil {
		return err
	}
	password, err := a.chosenPassword("MUSTER_PASSWORD", "yours")
	if err != nil {
		return err
	}
	return a.as(func(p *api.PersonClient) error {
		out, err := p.ChangePassword(ctx, api.PasswordChange{Old: string(old), New: string(password), RevokeTokens: revoke})
		if err != nil {
			return err
		}
		a.talk("changed; your other sessions have ended")
		for _, t := range out.Tokens {
			a.talk("token %s still works, until %s: 'muster apitokens revoke %s', unless you know where it is", t.ID, when(time.Unix(t.Expires, 0)), t.ID)
		}
		return nil
	})
}

func (a *app) editPerson(ctx context.Context, name string, e api.PersonEdit) error {
	p, err := asPerson(a, func(p *api.PersonClient) (api.Person, error) { return p.EditPerson(ctx, name, e) })
	if err != nil {
		return err
	}
	return a.answer(p, func() error {
		a.talk("%s: changed; their sessions have ended", p.Name)
		return nil
	})
}

func peopleDisableCommand(a *app, disabled bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "disable NAME",
		Short:   "Stop somebody: no login, no session, no token",
		Example: "  muster people disable ldap:carol",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editPerson(cmd.Context(), args[0], api.PersonEdit{Disabled: &disabled})
		},
	}
	if !disabled {
		cmd.Use, cmd.Short, cmd.Example = "enable NAME", "Let somebody log in again", "  muster people enable ldap:carol"
	}
	return cmd
}

func peopleAnewCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "anew NAME",
		Short: "Let somebody come by another authority or account",
		Long: `The server holds on to who vouched for a name when it first came: an authority, or an
account of OpenID Connect. This lets it go: whoever comes next under the name has it, with
all that rules give it. Run it when you know that it is the same person.`,
		Example: "  muster people anew alice",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := asPerson(a, func(p *api.PersonClient) (api.Person, error) {
				return p.EditPerson(cmd.Context(), args[0], api.PersonEdit{Anew: true})
			})
			if err != nil {
				return err
			}
			return a.answer(p, func() error {
				a.talk("%s: whoever logs in next under this name has it", p.Name)
				return nil
			})
		},
	}
}

func peopleRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Forget somebody, their sessions, tokens and rules",
		Long: `Forget somebody: their password, sessions, tokens, and the rules that name them. Who
has a certificate, or is known to the directory or to OpenID Connect, may log in again
as somebody new: 'muster people disable' stops them.`,
		Example: "  muster people remove bob",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				err := p.RemovePerson(cmd.Context(), args[0])
				if err == nil {
					a.talk("removed %s", args[0])
				}
				return err
			})
		},
	}
}

func peopleSessionsCommand(a *app) *cobra.Command {
	var end []string
	var all bool
	cmd := &cobra.Command{
		Use:     "sessions [NAME]",
		Short:   "List sessions, and end them",
		Long:    `List your sessions, those of somebody else, or all. --end ends sessions by their ids.`,
		Example: "  muster people sessions\n  muster people sessions bob\n  muster people sessions --end 5c0f2a91d3b7e468",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) (err error) {
				for _, id := range end {
					if err := p.EndSession(cmd.Context(), id); err != nil {
						return err
					}
					a.talk("ended %s", id)
				}
				if len(end) > 0 {
					return nil
				}
				var page api.SessionPage
				switch {
				case all:
					page, err = p.SessionsOf(cmd.Context(), "")
				case len(args) > 0:
					page, err = p.SessionsOf(cmd.Context(), args[0])
				default:
					page, err = p.Sessions(cmd.Context())
				}
				if err != nil {
					return err
				}
				return a.answer(page.Sessions, func() error { return a.showSessions(page.Sessions) })
			})
		},
	}
	cmd.Flags().StringSliceVar(&end, "end", nil, "end the sessions with these ids")
	cmd.Flags().BoolVar(&all, "all", false, "those of everybody")
	return cmd
}

func (a *app) showSessions(list []api.SessionInfo) error {
	rows := []string{"ID\tPERSON\tBY\tFROM\tBEGAN\tUSED\tUNTIL"}
	for _, s := range list {
		until := stamp(s.Expires)
		if s.Current {
			until += " (this one)"
		}
		rows = append(rows, row(s.ID, s.Person, s.Way, s.Address, stamp(s.Created), stamp(s.Used), until))
	}
	return a.table(rows)
}

func apitokensCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apitokens",
		Short: "Let programs speak to the server",
		Long: `A token lets a program speak to the server: with MUSTER_TOKEN to these commands, or as
a bearer token to the API. It may do what its verbs and hosts say, and never more than
you may at that moment. Tokens by which hosts join are those of 'muster tokens'.`,
		Example: "  muster apitokens create view report --note monitoring --for 365d\n  muster apitokens list",
	}
	cmd.AddCommand(apitokensListCommand(a), apitokensCreateCommand(a), apitokensRevokeCommand(a))
	return cmd
}

func apitokensListCommand(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List your tokens, without their secrets",
		Example: "  muster apitokens list --all",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.APITokenPage, error) { return p.APITokens(cmd.Context(), all) })
			if err != nil {
				return err
			}
			return a.answer(page.Tokens, func() error {
				rows := []string{"ID\tPERSON\tVERBS\tHOSTS\tUNTIL\tUSED\tNOTE"}
				for _, t := range page.Tokens {
					rows = append(rows, row(t.ID, t.Person, verbsText(t.Verbs), t.Hosts, stamp(t.Expires), stampOr(t.Used, "never"), t.Note))
				}
				return a.table(rows)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those of everybody, for who administers")
	return cmd
}

// createAPIToken asks whoever logged in by a password for it once more.
func (a *app) createAPIToken(ctx context.Context, p *api.PersonClient, t api.APITokenNew) (api.APIToken, error) {
	self, err := p.Self(ctx)
	if err != nil {
		return api.APIToken{}, err
	}
	if self.Way == "password" {
		password, err := a.passwordFrom("MUSTER_PASSWORD", "password")
		if err != nil {
			return api.APIToken{}, err
		}
		t.Password = string(password)
	}
	return p.CreateAPIToken(ctx, t)
}

func apitokensCreateCommand(a *app) *cobra.Command {
	var t api.APITokenNew
	var last string
	cmd := &cobra.Command{
		Use:   "create VERB...",
		Short: "Make a token, and print its secret: this once",
		Long: `Make a token, and print its secret: this once. Whoever logged in by a password of the
server is asked for it, or MUSTER_PASSWORD is taken: a token outlives the session.`,
		Example: "  muster apitokens create view --hosts 'group:lab' --for 30d --note 'wall display'",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := parseDays(last)
			if err != nil || d <= 0 {
				return usagef("--for %q is no duration such as 12h or 90d", last)
			}
			t.Verbs, t.Expires = readVerbs(args), a.now().Add(d).Unix()
			out, err := asPerson(a, func(p *api.PersonClient) (api.APIToken, error) { return a.createAPIToken(cmd.Context(), p, t) })
			if err != nil {
				return err
			}
			return a.answer(out, func() error {
				a.talk("token %s, until %s", out.ID, when(time.Unix(out.Expires, 0)))
				a.print("%s", out.Secret)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.Hosts, "hosts", "", "only over the hosts that `QUERY` finds")
	f.StringVar(&last, "for", "90d", "for how long, at most a year")
	f.StringVar(&t.Note, "note", "", "what it is for")
	return cmd
}

func apitokensRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID...",
		Short:   "End tokens, at once",
		Example: "  muster apitokens revoke 107",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, id := range args {
					if err := p.RevokeAPIToken(cmd.Context(), id); err != nil {
						return err
					}
					a.talk("revoked %s", id)
				}
				return nil
			})
		},
	}
}
