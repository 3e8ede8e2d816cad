package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// Exports are lists as a whole, written page after page as they are read: memory is
// that of one page, whatever the fleet's size.

// A form writes rows of an export.
type form interface {
	row(cells []string, value any) error
	end() error
}

// A csvForm writes RFC 4180, with a line of names first.
type csvForm struct{ w api.CSV }

func (f csvForm) row(cells []string, _ any) error { return f.w.Row(cells...) }
func (f csvForm) end() error                      { return f.w.End() }

// A linesForm writes a JSON document a line.
type linesForm struct{ e *json.Encoder }

func (f linesForm) row(_ []string, value any) error { return f.e.Encode(value) }
func (f linesForm) end() error                      { return nil }

const (
	typeCSV   = "text/csv"
	typeLines = "application/jsonl"

	formatGLPI = "glpi" // an inventory of GLPI a line
)

// exportType is the media type that is asked for: by ?format=, or the header Accept.
func exportType(format, accept string) (string, error) {
	switch format {
	case "csv":
		return typeCSV, nil
	case "jsonl", formatGLPI:
		return typeLines, nil
	case "":
		if strings.Contains(accept, "json") {
			return typeLines, nil
		}
		return typeCSV, nil
	}
	return "", muster.Errorf(muster.Invalid, "an export is csv or jsonl, of hosts also glpi, not %.50q", format)
}

// An export is what one list has to say: its columns, and its rows to a form.
type export struct {
	columns []string
	write   func(ctx context.Context, to form) error
}

func (s *Server) exportList(ctx context.Context, r *request) (any, error) {
	q := queryOf(r)
	kind, err := exportType(q.Get("format"), r.Header.Get("Accept"))
	if err != nil {
		return nil, err
	}
	e, err := s.exportOf(r, q)
	if err != nil {
		return nil, err
	}
	if q.err != nil {
		return nil, q.err
	}
	name := r.PathValue("list") + map[string]string{typeCSV: ".csv", typeLines: ".jsonl"}[kind]
	header := http.Header{"Content-Type": {kind + "; charset=utf-8"}, "Content-Disposition": {`attachment; filename="` + name + `"`}}
	return s.streamed(r, header, func(w io.Writer) error { return e.to(ctx, w, kind) }), nil
}

func (e *export) to(ctx context.Context, w io.Writer, kind string) error {
	var to form = linesForm{json.NewEncoder(w)}
	if kind == typeCSV {
		out := api.NewCSV(w)
		if err := out.Row(e.columns...); err != nil {
			return err
		}
		to = csvForm{out}
	}
	if err := e.write(ctx, to); err != nil {
		return err
	}
	return to.end()
}

// exportParams are what the lists take of the query. What is passed over would be
// missed by who asked for less, and found too late.
var exportParams = map[string][]string{
	"hosts":    {"q", "columns", "sort"},
	"software": {"q"},
	"history":  {"host", "software", "from", "to"},
	"events":   {"host", "since", "failed", "from", "to"},
}

// exportOf finds the list that the path names, of what the person may see and report.
func (s *Server) exportOf(r *request, q *query) (*export, error) {
	part := s.hosts.Part(r.person.may(api.VerbView).And(r.person.may(api.VerbReport)), r.person.may(api.VerbReport), nil)
	list := r.PathValue("list")
	if q.Get("format") == formatGLPI && list != "hosts" {
		return nil, muster.Errorf(muster.Invalid, "hosts are exported for GLPI, not %.50q", list)
	}
	params, there := exportParams[list]
	if !there {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "there is no export %.50q", list), "hosts, software, history, events")
	}
	if err := q.only(append(params, "format")...); err != nil {
		return nil, err
	}
	switch list {
	case "hosts":
		in := api.HostQuery{Query: q.Get("q"), Sort: q.Get("sort"), Limit: 500}
		if text := q.Get("columns"); text != "" {
			in.Columns = strings.Split(text, ",")
		}
		if _, err := part.List(r.Context(), api.HostQuery{Query: in.Query, Columns: in.Columns, Sort: in.Sort, Limit: 1}); err != nil {
			return nil, err
		}
		if q.Get("format") == formatGLPI {
			return s.exportGLPI(in, part), nil
		}
		return exportHosts(in, part.List), nil
	case "software":
		return exportSoftware(q.Get("q"), part.Software), nil
	case "history":
		in := api.HistoryQuery{Host: q.Get("host"), Software: q.Get("software"), From: q.number("from"), To: q.number("to"), Limit: 500}
		return exportHistory(in, part.History), nil
	default:
		in := api.EventQuery{Since: q.number("since"), Failed: q.Get("failed") == "1"}
		if host := q.Get("host"); host != "" {
			var err error
			if in.Host, err = part.Resolve(r.Context(), host); err != nil {
				return nil, err
			}
		}
		return exportEvents(in, q.number("from"), q.number("to"), part.Follow), nil
	}
}

func exportHosts(q api.HostQuery, list func(context.Context, api.HostQuery) (api.HostPage, error)) *export {
	return &export{append(api.HostColumns(), q.Columns...), func(ctx context.Context, to form) error {
		return eachHost(ctx, q, list, func(h *api.Host) error { return to.row(h.Cells(q.Columns), h) })
	}}
}

func exportSoftware(query string, list func(context.Context, string, string, int) (api.SoftwarePage, error)) *export {
	return &export{[]string{"source", "name", "version", "arch", "hosts"}, func(ctx context.Context, to form) error {
		for cursor := ""; ; {
			page, err := list(ctx, query, cursor, 500)
			if err != nil {
				return err
			}
			for _, x := range page.Software {
				if err := to.row([]string{x.Source, x.Name, x.Version, x.Arch, strconv.Itoa(x.Hosts)}, x); err != nil {
					return err
				}
			}
			if cursor = page.Next; cursor == "" {
				return nil
			}
		}
	}}
}

func exportHistory(q api.HistoryQuery, list func(context.Context, api.HistoryQuery) (api.HistoryPage, error)) *export {
	return &export{[]string{"time", "host", "host-name", "section", "op", "software", "arch", "from", "to"}, func(ctx context.Context, to form) error {
		for {
			page, err := list(ctx, q)
			if err != nil {
				return err
			}
			for _, c := range page.Changes {
				if err := to.row([]string{api.CellTime(c.Time), c.Host, c.Name, c.Section, c.Op, c.Software, c.Arch, c.From, c.To}, c); err != nil {
					return err
				}
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return nil
			}
		}
	}}
}

// exportEvents goes along the feed of hosts, the oldest first.
func exportEvents(q api.EventQuery, from, until int64, follow func(context.Context, int64, int) ([]api.FeedItem, int64, error)) *export {
	return &export{[]string{"number", "time", "host", "host-name", "what", "text", "error"}, func(ctx context.Context, to form) error {
		for after := q.Since; ; {
			items, last, err := follow(ctx, after, 500)
			if err != nil {
				return err
			}
			for _, i := range items {
				e := i.Event
				if e == nil || q.Host != "" && q.Host != e.Host || e.Time < from || until != 0 && e.Time > until || q.Failed && (e.Result == nil || e.Result.Error == "") {
					continue
				}
				failed := ""
				if e.Result != nil {
					failed = e.Result.Error
				}
				if err := to.row([]string{strconv.FormatInt(e.Number, 10), api.CellTime(e.Time), e.Host, e.Name, e.What, e.Text, failed}, e); err != nil {
					return err
				}
			}
			if len(items) == 0 {
				return nil
			}
			after = last
		}
	}}
}
