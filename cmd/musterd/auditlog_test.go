package main

import (
	"bytes"

	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/api"
	"muster/internal/cli"
	"muster/internal/db"
	"muster/internal/db/sqlite"
	"muster/sign"
)

// typed runs the command line of an administrator in this process.
func typed(args ...string) (code int, out, talk string) {
	var o, e bytes.Buffer
	code = cli.Main(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// signIn gives the administrator a home with a session on the server.
func signIn(t *testing.T, p *process) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	id := must(administrator())(t)
	key, cert := filepath.Join(home, "alice.key"), filepath.Join(home, "alice.crt")
	check(t, os.WriteFile(key, must(sign.MarshalKey(id.Key, nil))(t), 0o600))
	check(t, os.WriteFile(cert, sign.EncodeCerts(id.Chain...), 0o600))
	ca := filepath.Join(p.data, "tls", "cert.pem")
	if code, out, talk := typed("login", p.url(), "--key", key, "--cert", cert, "--ca", ca); code != 0 {
		t.Fatalf("login: %d %s%s", code, out, talk)
	}
}

// Case 39, as an administrator sees it: what they kept shows that the database was
// changed under the server.
func TestCase39ByCommands(t *testing.T) {
	p := newProcess(t, newFolder(t))
	signIn(t, p)
	dir := t.TempDir()
	export, checkpoint := filepath.Join(dir, "log.txt"), filepath.Join(dir, "checkpoint")
	step := func(code int, want string, args ...string) string {
		t.Helper()
		got, out, talk := typed(args...)
		if got != code || !strings.Contains(out+talk, want) {
			t.Errorf("muster %s: %d, want %d with %q\n%s%s", strings.Join(args, " "), got, code, want, out, talk)
		}
		return out
	}
	step(0, "muster join", "tokens", "create", "--note", "first")
	step(0, "POST "+api.RouteTokens, "auditlog", "list")
	step(0, `"note":"first"`, "auditlog", "show", "3")
	check(t, os.WriteFile(checkpoint, []byte(step(0, "muster/", "auditlog", "checkpoint")), 0o600))
	step(0, "muster join", "tokens", "create", "--note", "second")
	step(0, "as they were signed", "auditlog", "export", export)
	step(0, "as they were signed", "auditlog", "verify", export, "--checkpoint", checkpoint)

	data := must(os.ReadFile(export))(t)
	check(t, os.WriteFile(export, bytes.Replace(data, []byte(`first`), []byte(`other`), 1), 0o600))
	step(1, "bad from entry 3 on", "auditlog", "verify", export, "--checkpoint", checkpoint)

	d := must(db.Open(t.Context(), "sqlite:"+filepath.Join(p.data, "muster.db"), sqlite.Driver{}))(t)
	check(t, d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE audit_size SET entries = 4")
		return err
	}))
	check(t, d.Close())
	step(1, "its tail from entry 4 on is gone", "auditlog", "list")
}
