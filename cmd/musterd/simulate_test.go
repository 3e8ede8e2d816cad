package main

import (
	"strings"
	"testing"

	"muster/api"
)

// TestSimulateTooFew: a run in which the server did not take all hosts did not succeed.
func TestSimulateTooFew(t *testing.T) {
	p := newProcess(t, newFolder(t))
	token := must(person(t, p.url(), p.roots()).CreateToken(t.Context(), api.TokenRequest{Uses: 2}))(t).Secret
	code, out, errs := said("simulate", "--hosts", "3", "--token", token, "--for", "1s", "--ca", p.data+"/tls/cert.pem", p.url())
	if code != 1 || !strings.Contains(out, "2 hosts came") || !strings.Contains(errs, "only 2 of 3 hosts could enrol") {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
}
