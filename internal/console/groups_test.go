package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"muster/api"
)

// One search that the server does not understand costs few requests, and the hosts of
// the others are counted.
func TestCountGroups(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		var counts []string
		for _, q := range r.URL.Query()["q"] {
			if q == "group:g17" {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error": {"kind": "invalid", "message": "no such field"}}`)
				return
			}
			counts = append(counts, strings.TrimPrefix(q, "group:g"))
		}
		fmt.Fprintf(w, `{"hosts": [%s]}`, strings.Join(counts, ","))
	}))
	defer server.Close()
	client, err := api.New(server.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{Request: httptest.NewRequest(http.MethodGet, "/groups", nil), api: &api.PersonClient{Client: client, Token: "x"}}
	rows := make([]groupRow, 3*perGroups)
	for i := range rows {
		rows[i].Search = "group:g" + strconv.Itoa(i)
	}
	if err := v.countGroups(rows); err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		if r.Hosts != i && i != 17 {
			t.Errorf("%s: %d", r.Search, r.Hosts)
		}
	}
	if asked > 20 {
		t.Errorf("%d requests for %d groups", asked, len(rows))
	}
}
