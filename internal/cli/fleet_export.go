package cli

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"muster/api"
)

func exportCommand(a *app) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export hosts|software|history|events",
		Short: "Print a whole list of the server as CSV or JSON lines",
		Long: `Print a whole list of the server as comma-separated values (RFC 4180), or with --json
as a JSON document a line. The server writes it page by page, so that it may be long.

With --format glpi, hosts are written as inventories of GLPI 10 and 11, one a line;
with --out as files of a folder, for a GLPI that the server cannot reach: in GLPI
Administration > Inventory > Import from file, or 'glpi-injector -d DIR -u URL'.`,
		Example: `  muster export hosts --query group:lab --columns serial,memory > hosts.csv
  muster export software > software.csv
  muster export history --from 30d --json > history.jsonl
  muster export hosts --format glpi --out inventories`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"hosts", "software", "history", "events"},
		RunE:      func(cmd *cobra.Command, args []string) error { return a.export(cmd.Context(), args[0], &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.query, "query", "", "of hosts: those that it finds; of software: its name")
	f.StringVar(&o.columns, "columns", "", "of hosts: also these fields, with commas")
	f.StringVar(&o.host, "host", "", "of history and events: of this host alone")
	f.StringVar(&o.from, "from", "", "of history: only since: 2026-11-21, 7d")
	f.StringVar(&o.format, "format", "", "csv, jsonl; of hosts also glpi")
	f.StringVar(&o.out, "out", "", "with --format glpi: a file for each host into this folder")
	return cmd
}

type exportOptions struct{ query, columns, host, from, format, out string }

func (a *app) export(ctx context.Context, list string, o *exportOptions) error {
	format, from := cmp.Or(o.format, "csv"), ""
	if a.json && o.format == "" {
		format = "jsonl"
	}
	if !slices.Contains([]string{"csv", "jsonl", "glpi"}, format) || format == "glpi" && list != "hosts" {
		return usagef("--format is csv or jsonl, of hosts also glpi, not %q", format)
	}
	if o.out != "" && format != "glpi" {
		return usagef("--out is for --format glpi")
	}
	if o.from != "" {
		t, err := a.date(o.from)
		if err != nil {
			return err
		}
		from = strconv.FormatInt(t, 10)
	}
	return a.as(func(p *api.PersonClient) error {
		get := func(w io.Writer) error {
			return p.Export(ctx, list, format, w, "q", o.query, "columns", o.columns, "host", o.host, "from", from)
		}
		if o.out != "" {
			return a.exportInventories(o.out, get)
		}
		return get(a.out)
	})
}
