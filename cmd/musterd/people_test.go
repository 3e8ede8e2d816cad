package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/cli"
	"muster/internal/server"
)

// A desk is where somebody types commands, with sessions of its own.
type desk struct {
	t    *testing.T
	home string
}

// run types a command, with what stands before it as environment.
func (d desk) run(line string) (code int, out string) {
	d.t.Helper()
	d.t.Setenv("HOME", d.home)
	d.t.Setenv("XDG_CONFIG_HOME", filepath.Join(d.home, "config"))
	words := strings.Split(line, "|")
	for _, name := range []string{"MUSTER_PASSWORD", "MUSTER_OLD_PASSWORD", "MUSTER_TOKEN", "MUSTER_SERVER", "MUSTER_CA"} {
		d.t.Setenv(name, "")
	}
	for name, value, ok := strings.Cut(words[0], "="); ok && strings.HasPrefix(name, "MUSTER_"); name, value, ok = strings.Cut(words[0], "=") {
		d.t.Setenv(name, value)
		words = words[1:]
	}
	var o, e bytes.Buffer
	code = cli.Main(words, strings.NewReader(""), &o, &e)
	return code, o.String() + e.String()
}

// People are made, given rights and stopped from the command line; who has lost all
// ways in makes an administrator on the server itself.
func TestPeople(t *testing.T) {
	data := newFolder(t)
	t.Setenv("MUSTER_PASSWORD", "the password of the root")
	if code, out, errs := said("people", "--data", data, "add", "--admin", "--password", "root"); code != 0 {
		t.Fatal(out, errs)
	}
	p := newProcess(t, data)
	pin := must(server.Pin(&server.Config{Data: data, TLS: server.TLS{Mode: "own"}}, time.Now()))(t)
	root, bob := desk{t, t.TempDir()}, desk{t, t.TempDir()}
	var token string
	for _, step := range []struct {
		who  desk
		line string
		code int
		want string
	}{
		{bob, "whoami", 4, "there is no session"},
		{root, "MUSTER_PASSWORD=wrong|login|" + p.url() + "|--ca|" + pin + "|--password|--name|root", 4, "the name or the password is wrong"},
		{root, "MUSTER_PASSWORD=the password of the root|login|" + p.url() + "|--ca|" + pin + "|--password|--name|root", 0, "root on https://"},
		{root, "whoami", 0, "administer  all"},
		{root, "MUSTER_PASSWORD=short|people|add|bob", 1, "fewer than 15 characters"},
		{root, "MUSTER_PASSWORD=correct horse battery staple|people|add|bob", 0, "muster rights add person:bob view"},
		{bob, "MUSTER_PASSWORD=correct horse battery staple|login|" + p.url() + "|--ca|" + pin + "|--password|--name|bob", 0, "bob on https://"},
		{bob, "whoami", 0, "may do nothing"},
		{bob, "hosts", 4, "has no right to \"view\" on this server"},
		{root, "rights|add|person:bob|view|publish|--hosts|os:linux", 1, "make a rule for it without hosts"},
		{root, "rights|add|person:bob|view|edit|--hosts|(os:linux)|--for|30d", 0, "person:bob may view edit on os:linux"},
		{root, "rights|add|bob|view", 1, "write person:NAME"},
		{root, "rights|list", 0, "os:linux"},
		{root, "rights|test|bob", 0, "view  os:linux"},
		{root, "rights|test|bob|act", 4, "bob may not act"},
		{bob, "rights|list", 4, "has no right to \"administer\""},
		{bob, "hosts", 0, ""},
		{bob, "MUSTER_PASSWORD=wrong|apitokens|create|view|--note|wall", 4, "the name or the password is wrong"},
		{bob, "MUSTER_PASSWORD=correct horse battery staple|apitokens|create|view|--note|wall", 0, "mst_"},
		{bob, "apitokens|list", 0, "wall"},
		{root, "apitokens|list|--all", 0, "wall"},
		{bob, "MUSTER_TOKEN=TOKEN|whoami", 0, "bob by token"},
		{desk{t, t.TempDir()}, "MUSTER_TOKEN=TOKEN|MUSTER_SERVER=" + p.url() + "|MUSTER_CA=" + pin + "|hosts", 0, ""},
		{bob, "MUSTER_TOKEN=TOKEN|apitokens|list", 4, "a token is for programs"},
		{bob, "people|sessions", 0, "(this one)"},
		{root, "people|sessions|--all", 0, "bob"},
		{bob, "MUSTER_OLD_PASSWORD=wrong|MUSTER_PASSWORD=another good password|people|password", 4, "is wrong"},
		{bob, "MUSTER_OLD_PASSWORD=correct horse battery staple|MUSTER_PASSWORD=another good password|people|password", 0, "still works, until"},
		{bob, "whoami", 0, "bob"},
		{root, "people|anew|bob", 0, "whoever logs in next"},
		{bob, "MUSTER_PASSWORD=another good password|login|" + p.url() + "|--ca|" + pin + "|--password|--name|bob", 0, "bob on"},
		{root, "people|disable|bob", 0, "their sessions have ended"},
		{bob, "whoami", 4, "there is no such session"},
		{bob, "MUSTER_TOKEN=TOKEN|whoami", 4, "there is no such session"},
		{root, "people|list", 0, "disabled"},
		{root, "people|remove|bob", 0, "removed bob"},
		{root, "rights|remove|3", 0, "removed rule 3"},
		{root, "people|remove|root", 0, "removed root"}, // alice administers still
		{root, "whoami", 4, "there is no such session"},
	} {
		code, out := step.who.run(strings.ReplaceAll(step.line, "TOKEN=TOKEN", "TOKEN="+token))
		if code != step.code || !strings.Contains(out, step.want) {
			t.Errorf("muster %s: %d, want %d\n%s", step.line, code, step.code, out)
		}
		if i := strings.Index(out, "mst_"); i >= 0 {
			token = strings.Fields(out[i:])[0]
		}
	}
	t.Setenv("MUSTER_PASSWORD", "the password of the root")
	if code, out, errs := said("people", "--data", data, "add", "--admin", "--password", "root"); code != 0 { // while it runs
		t.Fatal(out, errs)
	}
	if code, out := root.run("MUSTER_PASSWORD=the password of the root|login|" + p.url() + "|--ca|" + pin + "|--password|--name|root"); code != 0 {
		t.Error(out)
	}
	if code, out := root.run("rights|list"); code != 0 || !strings.Contains(out, "on the server itself") {
		t.Error(out)
	}
}
