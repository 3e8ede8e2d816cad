package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
)

func webhooksCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhooks",
		Short: "Have the server tell other servers what happens",
		Long: `A webhook has the server POST what happens to another server: JSON, signed with a
secret (HMAC-SHA256, as Standard Webhooks says). What cannot be delivered comes again
for a day. Addresses that are not of the internet are refused, unless 'webhooks.allow'
of the server's configuration names their network.`,
		Example: "  muster webhooks add https://example.org/muster --kinds host.result,inventory\n  muster webhooks list",
	}
	cmd.AddCommand(webhooksAddCommand(a), webhooksListCommand(a), webhooksTestCommand(a), webhooksDeliveriesCommand(a),
		webhooksSwitchCommand(a, "enable", "Try again with webhooks that were disabled", true), webhooksSwitchCommand(a, "disable", "Send nothing for the time being", false),
		webhooksRemoveCommand(a))
	return cmd
}

func webhooksAddCommand(a *app) *cobra.Command {
	var w api.WebhookNew
	cmd := &cobra.Command{
		Use:   "add URL",
		Short: "Make a webhook, and print the secret that signs what it sends",
		Example: `  muster webhooks add https://example.org/muster
  muster webhooks add https://example.org/muster --kinds host.result,audit.login --note "for the help desk"
  muster webhooks add https://example.org/muster --hosts 'group:servers'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w.URL = args[0]
			out, err := asPerson(a, func(p *api.PersonClient) (api.Webhook, error) { return p.AddWebhook(cmd.Context(), w) })
			if err != nil {
				return err
			}
			return a.answer(out, func() error {
				a.talk("webhook %s: 'muster webhooks test %s' sends a first message. Its secret is shown this once:", out.ID, out.ID)
				a.print("%s", out.Secret)
				if strings.HasPrefix(strings.ToLower(out.URL), "http:") {
					a.talk("warning: without TLS it is sent only to networks that 'webhooks.allow' of the server's configuration names")
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&w.Kinds, "kinds", nil, "only these kinds of changes: host, host.result, inventory, rollout, action.result, audit.login")
	f.StringVar(&w.Hosts, "hosts", "", "only changes of the hosts that this query finds")
	f.StringVar(&w.Note, "note", "", "what it is for")
	return cmd
}

func webhooksListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List webhooks and how they do",
		Example: "  muster webhooks list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.WebhookPage, error) { return p.Webhooks(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.Webhooks, func() error {
				if len(page.Webhooks) == 0 {
					a.talk("no webhooks")
					return nil
				}
				rows := []string{"ID\tURL\tKINDS\tHOSTS\tSTATE\tBY\tNOTE"}
				for _, w := range page.Webhooks {
					rows = append(rows, row(w.ID, w.URL, strings.Join(w.Kinds, ","), w.Hosts, webhookState(w), w.By, w.Note))
				}
				return a.table(rows)
			})
		},
	}
}

func webhookState(w api.Webhook) string {
	switch {
	case w.Disabled != 0:
		return "disabled " + stamp(w.Disabled) + ": " + w.Reason
	case w.Failing != 0:
		return "failing since " + stamp(w.Failing) + ", again " + stamp(w.Due)
	case w.Delivered == 0:
		return "nothing sent yet"
	}
	return "works"
}

func webhooksTestCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "test ID",
		Short:   "Send a message without changes, and say how that went",
		Example: "  muster webhooks test k3jq5x2m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := asPerson(a, func(p *api.PersonClient) (api.Delivery, error) { return p.TestWebhook(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			if err := a.answer(d, func() error {
				a.print("%s", delivery(d))
				return nil
			}); err != nil || d.Error == "" {
				return err
			}
			return muster.Errorf(muster.Unavailable, "the message was not delivered: %s", d.Error)
		},
	}
}

func delivery(d api.Delivery) string {
	text := d.Error
	if text == "" {
		text = "delivered"
	}
	return row(stamp(d.Time), d.Message, strconv.Itoa(d.Try), strconv.Itoa(d.Items), strconv.Itoa(d.Status), strconv.FormatInt(d.Took, 10)+" ms", text)
}

func webhooksDeliveriesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "deliveries ID",
		Short:   "Show the newest attempts of a webhook",
		Example: "  muster webhooks deliveries k3jq5x2m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.DeliveryPage, error) { return p.Deliveries(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return a.answer(page.Deliveries, func() error {
				rows := []string{"TIME\tMESSAGE\tTRY\tCHANGES\tSTATUS\tTOOK\tOUTCOME"}
				for _, d := range page.Deliveries {
					rows = append(rows, delivery(d))
				}
				return a.table(rows)
			})
		},
	}
}

func webhooksSwitchCommand(a *app, verb, short string, on bool) *cobra.Command {
	e := api.WebhookEdit{Enabled: &on}
	cmd := &cobra.Command{
		Use:     verb + " ID...",
		Short:   short,
		Example: "  muster webhooks " + verb + " k3jq5x2m",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eachWebhook(args, func(p *api.PersonClient, id string) error {
				_, err := p.EditWebhook(cmd.Context(), id, e)
				return err
			})
		},
	}
	if on {
		cmd.Flags().BoolVar(&e.Skip, "skip", false, "leave out what happened meanwhile")
	}
	return cmd
}

func webhooksRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove ID...",
		Short:   "End webhooks",
		Example: "  muster webhooks remove k3jq5x2m",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eachWebhook(args, func(p *api.PersonClient, id string) error { return p.RemoveWebhook(cmd.Context(), id) })
		},
	}
}

func (a *app) eachWebhook(ids []string, do func(*api.PersonClient, string) error) error {
	return a.as(func(p *api.PersonClient) error {
		for _, id := range ids {
			if err := do(p, id); err != nil {
				return err
			}
		}
		return nil
	})
}
