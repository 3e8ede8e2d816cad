package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/api"
	"muster/sign"
)

func tokensCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tokens",
		Short:   "Let hosts join",
		Long:    `A token lets hosts join a server: one, or as many as you say, for a time.`,
		Example: "  muster tokens create --uses 30 --expires 7d --group lab\n  muster tokens list",
	}
	cmd.AddCommand(tokensCreateCommand(a), tokensListCommand(a), tokensRevokeCommand(a))
	return cmd
}

func tokensCreateCommand(a *app) *cobra.Command {
	var t api.TokenRequest
	var expires string
	var trust string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a token, and print the command that joins a host",
		Long: `Make a token, and print the command that joins a host with it. The secret is shown
this once; the server keeps its hash.

The command names whom the host shall believe by fingerprint: the authority in
--trust, or else the anchors that the server has, which you compare.`,
		Example: `  muster tokens create
  muster tokens create --uses 30 --expires 7d --group lab --unit paris/lab --from 10.1.0.0/16 --trust ca.crt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := parseDays(expires)
			if err != nil {
				return err
			}
			if d > 0 {
				t.Expires = a.now().Add(d).Unix()
			}
			return a.createToken(cmd.Context(), t, trust)
		},
	}
	f := cmd.Flags()
	f.IntVar(&t.Uses, "uses", 1, "how many hosts may join by it; -1 for any number")
	f.StringVar(&expires, "expires", "7d", "for how long: 30m, 12h, 7d; never")
	f.StringSliceVar(&t.Groups, "group", nil, "groups that the hosts come into")
	f.StringVar(&t.Unit, "unit", "", "organisational unit of the hosts, outermost first: paris/lab")
	f.StringSliceVar(&t.From, "from", nil, "only from these addresses: 10.1.0.0/16")
	f.StringVar(&t.Note, "note", "", "what it is for")
	f.StringVar(&trust, "trust", "", "certificate in `FILE` that hosts shall believe")
	return cmd
}

// parseDays reads a duration that may be in days.
func parseDays(s string) (time.Duration, error) {
	if s == "never" || s == "" {
		return 0, nil
	}
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); n == 1 && err == nil && s == fmt.Sprintf("%dd", days) && days > 0 && days < 36500 {
		return time.Duration(days) * day, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	return 0, usagef("%q is no duration such as 30m, 12h or 7d", s)
}

// tokenFact is the JSON form of tokens create.
type tokenFact struct {
	api.Token
	Command string `json:"command"`
}

func (a *app) createToken(ctx context.Context, req api.TokenRequest, trust string) error {
	var t api.Token
	var command string
	err := a.as(func(p *api.PersonClient) (err error) {
		if t, err = p.CreateToken(ctx, req); err != nil {
			return err
		}
		command, err = a.joinLine(ctx, p, t, trust)
		return err
	})
	if err != nil {
		return err
	}
	return a.answer(tokenFact{t, command}, func() error {
		a.talk("token %s: %s, until %s", t.ID, uses(t.Uses), stampOr(t.Expires, "revoked"))
		a.print("%s", command)
		return nil
	})
}

// joinLine is what one types on the host.
func (a *app) joinLine(ctx context.Context, p *api.PersonClient, t api.Token, trust string) (string, error) {
	certs, err := a.anchors(ctx, p, trust)
	if err != nil {
		return "", err
	}
	line := "muster join " + p.Base() + " --token " + t.Secret
	for _, c := range certs {
		line += " --trust sha256:" + sign.Fingerprint(c)
	}
	all, err := readSessions()
	if err != nil {
		return "", err
	}
	if ca := all.Sessions[p.Base()].CA; ca != "" {
		pinned, err := sign.ParseCerts([]byte(ca))
		if err != nil {
			return "", err
		}
		line += " --ca sha256:" + sign.Fingerprint(pinned[0])
	}
	return line, nil
}

func (a *app) anchors(ctx context.Context, p *api.PersonClient, trust string) ([]*x509.Certificate, error) {
	if trust != "" {
		data, err := readBounded(trust, maxKeyFile, certHint)
		if err != nil {
			return nil, err
		}
		return sign.ParseCerts(data)
	}
	server, err := p.Who(ctx)
	if err != nil || server.Anchors == "" {
		return nil, err
	}
	return sign.ParseCerts([]byte(server.Anchors))
}

func uses(n int) string {
	if n < 0 {
		return "any number of hosts"
	}
	return count(n, "host")
}

func stampOr(t int64, never string) string {
	if t == 0 {
		return never
	}
	return stamp(t)
}

func tokensListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tokens that still let hosts join",
		Example: "  muster tokens list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.TokenPage, error) { return p.Tokens(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.Tokens, func() error {
				if len(page.Tokens) == 0 {
					a.talk("no tokens")
					return nil
				}
				rows := []string{"ID\tFOR\tUNTIL\tGROUPS\tUNIT\tFROM\tBY\tNOTE"}
				for _, t := range page.Tokens {
					rows = append(rows, row(t.ID, uses(t.Uses), stampOr(t.Expires, "revoked"), strings.Join(t.Groups, ","),
						t.Unit, strings.Join(t.From, ","), t.By, t.Note))
				}
				return a.table(rows)
			})
		},
	}
}

func tokensRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID...",
		Short:   "End tokens; hosts that joined by them stay",
		Example: "  muster tokens revoke 3f2a",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, id := range args {
					if err := p.RevokeToken(cmd.Context(), id); err != nil {
						return err
					}
					a.talk("revoked %s", id)
				}
				return nil
			})
		},
	}
}
