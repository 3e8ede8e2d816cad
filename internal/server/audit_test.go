package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"muster"
	"muster/api"
	"muster/internal/auditlog"
	"muster/internal/db"
)

// entries are those of the log from number since on.
func (w *world) entries(p *api.PersonClient, since int64) []api.AuditEntry {
	w.t.Helper()
	return must(p.Audit(w.t.Context(), api.AuditQuery{Since: since, Forward: true, Limit: 1000}))(w.t).Entries
}

// short is what tests look at.
func short(e api.AuditEntry) string {
	return strings.Join([]string{e.What, e.Who, e.Route, e.Target, e.Outcome}, "|")
}

// Everything that people change, are refused, or log in with is in the log, in its
// order, before and after.
func TestAuditLog(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1, Note: "lab"}))(t)
	m := w.machine(1)
	m.join(token.Secret)
	name := "reception"
	must(p.EditHost(t.Context(), m.ID, api.HostEdit{Name: &name}))(t)
	wantKind(t, p.DeleteGroup(t.Context(), "nobody"), muster.NotFound)
	stranger := api.PersonClient{Client: p.Client, Token: "rubbish"}
	_, err := stranger.Hosts(t.Context(), api.HostQuery{})
	wantKind(t, err, muster.Denied)
	must(p.Hosts(t.Context(), api.HostQuery{}))(t) // who looks is not in it

	all := w.entries(p, 0)
	var got []string
	for i, e := range all {
		got = append(got, short(e))
		if e.Number != int64(i) || time.Now().Unix()-e.Time > 100 {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	want := []string{
		"server||||done", "server|||person:alice|done",
		"login|alice|POST /api/v1/login||done",
		"request|alice|POST /api/v1/tokens||begun", "request|alice|POST /api/v1/tokens||done",
		"request|alice|PATCH /api/v1/hosts/{id}|" + m.ID + "|begun", "request|alice|PATCH /api/v1/hosts/{id}|" + m.ID + "|done",
		"request|alice|DELETE /api/v1/groups/{name}|nobody|begun", "request|alice|DELETE /api/v1/groups/{name}|nobody|not-found",
		"stranger||GET /api/v1/hosts||denied",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if e := all[5]; e.Content != `{"name":"reception"}` || e.Address != "127.0.0.1" || e.Verb != "edit" || e.Request == "" || e.Request != all[6].Request {
		t.Errorf("%+v", e)
	}
	for _, e := range all {
		if strings.Contains(e.Content+e.Reason, token.Secret) || strings.Contains(e.Content, p.Token) {
			t.Errorf("a secret is in the log: %+v", e)
		}
	}
}

// Whoever keeps a checkpoint or an export verifies without the server.
func TestAuditExport(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	first := must(p.AuditCheckpoint(t.Context(), 0))(t)
	key := must(auditlog.ParseKey(p.Server.Audit))(t)
	was := must(auditlog.Advance("", first, key))(t)
	for range 20 {
		must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t)
	}
	var export bytes.Buffer
	check(t, p.AuditExport(t.Context(), &export))
	report := must(auditlog.Verify(bytes.NewReader(export.Bytes()), key, first.Note))(t)
	if report.Tree.N != was.N+40 || report.Origin != auditlog.Origin(w.self.ID) {
		t.Errorf("%+v", report)
	}
	next := must(p.AuditCheckpoint(t.Context(), was.N))(t)
	must(auditlog.Advance(first.Note, next, key))(t)
	for n := range report.Tree.N {
		proof := must(p.AuditEntry(t.Context(), n))(t)
		check(t, auditlog.CheckEntry(&proof, key))
	}
	_, err := p.AuditEntry(t.Context(), report.Tree.N)
	wantKind(t, err, muster.NotFound)
}

// Case 39: a server finds that the log in its database is not the one that it
// signed; so does musterd doctor, with the first bad entry.
func TestCase39DatabaseRestored(t *testing.T) {
	w := newWorld(t)
	cfg := w.cfg
	p := w.person()
	for range 5 {
		must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t)
	}
	cut := w.entries(p, 0)[7].Number
	w.stop()
	if _, err := os.Stat(w.files.path(auditDir, checkpointFile)); err != nil {
		t.Fatal(err)
	}
	base := must(db.Open(t.Context(), cfg.DSN(), drivers()...))(t)
	check(t, base.Write(t.Context(), func(tx *db.Tx) error {
		for _, q := range []string{"DELETE FROM audit_entry WHERE number >= ?", "UPDATE audit_size SET entries = ?"} {
			if _, err := tx.Exec(q, cut); err != nil {
				return err
			}
		}
		_, err := tx.Exec("DELETE FROM audit_hash WHERE number >= ?", storedBefore(cut))
		return err
	}))
	check(t, base.Close())
	doctor := &Doctor{Config: cfg, Now: time.Now(), Drivers: drivers()}
	found := doctor.Look(t.Context())
	i := slices.IndexFunc(found, func(d Diagnosis) bool { return d.What == "audit log" })
	if i < 0 || found[i].Level != Wrong || !strings.Contains(found[i].Text, "from entry 7 on") {
		t.Errorf("the doctor says %+v", found)
	}
	w.start(cfg)
	p = w.person()
	e := w.entries(p, cut)[0]
	if e.What != "server" || e.Outcome != string(muster.Conflict) || !strings.Contains(e.Reason, "from entry 7 on is gone") {
		t.Errorf("the log goes on with %+v", e)
	}
	// The checkpoint of before is evidence, and stays.
	found = doctor.Look(t.Context())
	if i := slices.IndexFunc(found, func(d Diagnosis) bool { return d.What == "audit log" }); found[i].Level != Wrong {
		t.Errorf("the doctor says %+v", found[i])
	}
}

