package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster/api"
	"muster/internal/report"
)

func reportsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reports",
		Short: "Reports on the fleet, now and by mail",
		Long: `Reports are tables of what you may see: the state of the fleet, its patch level,
versions of a software, failures, silent hosts, changes. 'schedule' has one sent by
mail, with what you may see then, where the server's configuration names a mail server.`,
		Example: "  muster reports show patches --query group:lab\n  muster reports schedule patches --every weekly --day 1 --hour 6 --to boss@example.org",
	}
	cmd.AddCommand(reportsListCommand(a), reportsShowCommand(a), reportsScheduleCommand(a), reportsSchedulesCommand(a), reportsUnscheduleCommand(a))
	return cmd
}

func reportsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the reports that there are",
		Example: "  muster reports list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			type fact struct {
				Name string `json:"name"`
				What string `json:"what"`
			}
			var all []fact
			rows := []string{"REPORT\tWHAT"}
			for _, k := range report.ByMail() {
				all, rows = append(all, fact{k.Name, k.What}), append(rows, row(k.Name, k.What))
			}
			return a.answer(all, func() error { return a.table(rows) })
		},
	}
}

// reportFlags are those that say what a report is about.
func reportFlags(cmd *cobra.Command, query, software *string, days *int) {
	f := cmd.Flags()
	f.StringVar(query, "query", "", "of fleet, patches and silent: only the hosts that this query finds")
	f.StringVar(software, "software", "", "of versions and software: its name, as in openssl and 'lib*'")
	f.IntVar(days, "days", 0, "of failures, silent and changes: so many days (default: 7)")
}

func reportNames(kinds []report.Kind) (all []string) {
	for _, k := range kinds {
		all = append(all, k.Name)
	}
	return all
}

func reportsShowCommand(a *app) *cobra.Command {
	var w report.Wish
	csv := false
	cmd := &cobra.Command{
		Use:       "show REPORT",
		Short:     "Print a report",
		Example:   "  muster reports show fleet\n  muster reports show versions --software openssl --csv > openssl.csv",
		Args:      cobra.ExactArgs(1),
		ValidArgs: reportNames(report.Kinds()),
		RunE: func(cmd *cobra.Command, args []string) error {
			w.Kind, w.Now = args[0], a.now()
			if err := w.Check(); err != nil {
				return usageError{err}
			}
			r, err := asPerson(a, func(p *api.PersonClient) (*report.Report, error) { return report.Make(cmd.Context(), p, w) })
			if err != nil {
				return err
			}
			if csv {
				data, err := r.CSV()
				if err == nil {
					_, err = a.out.Write(data)
				}
				return err
			}
			return a.answer(r, func() error { return a.printTable(r) })
		},
	}
	reportFlags(cmd, &w.Query, &w.Software, &w.Days)
	cmd.Flags().BoolVar(&csv, "csv", false, "as comma-separated values (RFC 4180)")
	return cmd
}

func (a *app) printTable(r *report.Report) error {
	rows := []string{strings.ToUpper(row(r.Columns...))}
	for _, cells := range r.Rows {
		rows = append(rows, row(cells...))
	}
	if r.More {
		a.talk("there are more rows")
	}
	return a.table(rows)
}

func reportsScheduleCommand(a *app) *cobra.Command {
	var in api.ReportScheduleNew
	cmd := &cobra.Command{
		Use:   "schedule REPORT --every hourly|daily|weekly|monthly --to ADDRESS",
		Short: "Have a report sent by mail",
		Long: `Have a report sent by mail: its first rows as text, all of them as a file. It has
what you may see when it is made, and ends with your rights. It is sent at most once a
period; what the server missed while it was away is sent once.

'advisories' has the serious advisories that came to your sites, or to that of --site,
since the last one: with severity, hosts and the versions without them. It is sent only
where there are any, and also hourly.`,
		Example: `  muster reports schedule patches --query group:lab --every weekly --day 1 --hour 6 --to boss@example.org
  muster reports schedule silent --days 30 --every monthly --day 1 --to it@example.org --format json
  muster reports schedule advisories --site NIKHEF --every hourly --to security@example.org`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: reportNames(report.ByMail()),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Report = args[0]
			s, err := asPerson(a, func(p *api.PersonClient) (api.ReportSchedule, error) { return p.ScheduleReport(cmd.Context(), in) })
			if err != nil {
				return err
			}
			return a.answer(s, func() error {
				a.print("%s", s.ID)
				a.talk("the first one comes %s", stamp(s.Next))
				return nil
			})
		},
	}
	reportFlags(cmd, &in.Query, &in.Software, &in.Days)
	f := cmd.Flags()
	f.StringVar(&in.Every, "every", "", "daily, weekly or monthly; advisories also hourly")
	f.StringVar(&in.Site, "site", "", "of advisories: only this site (default: all that you may see)")
	f.IntVar(&in.Day, "day", 1, "of weekly: 1 is Monday, 7 Sunday; of monthly: 1 to 28")
	f.IntVar(&in.Hour, "hour", 6, "from 0 to 23, UTC")
	f.StringSliceVar(&in.To, "to", nil, "to these `ADDRESSES`")
	f.StringVar(&in.Format, "format", "csv", "of the file: csv or json")
	f.StringVar(&in.Title, "title", "", "the subject of the mail")
	cmd.MarkFlagRequired("every") //nolint:errcheck // it is there
	cmd.MarkFlagRequired("to")    //nolint:errcheck // it is there
	return cmd
}

func reportsSchedulesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "schedules",
		Short:   "List reports by mail, and how they do",
		Example: "  muster reports schedules",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := asPerson(a, func(p *api.PersonClient) (api.ReportSchedulePage, error) { return p.ReportSchedules(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(page.Schedules, func() error {
				if len(page.Schedules) == 0 {
					a.talk("no reports by mail")
					return nil
				}
				rows := []string{"ID\tREPORT\tEVERY\tTO\tOWNER\tNEXT\tSENT\tSTATE"}
				for _, s := range page.Schedules {
					rows = append(rows, row(s.ID, s.Report, everyText(s), strings.Join(s.To, ","), s.Owner, stamp(s.Next), stamp(s.Sent), s.Reason))
				}
				return a.table(rows)
			})
		},
	}
}

// everyText says when a report comes.
func everyText(s api.ReportSchedule) string {
	if s.Every == api.Hourly {
		return s.Every
	}
	at := fmt.Sprintf("%02d:00", s.Hour)
	if s.Every == api.Daily {
		return s.Every + " " + at
	}
	return s.Every + " " + strconv.Itoa(s.Day) + " " + at
}

func reportsUnscheduleCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "unschedule ID",
		Short:   "End a report by mail",
		Example: "  muster reports unschedule 4GJKX...",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.as(func(p *api.PersonClient) error { return p.UnscheduleReport(cmd.Context(), args[0]) })
		},
	}
}
