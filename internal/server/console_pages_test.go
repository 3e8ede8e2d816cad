package server

import (
	"context"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/control"
	"muster/internal/console"
	"muster/internal/steer"
	"muster/inventory"
	"muster/pkgfile"
	"muster/sign"
)

// assigning makes a package of relations alone, signed by signer.
func assigning(t testing.TB, kind muster.Kind, name, version, needs string, signer *sign.Identity) string {
	t.Helper()
	c := control.Control{Name: name, Version: version, Kind: kind, OS: []string{control.All}, Architecture: []string{control.All}}
	for part := range strings.SplitSeq(needs, ",") {
		c.Depends = append(c.Depends, must(control.ParseDependency(strings.TrimSpace(part)))(t))
	}
	d := must(pkgfile.Build(pkgfile.Spec{Control: c, Date: time.Now().Add(-time.Minute)}, t.TempDir()))(t)
	defer d.Close()
	signature := must(sign.Sign(d.Encoded, true, time.Now().Add(-time.Minute), signer))(t)
	path := filepath.Join(t.TempDir(), c.FileName())
	f := must(os.Create(path))(t)
	check(t, d.Write(f, signature))
	check(t, f.Close())
	return path
}

// newSite has the packages age and shfmt, a group, a unit and two hosts, of which the
// first is in both.
func newSite(t *testing.T) (*world, []*machine) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	for _, file := range []string{pack(t, "age", "1.2", 10, w.admin), pack(t, "age", "1.3", 10, w.admin), pack(t, "shfmt", "3", 10, w.admin), pack(t, "jq", "1", 10, w.admin),
		assigning(t, muster.Group, "lab", "1", "age", w.admin), assigning(t, muster.Unit, "paris", "1", "shfmt", w.admin)} {
		must(publish(t, p, file))(t)
	}
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: -1}))(t)
	ones := []*machine{w.machine(1), w.machine(2)}
	for _, m := range ones {
		m.join(token.Secret)
	}
	doc := desktop(3)
	doc.Muster = []inventory.Installed{{Name: "age", Version: "1.2", Arch: "amd64", Kind: "base", Status: "OK", Manifest: strings.Repeat("0", 64)},
		{Name: "lab", Version: "1", Arch: "all", Kind: "group", Status: "OK", Manifest: strings.Repeat("1", 64)}}
	doc.Status = []inventory.Status{{Name: "lab", Status: "OK", By: "group lab"}}
	ones[0].report(doc)
	ones[1].report(desktop(3))
	must(p.PutGroup(t.Context(), api.Group{Name: "lab", Members: []string{ones[0].ID}}))(t)
	unit := "paris"
	must(p.EditHost(t.Context(), ones[0].ID, api.HostEdit{Unit: &unit}))(t)
	return w, ones
}

