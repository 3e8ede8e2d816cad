package console

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"muster/api"
)

// A table is a list as a whole, for other programs: written as it is read, so that no
// list is in memory. Until the first rows are written an error can be told.
type table struct {
	out  *begun
	to   io.Writer // out, or what compresses for it
	zip  *gzip.Writer
	head []string
	csv  *api.CSV // nil: JSON, a list of objects
	rows int
	err  error
}

// table begins one, as CSV (RFC 4180) or as JSON where the address ends so.
func (v *visit) table(w http.ResponseWriter, name string, head ...string) *table {
	t := &table{out: &begun{w: w, name: name + ".csv", kind: "text/csv; charset=utf-8"}, head: head}
	json := strings.HasSuffix(v.URL.Path, ".json")
	if json {
		t.out.name, t.out.kind = name+".json", "application/json"
	}
	t.to = t.out
	if strings.Contains(v.Header.Get("Accept-Encoding"), "gzip") {
		t.zip, _ = gzip.NewWriterLevel(t.out, gzip.BestSpeed) // the level is one
		t.out.coding, t.to = "gzip", t.zip
	}
	if !json {
		lines := api.NewCSV(t.to)
		t.csv = &lines
		t.err = lines.Row(head...)
	}
	return t
}

// row writes one, unless it broke off before: end says why.
func (t *table) row(cells ...string) {
	if t.rows++; t.err != nil {
		return
	}
	if t.csv != nil {
		t.err = t.csv.Row(cells...)
		return
	}
	object := map[string]string{}
	for i, cell := range cells {
		object[t.head[i]] = cell
	}
	data, err := json.Marshal(object)
	if t.rows == 1 {
		data = append([]byte("["), data...)
	} else {
		data = append([]byte(","), data...)
	}
	if t.err = err; err == nil {
		_, t.err = t.to.Write(data)
	}
}

// end finishes the table, unless err or an error before keeps it from being whole.
func (t *table) end(err error) error {
	if err = cmp.Or(err, t.err); err == nil {
		err = t.finish()
	}
	if err != nil && t.out.yes {
		panic(http.ErrAbortHandler) // what breaks off must not look whole
	}
	return err
}

func (t *table) finish() (err error) {
	switch {
	case t.csv != nil:
		err = t.csv.End()
	case t.rows == 0:
		_, err = io.WriteString(t.to, "[]\n")
	default:
		_, err = io.WriteString(t.to, "]\n")
	}
	if err == nil && t.zip != nil {
		err = t.zip.Close()
	}
	return err
}
