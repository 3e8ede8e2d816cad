package console

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// tabled is what a table of that path answers, compressed for who asks for it.
func tabled(t *testing.T, path, coding string, fill func(*table) error) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", coding)
	w := httptest.NewRecorder()
	v := &visit{console: &console{}, Request: r, w: w}
	if err := fill(v.table(w, "list", "name", "note")); err != nil {
		return w, ""
	}
	body := io.Reader(w.Body)
	if w.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return w, string(text)
}

// Tables are whole, safe for spreadsheets, and compressed for who can read that.
func TestTable(t *testing.T) {
	two := func(t *table) error {
		t.row("pc-1", "=HYPERLINK(1)")
		t.row("pc-2", "a,\"b\"")
		return t.end(nil)
	}
	for _, coding := range []string{"", "gzip"} {
		w, text := tabled(t, "/list.csv", coding, two)
		if text != "name,note\r\npc-1,'=HYPERLINK(1)\r\npc-2,\"a,\"\"b\"\"\"\r\n" || w.Header().Get("Content-Disposition") != `attachment; filename="list.csv"` {
			t.Errorf("%q %v", text, w.Header())
		}
		_, text = tabled(t, "/list.json", coding, two)
		var rows []map[string]string
		if err := json.Unmarshal([]byte(text), &rows); err != nil || len(rows) != 2 || rows[0]["note"] != "=HYPERLINK(1)" {
			t.Errorf("%v in %q", err, text)
		}
	}
	for path, want := range map[string]string{"/list.csv": "name,note\r\n", "/list.json": "[]\n"} {
		if _, text := tabled(t, path, "gzip", func(t *table) error { return t.end(nil) }); text != want {
			t.Errorf("an empty one: %q", text)
		}
	}
}

// An error is told while it can be; after that the answer breaks off.
func TestTableBroken(t *testing.T) {
	gone := errors.New("gone")
	for _, path := range []string{"/list.csv", "/list.json"} {
		w, _ := tabled(t, path, "", func(t *table) error { return t.end(gone) })
		if w.Body.Len() != 0 || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: %q was written before the error", path, w.Body)
		}
		func() {
			defer func() {
				if recover() != http.ErrAbortHandler {
					t.Errorf("%s: what broke off looks whole", path)
				}
			}()
			tabled(t, path, "", func(t *table) error {
				for range 1000 {
					t.row("pc", strings.Repeat("x", 100))
				}
				return t.end(gone)
			})
		}()
	}
}
