package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"muster/api"
)

func exportCommand(a *app) *cobra.Command {
	var pairs exportPairs
	cmd := &cobra.Command{
		Use:   "export hosts|software|history|events",
		Short: "Print a whole list of the server as CSV or JSON lines",
		Long: `Print a whole list of the server as comma-separated values (RFC 4180), or with --json
as a JSON document a line. The server writes it page by page, so that it may be long.`,
		Example: `  muster export hosts --query group:lab --columns serial,memory > hosts.csv
  muster export software > software.csv
  muster export history --from 30d --json > history.jsonl`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"hosts", "software", "history", "events"},
		RunE:      func(cmd *cobra.Command, args []string) error { return a.export(cmd.Context(), args[0], pairs) },
	}
	f := cmd.Flags()
	f.StringVar(&pairs.query, "query", "", "of hosts: those that it finds; of software: its name")
	f.StringVar(&pairs.columns, "columns", "", "of hosts: also these fields, with commas")
	f.StringVar(&pairs.host, "host", "", "of history and events: of this host alone")
	f.StringVar(&pairs.from, "from", "", "of history: only since: 2026-11-21, 7d")
	return cmd
}

type exportPairs struct{ query, columns, host, from string }

func (a *app) export(ctx context.Context, list string, o exportPairs) error {
	format, from := "csv", ""
	if a.json {
		format = "jsonl"
	}
	if o.from != "" {
		t, err := a.date(o.from)
		if err != nil {
			return err
		}
		from = strconv.FormatInt(t, 10)
	}
	return a.as(func(p *api.PersonClient) error {
		return p.Export(ctx, list, format, a.out, "q", o.query, "columns", o.columns, "host", o.host, "from", from)
	})
}
