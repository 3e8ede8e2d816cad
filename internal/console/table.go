package console

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"

	"muster/api"
)

// A table is a list as a whole, for other programs.
type table struct {
	name string // of the file
	head []string
	rows [][]string
}

// send writes it as CSV (RFC 4180), or as JSON where the address ends so.
func (t *table) send(v *visit, w http.ResponseWriter) error {
	format, print := "csv", t.csv
	if strings.HasSuffix(v.URL.Path, ".json") {
		format, print = "json", t.json
	}
	var data bytes.Buffer
	if err := print(&data); err != nil {
		return err
	}
	kind := map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json"}[format]
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+t.name+"."+format+`"`)
	write(w, v.Request, http.StatusOK, data.Bytes())
	return nil
}

func (t *table) csv(out *bytes.Buffer) error {
	w := csv.NewWriter(out)
	w.Write(t.head) //nolint:errcheck // Error has it
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = api.SafeCell(cell)
		}
		w.Write(cells) //nolint:errcheck // Error has it
	}
	w.Flush()
	return w.Error()
}

// json writes a list of objects.
func (t *table) json(out *bytes.Buffer) error {
	all := make([]map[string]string, len(t.rows))
	for i, row := range t.rows {
		all[i] = map[string]string{}
		for j, cell := range row {
			all[i][t.head[j]] = cell
		}
	}
	return json.NewEncoder(out).Encode(all)
}
