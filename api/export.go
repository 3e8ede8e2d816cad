package api

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"strings"
	"time"
)

// RouteExport has lists as a whole, as CSV or JSON lines: hosts, software, history,
// events.
const RouteExport = "/api/v1/export/{list}" // GET, person: ?format=, and the query of the list

// Export writes a list as a whole to w: "hosts", "software", "history" or "events", in
// the format "csv" (RFC 4180) or "jsonl", a JSON document a line; hosts also in "glpi", an
// inventory of GLPI a line. pairs are names and values of the list's query.
func (p *PersonClient) Export(ctx context.Context, list, format string, w io.Writer, pairs ...string) error {
	v := query(append([]string{"format", format}, pairs...)...)
	return p.copy(ctx, request{method: http.MethodGet, path: at(RouteExport, list), query: v, authorize: p.bearer}, w)
}

// HostColumns are the columns of hosts in CSV; further ones follow.
func HostColumns() []string {
	return []string{"id", "name", "fqdn", "state", "status", "os", "arch", "agent", "address", "seen", "enrolled"}
}

// Cells are the values of a host for [HostColumns], and of further columns.
func (h *Host) Cells(columns []string) []string {
	cells := []string{h.ID, h.Name, h.FQDN, string(h.State), string(h.Status), h.OSName, h.Arch, h.Agent, h.Address, CellTime(h.Seen), CellTime(h.Enrolled)}
	for _, c := range columns {
		cells = append(cells, h.Columns[c])
	}
	return cells
}

// A CSV writes tables as RFC 4180, which spreadsheets open.
type CSV struct{ *csv.Writer }

// NewCSV writes to w, with CR LF at the end of each line.
func NewCSV(w io.Writer) CSV {
	c := CSV{csv.NewWriter(w)}
	c.UseCRLF = true
	return c
}

// Row writes one line. A spreadsheet takes some cells for formulas: see [SafeCell].
func (c CSV) Row(cells ...string) error {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = SafeCell(cell)
	}
	return c.Write(safe)
}

// End writes what is left, and returns what went wrong.
func (c CSV) End() error {
	c.Flush()
	return c.Error()
}

// CellTime writes a time for a table: RFC 3339, or nothing for 0.
func CellTime(t int64) string {
	if t == 0 {
		return ""
	}
	return time.Unix(t, 0).UTC().Format(time.RFC3339)
}

// SafeCell has a cell that a spreadsheet would take for a formula begin with an
// apostrophe: hosts choose what they are called. Some spreadsheets take the wide forms
// of East Asia for signs too.
func SafeCell(s string) string {
	if strings.IndexAny(s, "=+-@\t\r\n＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}
