package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"muster"
)

// A part of a file is the same whether the server knows of ranges or not.
func TestRepositoryFile(t *testing.T) {
	content := []byte("0123456789")
	for name, serve := range map[string]http.HandlerFunc{
		"ranges": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		},
		"none": func(w http.ResponseWriter, _ *http.Request) { w.Write(content) },
	} {
		s := httptest.NewServer(serve)
		defer s.Close()
		c, err := New(s.URL, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for want, at := range map[string][2]int64{"0123456789": {0, 100}, "345": {3, 3}, "89": {8, 10}} {
			if got, err := c.RepositoryFile(t.Context(), "Packages", at[0], at[1]); err != nil || string(got) != want {
				t.Errorf("%s, %v: %q %v", name, at, got, err)
			}
		}
		if _, err := c.RepositoryFile(t.Context(), "Packages", 0, maxAnswer+1); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: no bound: %v", name, err)
		}
	}
}