// Packages, groups and units are shown with who has them.
func TestConsolePackages(t *testing.T) {
	w, ones := newSite(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	for _, page := b.get("/groups?kind=unit"); strings.Contains(page, "There may be more"); _, page = b.get("/groups?kind=unit") {
		t.Log("packages of units are still read")
	}
	if _, page := b.get("/packages"); !strings.Contains(page, "<td>alice</td>") {
		t.Errorf("it is not said who signed:\n%s", page)
	}
	for path, want := range map[string][]string{
		"/packages":                          {`href="/packages/age"`, "1.3", "and 1 more", "Software 3", `href="/hosts?q=muster%3Aage"`},
		"/packages?q=shf":                    {`href="/packages/shfmt"`, "Software 1"},
		"/packages?kind=assign":              {`href="/packages/lab"`},
		"/packages?q=nothing-like-it":        {"No package is like that."},
		"/find?q=shf":                        {`href="/packages/shfmt"`},
		"/packages/age":                      {"1.3", "1.2", "1 host has it", "alice", "Published", `href="/groups/group/lab"`, "assigns it"},
		"/packages/age?tab=relations":        {"Needed by", `href="/packages/lab"`, "<svg"},
		"/packages/age?tab=files":            {"1 file", "root/usr/share/age"},
		"/packages/age?tab=stanza":           {"package: age"},
		"/packages/paris?tab=relations":      {"unit", "shfmt"},
		"/packages.csv":                      {"package,version,kind", "age,1.2,base"},
		"/packages.json":                     {`"package":"shfmt"`},
		"/packages/age/versions.csv":         {"age,1.2,linux,amd64,1,"},
		"/groups":                            {`href="/groups/group/lab"`, "chosen by people", "age"},
		"/groups?kind=unit":                  {`href="/groups/unit/paris"`, "shfmt"},
		"/groups/group/lab":                  {"1 of 1", "hosts that people chose", `href="/hosts/` + ones[0].ID},
		"/groups/unit/paris":                 {"hosts of that unit", ones[0].ID},
		"/groups.json":                       {`"name":"paris"`},
		"/groups/profile/staff":              {"It says nothing"},
		"/hosts/" + ones[0].ID:               {`href="/packages/age"`, "/edit"},
		"/hosts/packages?host=" + ones[0].ID: {"1 host"},
		"/hosts/change?op=remove-group&value=lab&host=" + ones[0].ID: {"1 host changes", "remove age"},
		"/hosts/send?host=" + ones[0].ID:                             {"id:" + ones[0].ID},
		"/hosts/" + ones[0].ID + "/edit":                             {`value="paris"`, `name="leave" value="lab"`},
		"/groups/group/lab/edit?install=jq":                          {"1 host is meant.", "install jq 1", "muster groups edit lab --install jq", "This needs a signature"},
	} {
		status, page := b.get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s has no %q:\n%s", path, text, page)
			}
		}
	}
	for _, path := range []string{"/packages/none", "/groups/base/age", "/groups/group/A%20b"} {
		if status, _ := b.get(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// Who is in a group needs no signature; what its hosts should have is not changed
// without one.
func TestConsoleGroupEdit(t *testing.T) {
	w, ones := newSite(t)
	b := w.browser("root", "", api.Verbs()...)
	b.logIn("root")
	p := w.person()
	at, page := b.post("/groups/group/lab/edit", "query", "", "add", ones[1].ID, "note", "the lab")
	if at != "/groups/group/lab" {
		t.Fatalf("at %q:\n%s", at, page)
	}
	if g := must(p.Group(t.Context(), "lab"))(t); len(g.Members) != 2 || g.Note != "the lab" {
		t.Errorf("%+v", g)
	}
	at, page = b.post("/groups/group/lab/edit", "query", "", "note", "the lab", "install", "shfmt")
	b.want(page, `role="alert"`, "muster groups edit lab --install shfmt")
	if at != "/groups/group/lab/edit" || must(p.Repository(t.Context()))(t).ID == "" {
		t.Errorf("at %q", at)
	}
	for field, value := range map[string]string{"install": "not a name", "remove": "shfmt", "add": "nobody"} {
		if _, page = b.post("/groups/group/lab/edit", "query", "", "note", "the lab", field, value); !strings.Contains(page, `role="alert"`) {
			t.Errorf("%s %q is taken", field, value)
		}
	}
	for field, value := range map[string]string{"install": "not a name", "forbid": "(", "add": "nobody"} {
		_, page = b.get("/groups/group/lab/edit?query=&" + field + "=" + url.QueryEscape(value))
		b.want(page, `name="`+field+`" value="`+html.EscapeString(value)+`"`, `aria-invalid="true" aria-describedby="wrong"`, `id="wrong" role="alert"`)
	}
	if at, _ = b.post("/groups/group/lab", "do", "delete"); at != "/groups" {
		t.Errorf("after the removal at %q", at)
	}
	_, err := p.Group(t.Context(), "lab")
	wantKind(t, err, muster.NotFound)
}

// A signer writes down what it is to sign, on top of what the repository lists.
type signer struct {
	ran   [][]string
	shelf *steer.Shelf
	bases map[string]steer.Basis // in place of what is listed
}

func newSigner(c *api.Client) *signer { return &signer{shelf: &steer.Shelf{Client: c}} }

func (s *signer) Name() string { return "alice" }

func (s *signer) Run(_ context.Context, args ...string) (string, error) {
	s.ran = append(s.ran, args)
	return "signed", nil
}

// Published has sums of what is listed: "of age 1.3".
func (s *signer) Published(ctx context.Context, kind muster.Kind, names ...string) (map[string]steer.Basis, error) {
	list, err := s.shelf.Look(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]steer.Basis{}
	for _, name := range names {
		e, err := list.Newest(ctx, kind, name)
		if err != nil {
			return nil, err
		}
		if e != nil {
			out[name] = steer.Basis{Control: e.Control, Sum: "of " + e.String()}
		}
	}
	maps.Copy(out, s.bases)
	return out, nil
}

// planOf is what a page has its form say of what it has shown.
func planOf(page string) string {
	_, rest, _ := strings.Cut(page, `name="plan" value="`)
	plan, _, _ := strings.Cut(rest, `"`)
	return plan
}

// With a key, pages sign what they have shown, and nothing else.
func TestConsoleSigner(t *testing.T) {
	w, ones := newSite(t)
	p := w.person()
	s := newSigner(p.Client)
	h := must(console.New(console.Options{Client: p.Client, Session: p.Token, Signer: s}))(t)
	ask := func(method, path, form string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(form)).WithContext(t.Context())
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		out := httptest.NewRecorder()
		h.ServeHTTP(out, r)
		return out
	}
	page := ask(http.MethodGet, "/groups/group/lab/edit?query=&note=&install=jq&remove=age", "").Body.String()
	for _, text := range []string{"Sign as alice", "install jq 1", "remove age", `name="install" value="jq"`, "1 host is meant."} {
		if !strings.Contains(page, text) {
			t.Errorf("no %q in\n%s", text, page)
		}
	}
	for path, form := range map[string]string{
		"/groups/group/lab/edit":         "query=&note=&install=jq&remove=age",
		"/groups/unit/paris/edit":        "forbid=telnet",
		"/hosts/" + ones[1].ID + "/edit": "name=host-2&unit=&install=age+%3E%3D+1.3&join=lab",
		"/hosts/packages":                "host=" + ones[0].ID + "&host=" + ones[1].ID + "&install=shfmt",
	} {
		if got := ask(http.MethodPost, path, form); got.Code != http.StatusConflict {
			t.Errorf("%s, not looked at: %d", path, got.Code)
		}
		if got := ask(http.MethodPost, path, form+"&plan="+planOf(ask(http.MethodGet, path+"?"+form, "").Body.String())); got.Code != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", path, got.Code, got.Body)
		}
	}
	for _, want := range [][]string{
		{"groups", "edit", "--install", "jq", "--remove-package", "age", "--upon", "of lab 1", "--", "lab"},
		{"units", "edit", "--forbid", "telnet", "--upon", "of paris 1", "--", "paris"},
		{"host", "edit", "--name", "host-2", "--add-group", "lab", "--install", "age >= 1.3", "--upon", "none", "--", ones[1].ID},
		{"host", "edit", "--install", "shfmt", "--upon", "none", "--", ones[0].ID},
		{"host", "edit", "--install", "shfmt", "--upon", "none", "--", ones[1].ID},
	} {
		if !slices.ContainsFunc(s.ran, func(args []string) bool { return slices.Equal(args, want) }) {
			t.Errorf("not signed: %q, but %q", want, s.ran)
		}
	}
	if len(s.ran) != 5 {
		t.Errorf("%d are signed: %q", len(s.ran), s.ran)
	}
}
