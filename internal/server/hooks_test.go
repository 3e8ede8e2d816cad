package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/hooks"
	"muster/sign"
)

// A webhook of a server hears what happens to the hosts of its query, and a server
// without permission goes nowhere near its own network (case 38).
func TestWebhooks(t *testing.T) {
	type got struct {
		api.Message
		signed bool
	}
	messages, secret := make(chan got, 100), ""
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		check(t, err)
		want, err := hooks.Sign(secret, r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
		check(t, err)
		g := got{signed: want == r.Header.Get("webhook-signature")}
		check(t, json.Unmarshal(body, &g.Message))
		messages <- g
	}))
	defer r.Close()
	w := newWorld(t, func(c *Config) { c.Webhooks.Allow = mustPrefixes("127.0.0.0/8") })
	p := w.person()
	hook := must(p.AddWebhook(t.Context(), api.WebhookNew{URL: r.URL, Kinds: []string{"host"}, Hosts: "name:reception"}))(t)
	secret = hook.Secret
	if page := must(p.Webhooks(t.Context()))(t); len(page.Webhooks) != 1 || page.Webhooks[0].Secret != "" {
		t.Errorf("%+v", page)
	}
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 5}))(t).Secret
	other, m := w.machine(1), w.machine(2)
	other.join(token)
	must(m.Enrol(t.Context(), api.Enrol{Token: token, Facts: api.Facts{Hostname: "reception", OS: "linux", Arch: "amd64"}}))(t)
	select {
	case g := <-messages:
		if len(g.Data.Items) != 1 || g.Data.Items[0].Host != m.ID || !g.signed || g.Data.Server != w.self.ID {
			t.Errorf("%+v", g)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing comes")
	}
	for _, e := range w.entries(p, 0) {
		if strings.Contains(e.Content, hook.Secret) {
			t.Errorf("the secret is in the audit log: %+v", e)
		}
	}
	_, err := p.AddWebhook(t.Context(), api.WebhookNew{URL: r.URL, Hosts: "(("})
	wantKind(t, err, muster.Invalid)
}

// A webhook outlives a backup; the database that is in it has no secret, and the key is
// for nobody else to read.
func TestWebhookRestored(t *testing.T) {
	w := newWorld(t)
	hook := must(w.person().AddWebhook(t.Context(), api.WebhookNew{URL: "https://192.0.2.1/"}))(t)
	before := must(w.folder.sealKey())(t)
	if info := must(os.Stat(w.folder.path("seal", "key")))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("the key has the mode %v", info.Mode())
	}
	file := must(w.backup(t.TempDir()))(t)
	w.stop()
	data := filepath.Join(t.TempDir(), "restored")
	must((&Restore{Data: data, Now: time.Now()}).Read(file))(t)
	if after := must(Folder{Dir: data}.sealKey())(t); !bytes.Equal(after, before) {
		t.Error("the key is another one")
	}
	content := must(os.ReadFile(filepath.Join(data, "muster.db")))(t)
	if secret := strings.TrimPrefix(hook.Secret, "whsec_"); !bytes.Contains(content, []byte(hook.ID)) || bytes.Contains(content, []byte(secret)) {
		t.Error("the database has the secret, or not the webhook")
	}
}

// Case 38: without permission in the configuration nothing is sent into the server's
// own network.
func TestCase38Webhook(t *testing.T) {
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer r.Close()
	p := newWorld(t).person()
	hook := must(p.AddWebhook(t.Context(), api.WebhookNew{URL: r.URL}))(t)
	if d := must(p.TestWebhook(t.Context(), hook.ID))(t); d.Error == "" || d.Status != 0 {
		t.Errorf("%+v", d)
	}
}

// The webhook of somebody who administers no more hears nothing from then on, and the
// audit log has its end.
func TestWebhookEndsWithTheRight(t *testing.T) {
	got := make(chan string, 100)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}))
	defer r.Close()
	w := newWorld(t, func(c *Config) { c.Webhooks.Allow = mustPrefixes("127.0.0.0/8") })
	p := w.person()
	bob := must(newPerson("bob", sign.RightDeploy))(t)
	must(w.files.AddAnchors(writeCert(t, bob.Leaf())))(t)
	w.people.forget()
	rule := must(p.AddRule(t.Context(), api.Rule{Who: "person:bob", Verbs: api.Verbs()}))(t)
	c := w.dial()
	q := &api.PersonClient{Client: c, Token: must(c.Login(t.Context(), bob, time.Now()))(t).Token}
	hook := must(q.AddWebhook(t.Context(), api.WebhookNew{URL: r.URL, Kinds: []string{"host"}}))(t)
	check(t, p.RemoveRule(t.Context(), rule.ID))
	w.joined(p, 1)
	deadline := time.Now().Add(20 * time.Second)
	ended := func() []api.AuditEntry {
		return must(w.ledger.List(t.Context(), api.AuditQuery{What: "webhook"}))(t).Entries
	}
	for len(ended()) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the webhook goes on")
		}
	}
	if len(got) != 0 {
		t.Errorf("it heard %s", <-got)
	}
	if x := must(p.Webhooks(t.Context()))(t).Webhooks[0]; x.Disabled == 0 {
		t.Errorf("%+v", x)
	}
	if all := ended(); len(all) != 1 || all[0].Target != hook.ID || !strings.Contains(all[0].Reason, "bob may not administer") {
		t.Errorf("%+v", all)
	}
}
