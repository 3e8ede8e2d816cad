package server

import (
	"slices"
	"testing"

	"muster"
	"muster/api"
)

// TestUnits lists units before there is a repository, and with a package for one.
func TestUnits(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1, Unit: "paris/lab"}))(t)
	w.machine(1).join(token.Secret)
	want := []api.Unit{{Path: "paris", Package: "paris", Hosts: 1}, {Path: "paris/lab", Package: "paris.lab", Hosts: 1}}
	if got := must(p.Units(t.Context()))(t).Units; !slices.Equal(got, want) {
		t.Errorf("units %+v", got)
	}
	w.found(p)
	must(publish(t, p, assigning(t, muster.Unit, "paris.lab", "1", "age", w.admin)))(t)
	want[1].Signed = true
	if got := must(p.Units(t.Context()))(t).Units; !slices.Equal(got, want) {
		t.Errorf("with a package: %+v", got)
	}
}