// What is done is in the log first: where that cannot be written, nothing is done.
func TestNothingWithoutTheLog(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	check(t, w.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("DROP TABLE audit_entry")
		return err
	}))
	if _, err := p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}); err == nil {
		t.Error("a token was made")
	}
	if page := must(w.hosts.Tokens(t.Context()))(t); len(page.Tokens) != 0 {
		t.Errorf("%+v", page)
	}
	if _, err := p.Login(t.Context(), w.admin, time.Now()); err == nil {
		t.Error("a session was opened")
	}
}

// Strangers do not fill the log: what is left out is counted.
func TestRefusalsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.refusals.strangers.rate.SetLimit(0) // however slow the machine is
	p := w.person()
	handler := w.Handler()
	for range 300 {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+api.RouteHosts, nil))(t)
		rec := newRecorder()
		handler.ServeHTTP(rec, r)
	}
	if n := len(w.entries(p, 0)); n < 10 || n > 80 {
		t.Errorf("300 refusals make %d entries", n)
	}
	if w.refusals.strangers.left.Load() == 0 {
		t.Error("none was left out")
	}
}

// Bodies are kept without their secrets, and so that nobody can guess them.
func TestContentHasNoSecrets(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":"x","password":"hunter2"}`:                        `{"name":"x"}`,
		`{"a":[{"Client-Secret":"s","b":1}],"newPassword":"s"}`:    `{"a":[{"b":1}]}`,
		`{"url":"https://x.example","secret":"s","private-key":1}`: `{"url":"https://x.example"}`,
		`"text"`: `"text"`,
		``:       ``,
	} {
		if text, hash := content([]byte(body)); text != want || hash != "" {
			t.Errorf("%s: %s %s", body, text, hash)
		}
	}
	if text, hash := content([]byte("no JSON")); text != "" || len(hash) != 64 {
		t.Errorf("%q %q", text, hash)
	}
	long := `{"note":"` + strings.Repeat("x", maxContent) + `","password":"`
	_, one := content([]byte(long + `a"}`))
	if _, two := content([]byte(long + `b"}`)); one != "" || two != "" {
		t.Error("a password can be guessed by the hash of a body")
	}
	if text, hash := content([]byte(`{"password":"hunter2"`)); text != "" || hash != "" {
		t.Errorf("a password in what is no JSON can be guessed: %q %q", text, hash)
	}
	long = ` {"note":"` + strings.Repeat("x", maxContent) + `"}`
	sum := sha256.Sum256([]byte(long))
	if text, hash := content([]byte(long)); text != "" || hash != hex.EncodeToString(sum[:]) {
		t.Errorf("the hash of a large body is not of what was sent: %q %q", text, hash)
	}
}

// A server with another key for its log is no server of this database.
func TestAuditKeyIsOfTheServer(t *testing.T) {
	w := newWorld(t)
	w.stop()
	check(t, os.Remove(w.files.path(auditDir, auditKeyFile)))
	_, err := Open(t.Context(), w.cfg, quiet(t), drivers()...)
	wantKind(t, err, muster.Conflict)
	if !strings.Contains(muster.HintOf(err), "audit") {
		t.Errorf("hint %q", muster.HintOf(err))
	}
}

// storedBefore is how many hashes a log of n entries has.
func storedBefore(n int64) int64 { return tlog.StoredHashCount(n) }

// hides reports whether a body has something of which not even a hash is kept.
func hides(body []byte) (some bool) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return secret.Match(body)
	}
	_, some = withoutSecrets(v)
	return some
}

// Whatever a body is, the log keeps little of it, and reads it as itself again.
func FuzzContent(f *testing.F) {
	f.Add([]byte(`{"name":"x","password":"hunter2","a":[{"token":1}]}`))
	f.Add([]byte(`{"a":1e400}`))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		text, hash := content(body)
		if len(text) > maxContent || text != "" && hash != "" || len(body) > 0 && text == "" && hash == "" && !hides(body) {
			t.Errorf("%q is kept as %q %q", body, text, hash)
		}
		if again, _ := content([]byte(text)); again != text {
			t.Errorf("%q is kept as %q, and that as %q", body, text, again)
		}
	})
}
