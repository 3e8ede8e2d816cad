package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/search"
)

func rightsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rights",
		Short: "Say who may do what to which hosts",
		Long: `A rule gives somebody verbs over hosts. There is no rule that takes away: what no
rule gives, nobody has. Who is meant is one of

  person:NAME          the name of a certificate, or of somebody with a password here
  person:ldap:NAME     who logged in by the directory
  person:oidc:NAME     who logged in by OpenID Connect
  group:ldap:NAME      a group of the directory; group:oidc:NAME one of OpenID Connect
  right:deploy         whoever logged in by a certificate with that right: deploy,
                       code or issue
  token:ID             a program; it may never do more than the owner of its token

and the verbs are

  view report edit assign deploy act    over hosts
  publish enrol administer              over the server as a whole`,
		Example: `  muster rights list
  muster rights add group:ldap:helpdesk view act --hosts 'group:lab' --for 90d
  muster rights test bob act pc-017`,
	}
	cmd.AddCommand(rightsListCommand(a), rightsAddCommand(a), rightsRemoveCommand(a), rightsTestCommand(a))
	return cmd
}

func verbsText(verbs []api.Verb) string {
	if slices.Equal(verbs, api.Verbs()) {
		return "everything"
	}
	words := make([]string, len(verbs))
	for i, v := range verbs {
		words[i] = string(v)
	}
	return strings.Join(words, " ")
}

func readVerbs(words []string) (all []api.Verb) {
	for _, w := range words {
		for v := range strings.SplitSeq(w, ",") {
			if v == "everything" {
				return api.Verbs()
			}
			all = append(all, api.Verb(v))
		}
	}
	return all
}

func rightsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the rules",
		Example: "  muster rights list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.RulePage, error) { return p.Rules(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.Rules, func() error {
				rows := []string{"ID\tWHO\tVERBS\tHOSTS\tUNTIL\tBY\tNOTE"}
				for _, r := range page.Rules {
					rows = append(rows, row(strconv.FormatInt(r.ID, 10), r.Who, verbsText(r.Verbs), cmp.Or(r.Hosts, "all"),
						stampOr(r.Expires, "removed"), r.By, r.Note))
				}
				return a.table(rows)
			})
		},
	}
}

func rightsAddCommand(a *app) *cobra.Command {
	var r api.Rule
	var last string
	cmd := &cobra.Command{
		Use:   "add WHO VERB...",
		Short: "Give somebody verbs over hosts",
		Example: `  muster rights add person:bob view edit --hosts 'unit:paris'
  muster rights add person:oidc:erin everything
  muster rights add group:ldap:interns view --hosts 'group:lab' --for 30d --note 'summer'`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := parseDays(last)
			if err != nil {
				return err
			}
			if d > 0 {
				r.Expires = a.now().Add(d).Unix()
			}
			r.Who, r.Verbs = args[0], readVerbs(args[1:])
			out, err := asPerson(a, func(p *api.PersonClient) (api.Rule, error) { return p.AddRule(cmd.Context(), r) })
			if err != nil {
				return err
			}
			a.warnSites(cmd.Context(), out.Hosts)
			return a.answer(out, func() error {
				a.print("rule %d: %s may %s on %s", out.ID, out.Who, verbsText(out.Verbs), cmp.Or(out.Hosts, "all hosts"))
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Hosts, "hosts", "", "only over the hosts that `QUERY` finds, as in 'muster hosts'")
	f.StringVar(&last, "for", "never", "for how long: 12h, 30d; never ends")
	f.StringVar(&r.Note, "note", "", "why")
	return cmd
}

// warnSites tells of sites that a rule names and nobody has added: the rule counts from
// when there is one, but more often the name is mistyped.
func (a *app) warnSites(ctx context.Context, hosts string) {
	q, err := search.Parse(hosts)
	if err != nil || !strings.Contains(hosts, "site") {
		return // the server has read it
	}
	page, err := asPerson(a, func(p *api.PersonClient) (api.SitePage, error) { return p.Sites(ctx) })
	if err != nil {
		return
	}
	q.Terms(func(t *search.Term) {
		if t.Field != nil && t.Field.Name == "site" && !slices.ContainsFunc(page.Sites, func(s api.Site) bool { return t.MatchText(s.Name) }) {
			a.talk("warning: there is no %s yet: muster sites list", t)
		}
	})
}

func rightsRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove ID...",
		Short:   "Take rules away, at once",
		Example: "  muster rights remove 104",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error {
				for _, arg := range args {
					id, err := strconv.ParseInt(arg, 10, 64)
					if err != nil {
						return usagef("%q is no number of a rule", arg)
					}
					if err := p.RemoveRule(cmd.Context(), id); err != nil {
						return err
					}
					a.talk("removed rule %d", id)
				}
				return nil
			})
		},
	}
}

func rightsTestCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "test PERSON [VERB] [HOST]",
		Short: "Show what somebody may do, and by which rules",
		Long: `Show what somebody may do, and by which rules; with a host, what they may do to that
one. Groups and rights of certificates are those of their newest login. The exit code
is 4 when a verb is named and they do not have it.`,
		Example: "  muster rights test bob\n  muster rights test ldap:carol act pc-017",
		Args:    cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, "", "")
			page, err := asPerson(a, func(p *api.PersonClient) (api.RightsPage, error) {
				return p.TestRights(cmd.Context(), args[0], api.Verb(args[1]), args[2])
			})
			if err != nil {
				return err
			}
			if err := a.answer(page, func() error { return a.showRights(page.Groups, page.Rights, page.May) }); err != nil {
				return err
			}
			if args[1] != "" && len(page.May) == 0 {
				return muster.Errorf(muster.Denied, "%s may not %s", args[0], strings.TrimSpace(args[1]+" "+args[2]))
			}
			return nil
		},
	}
}

// showRights prints what somebody may do.
func (a *app) showRights(groups, rights []string, may []api.Right) error {
	if len(groups) > 0 {
		a.print("groups  %s", strings.Join(groups, " "))
	}
	if len(rights) > 0 {
		a.print("rights  %s", strings.Join(rights, " "))
	}
	if len(may) == 0 {
		a.print("may do nothing")
		return nil
	}
	rows := []string{"MAY\tHOSTS\tBY RULE"}
	for _, m := range may {
		var ids []string
		for _, id := range m.Rules {
			ids = append(ids, strconv.FormatInt(id, 10))
		}
		rows = append(rows, row(string(m.Verb), cmp.Or(strings.Join(m.Hosts, " or "), "all"), strings.Join(ids, " ")))
	}
	return a.table(rows)
}
