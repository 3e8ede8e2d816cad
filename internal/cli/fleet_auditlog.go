package cli

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	signednote "golang.org/x/mod/sumdb/note"

	"muster"
	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/durable"
)

func auditlogCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "auditlog",
		Short: "Read the server's log of what people did, and prove that nobody changed it",
		Long: `The server writes down what people change, what they are refused, and who logs in,
before it answers. Nobody can change an entry, take one out or cut the log unnoticed:
each command here compares the log with the checkpoint that the last one kept, and
'muster auditlog verify' checks an export without the server.`,
		Example: "  muster auditlog list --who alice\n  muster auditlog export log.txt && muster auditlog verify log.txt",
	}
	cmd.AddCommand(auditlogListCommand(a), auditlogShowCommand(a), auditlogCheckpointCommand(a), auditlogExportCommand(a), auditlogVerifyCommand(a))
	return cmd
}

// witnessed calls do, after it has seen that the log continues the one that the last
// command saw.
func (a *app) witnessed(ctx context.Context, do func(*api.PersonClient, *auditlog.Witness) error) error {
	return a.as(func(p *api.PersonClient) error {
		name, err := sessionsFile()
		if err != nil {
			return err
		}
		name = filepath.Join(filepath.Dir(name), "auditlog-"+p.Server.ID+".json")
		w, err := auditlog.ReadWitness(name)
		if err != nil {
			return err
		}
		c, err := p.AuditCheckpoint(ctx, w.Size())
		if err != nil {
			return err
		}
		if err := w.See(p.Server.ID, c); err != nil {
			if muster.KindOf(err) == muster.Conflict {
				a.talk("what was seen before is in %s; remove it to believe the log as it is now", name)
			}
			return err
		}
		if err := w.Write((*durable.Disk)(nil), name); err != nil {
			return err
		}
		return do(p, w)
	})
}

type auditlogOptions struct {
	api.AuditQuery
	from, to string
	limit    int
}

func auditlogListCommand(a *app) *cobra.Command {
	var o auditlogOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List entries, the newest last",
		Example: `  muster auditlog list
  muster auditlog list --who alice --from 7d
  muster auditlog list --failed --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.auditlogList(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Who, "who", "", "only of this person")
	f.StringVar(&o.What, "what", "", "only request, login, stranger, host, rollout, webhook or server")
	f.StringVar(&o.Target, "target", "", "only about this: the id of a host, the name of a group")
	f.StringVar(&o.from, "from", "", "only since: 2026-11-21, 7d")
	f.StringVar(&o.to, "to", "", "only until")
	f.BoolVar(&o.Failed, "failed", false, "only what was refused or failed")
	f.IntVar(&o.limit, "limit", 50, "at most so many; 0: all")
	return cmd
}

func (a *app) auditlogList(ctx context.Context, o auditlogOptions) error {
	var err error
	if o.from != "" {
		if o.From, err = a.date(o.from); err != nil {
			return err
		}
	}
	if o.to != "" {
		if o.To, err = a.date(o.to); err != nil {
			return err
		}
	}
	return a.witnessed(ctx, func(p *api.PersonClient, _ *auditlog.Witness) error {
		found, err := auditEntries(ctx, p, o.AuditQuery, o.limit)
		if err != nil {
			return err
		}
		slices.Reverse(found)
		return a.answer(found, func() error {
			rows := []string{"NUMBER\tTIME\tWHO\tWHAT\tTARGET\tOUTCOME\tFROM"}
			for _, e := range found {
				what := e.What
				if e.Route != "" {
					what = e.Route
				}
				rows = append(rows, row(strconv.FormatInt(e.Number, 10), stamp(e.Time), e.Who, what, e.Target, e.Outcome, e.Address))
			}
			return a.table(rows)
		})
	})
}

// auditEntries asks for page after page, the newest first, as far as limit.
func auditEntries(ctx context.Context, p *api.PersonClient, q api.AuditQuery, limit int) ([]api.AuditEntry, error) {
	found := []api.AuditEntry{}
	for {
		q.Limit = 1000
		if limit > 0 {
			q.Limit = min(q.Limit, limit-len(found))
		}
		page, err := p.Audit(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, page.Entries...)
		if len(page.Entries) < q.Limit || limit > 0 && len(found) >= limit {
			return found, nil
		}
		if q.Before = page.Entries[len(page.Entries)-1].Number; q.Before == 0 {
			return found, nil
		}
	}
}

func auditlogShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show NUMBER",
		Short:   "Show one entry, and check the proof that it stands in the log",
		Example: "  muster auditlog show 1234",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n < 0 {
				return usagef("%q is no number of an entry", args[0])
			}
			return a.auditlogShow(cmd.Context(), n)
		},
	}
}

func (a *app) auditlogShow(ctx context.Context, n int64) error {
	return a.witnessed(ctx, func(p *api.PersonClient, w *auditlog.Witness) error {
		proof, err := p.AuditEntry(ctx, n)
		if err != nil {
			return err
		}
		key, err := auditlog.ParseKey(w.Key)
		if err != nil {
			return err
		}
		if err := auditlog.CheckEntry(&proof, key); err != nil {
			return err
		}
		e := proof.Entry
		return a.answer(e, func() error {
			for _, f := range [][2]string{{"number", strconv.FormatInt(e.Number, 10)}, {"time", stamp(e.Time)}, {"who", e.Who}, {"what", e.What}, {"route", e.Route},
				{"target", e.Target}, {"verb", e.Verb}, {"outcome", e.Outcome}, {"reason", e.Reason}, {"content", e.Content}, {"body", e.Body}, {"from", e.Address}, {"request", e.Request}} {
				if f[1] != "" {
					a.print("%-8s %s", f[0], f[1])
				}
			}
			if e.More > 0 {
				a.print("%-8s %d like it before were left out", "more", e.More)
			}
			a.talk("proved: it stands in the log that the server signed")
			return nil
		})
	})
}

func auditlogCheckpointCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the newest checkpoint of the log",
		Long: `Print the newest checkpoint of the log: 200 bytes that the server has signed, by which
'muster auditlog verify --checkpoint' tells later whether anything before it was
changed. Keep some where the server's administrators have no access.`,
		Example: "  muster auditlog checkpoint > 2026-11-21.checkpoint",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.witnessed(cmd.Context(), func(_ *api.PersonClient, w *auditlog.Witness) error {
				return a.answer(w, func() error {
					lines(a.out, w.Note)
					return nil
				})
			})
		},
	}
}

func auditlogExportCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "export FILE",
		Short:   "Write the whole log into a file that 'muster auditlog verify' checks",
		Example: "  muster auditlog export auditlog-2026-11.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.witnessed(cmd.Context(), func(p *api.PersonClient, _ *auditlog.Witness) error {
				return a.auditlogExport(cmd.Context(), p, args[0])
			})
		},
	}
}

// auditlogExport leaves the whole export, checked, or no file.
func (a *app) auditlogExport(ctx context.Context, p *api.PersonClient, name string) error {
	f, err := (*durable.Disk)(nil).Create(name, 0o600)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	report, err := exportChecked(ctx, p, f)
	if err != nil {
		f.Abort()
		return err
	}
	if err := f.Commit(); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	return a.auditlogReport(report)
}

func exportChecked(ctx context.Context, p *api.PersonClient, w io.Writer) (report *auditlog.Report, err error) {
	r, pipe := io.Pipe()
	go func() { pipe.CloseWithError(p.AuditExport(ctx, io.MultiWriter(w, pipe))) }()
	defer r.Close()
	return auditlog.Verify(r, nil)
}

func auditlogVerifyCommand(a *app) *cobra.Command {
	var checkpoints []string
	var key string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check an export of the log, without the server",
		Long: `Check an export of the log, without the server: against the checkpoints in it, and
against those that you kept. What somebody changed, took out, put in or cut is named
with the first bad entry.

Without --key the file's own key is believed, and printed: compare it with the one
that an earlier export or the server names ("audit" of /api/v1/server).`,
		Example: "  muster auditlog verify auditlog-2026-11.txt --checkpoint 2026-11-01.checkpoint --checkpoint 2026-11-15.checkpoint",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.auditlogVerify(args[0], key, checkpoints) },
	}
	cmd.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "also compare with the checkpoint in `FILE`; may be repeated")
	cmd.Flags().StringVar(&key, "key", "", "believe this `KEY` alone")
	return cmd
}

func (a *app) auditlogVerify(name, keyText string, checkpoints []string) error {
	var key signednote.Verifier
	var kept []string
	for _, c := range checkpoints {
		data, err := readBounded(c, maxKeyFile, "'muster auditlog checkpoint > FILE' writes one")
		if err != nil {
			return err
		}
		kept = append(kept, string(data))
	}
	if keyText != "" {
		var err error
		if key, err = auditlog.ParseKey(keyText); err != nil {
			return err
		}
	}
	f, err := open(name, exportHint)
	if err != nil {
		return err
	}
	defer f.Close()
	report, err := auditlog.Verify(f, key, kept...)
	if bad := (*auditlog.BadError)(nil); errors.As(err, &bad) && a.json {
		a.answer(bad, nil) //nolint:errcheck // the error is the answer
	}
	if err != nil {
		return err
	}
	return a.auditlogReport(report)
}

func (a *app) auditlogReport(r *auditlog.Report) error {
	type fact struct {
		Key         string `json:"key"`
		Entries     int64  `json:"entries"`
		Root        string `json:"root"`
		Checkpoints int    `json:"checkpoints"`
	}
	return a.answer(fact{r.Key, r.Tree.N, r.Tree.Hash.String(), r.Checkpoints}, func() error {
		a.print("%s, as they were signed (%s, root %s)", strconv.FormatInt(r.Tree.N, 10)+" entries", count(r.Checkpoints, "checkpoint"), r.Tree.Hash)
		a.print("key %s", r.Key)
		return nil
	})
}
