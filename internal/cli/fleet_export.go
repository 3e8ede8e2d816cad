package cli

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkExport(args[0], cmd.Flags()); err != nil {
				return err
			}
			return a.export(cmd.Context(), args[0], &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.query, "query", "", "of hosts: those that it finds; of software: its name")
	f.StringVar(&o.software, "software", "", "of history: of this software alone")
	f.BoolVar(&o.failed, "failed", false, "of events: only what failed")
	f.StringVar(&o.columns, "columns", "", "of hosts: also these fields, with commas")
	f.StringVar(&o.host, "host", "", "of history and events: of this host alone")
	f.StringVar(&o.from, "from", "", "of history and events: only since: 2026-11-21, 7d")
	f.StringVar(&o.to, "to", "", "of history and events: only until")
	f.Int64Var(&o.since, "since", 0, "of events: only after the event of this number")
	f.StringVar(&o.format, "format", "", "csv, jsonl; of hosts also glpi")
	f.StringVar(&o.out, "out", "", "with --format glpi: a file for each host into this folder")
	return cmd
}

type exportOptions struct {
	query, columns, host, software, from, to, format, out string
	since                                                 int64
	failed                                                bool
}

// exportFlags are what the lists take. What is passed over would be missed too late.
var exportFlags = map[string][]string{
	"hosts":    {"query", "columns"},
	"software": {"query"},
	"history":  {"host", "software", "from", "to"},
	"events":   {"host", "failed", "since", "from", "to"},
}

// checkExport refuses a list that there is not, and flags that it does not take.
func checkExport(list string, flags *pflag.FlagSet) (err error) {
	takes, there := exportFlags[list]
	if !there {
		return usagef("there is no export %q: hosts, software, history or events", list)
	}
	flags.Visit(func(f *pflag.Flag) {
		for _, of := range exportFlags {
			if slices.Contains(of, f.Name) && !slices.Contains(takes, f.Name) {
				err = usagef("--%s is not for an export of %s", f.Name, list)
			}
		}
	})
	return err
}

func (a *app) export(ctx context.Context, list string, o *exportOptions) error {
	format := cmp.Or(o.format, "csv")
	if a.json && o.format == "" {
		format = "jsonl"
	}
	if !slices.Contains([]string{"csv", "jsonl", "glpi"}, format) || format == "glpi" && list != "hosts" {
		return usagef("--format is csv or jsonl, of hosts also glpi, not %q", format)
	}
	if o.out != "" && format != "glpi" {
		return usagef("--out is for --format glpi")
	}
	pairs := []string{"q", o.query, "columns", o.columns, "host", o.host, "software", o.software}
	for _, when := range [][2]string{{"from", o.from}, {"to", o.to}} {
		if when[1] == "" {
			continue
		}
		t, err := a.date(when[1])
		if err != nil {
			return err
		}
		pairs = append(pairs, when[0], strconv.FormatInt(t, 10))
	}
	if o.failed {
		pairs = append(pairs, "failed", "1")
	}
	if o.since > 0 {
		pairs = append(pairs, "since", strconv.FormatInt(o.since, 10))
	}
	return a.as(func(p *api.PersonClient) error {
		get := func(w io.Writer) error {
			return p.Export(ctx, list, format, w, pairs...)
		}
		if o.out != "" {
			return a.exportInventories(o.out, get)
		}
		return get(a.out)
	})
}
