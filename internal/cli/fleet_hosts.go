package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/api"
)

type hostsOptions struct {
	query   api.HostQuery
	columns string
	csv     bool
	limit   int
}

func hostsCommand(a *app) *cobra.Command {
	var o hostsOptions
	cmd := &cobra.Command{
		Use:   "hosts [QUERY]",
		Short: "List the hosts of the server",
		Long: `List the hosts of the server, all or those that a query finds: the words of
'muster help queries'. Where a query begins with a minus, write -- before it.`,
		Example: `  muster hosts
  muster hosts 'status:ERROR seen<1d'
  muster hosts 'package:openssl<3.0.2 -group:lab' --csv --columns serial,memory`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.query.Query = strings.Join(args, " ")
			return a.hosts(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.query.Sort, "sort", "name", "name, seen, enrolled or status; with a minus before it, the other way round")
	f.StringVar(&o.columns, "columns", "", "also these fields, with commas: serial,memory")
	f.IntVar(&o.limit, "limit", 0, "at most so many (default: all)")
	f.BoolVar(&o.csv, "csv", false, "print comma-separated values (RFC 4180)")
	return cmd
}

func (a *app) hosts(ctx context.Context, o hostsOptions) error {
	if o.columns != "" {
		o.query.Columns = strings.Split(o.columns, ",")
	}
	found, err := asPerson(a, func(p *api.PersonClient) ([]api.Host, error) { return allHosts(ctx, p, o.query, o.limit) })
	if err != nil {
		return err
	}
	if o.csv {
		return a.hostsCSV(found, o.query.Columns)
	}
	return a.answer(found, func() error {
		if len(found) == 0 {
			a.talk("no hosts")
			return nil
		}
		head := "NAME\tSTATUS\tSYSTEM\tSEEN\tNOTE"
		for _, c := range o.query.Columns {
			head += "\t" + strings.ToUpper(c)
		}
		rows := []string{head}
		for _, h := range found {
			cells := []string{h.Name, hostStatus(h), hostSystem(h), a.seen(h.Seen), hostNote(h)}
			for _, c := range o.query.Columns {
				cells = append(cells, h.Columns[c])
			}
			rows = append(rows, row(cells...))
		}
		return a.table(rows)
	})
}

// allHosts asks for page after page, as far as limit (0: to the end).
func allHosts(ctx context.Context, p *api.PersonClient, q api.HostQuery, limit int) ([]api.Host, error) {
	found := []api.Host{}
	for {
		q.Limit = 500
		if limit > 0 {
			q.Limit = min(q.Limit, limit-len(found))
		}
		page, err := p.Hosts(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, page.Hosts...)
		if q.Cursor = page.Next; page.Next == "" || limit > 0 && len(found) >= limit {
			return found, nil
		}
	}
}

// csv prints a table for other programs, whose lines end as those of a shell do.
func (a *app) csv() api.CSV {
	w := api.NewCSV(a.out)
	w.UseCRLF = false
	return w
}

// hostsCSV prints the columns that the server's exports have.
func (a *app) hostsCSV(hosts []api.Host, columns []string) error {
	w := a.csv()
	w.Row(append(api.HostColumns(), columns...)...) //nolint:errcheck // End has it
	for i := range hosts {
		w.Row(hosts[i].Cells(columns)...) //nolint:errcheck // End has it
	}
	return w.End()
}

// hostStatus is what one looks at first: the state where it needs a person, else
// the worst status of the packages.
func hostStatus(h api.Host) string {
	if h.State != api.Accepted {
		return strings.ToUpper(string(h.State))
	}
	if h.Status == "" {
		return "-"
	}
	return string(h.Status)
}

func hostSystem(h api.Host) string {
	name := h.OSName
	if name == "" {
		name = h.OS
	}
	return name
}

func hostNote(h api.Host) string {
	if h.Problem != "" {
		return h.Problem
	}
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(h.Packages)) {
		if n := h.Packages[s]; s != "OK" && n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

// seen is how long ago t was, for tables.
func (a *app) seen(t int64) string {
	if t == 0 {
		return "never"
	}
	return a.ago(time.Unix(t, 0))
}
