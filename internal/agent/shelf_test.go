package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/engine"
	"muster/internal/fetch"
	"muster/settings"
)

// TestShelf: a round lays out what self-service has, with icons; each person sees what
// they may do something with, and nothing else.
func TestShelf(t *testing.T) {
	f := newFleet(t)
	f.publish("tool 1.0-1\ntitle: The Tool\nkeywords: office\ndescription: does things\ndescription-fr: fait des choses", "bin/tool=one", "payload/icon.png=picture")
	f.publish("thing 2", "bin/thing=one", "payload/icon.svg=drawing")
	f.publish("secret 1", "bin/secret=one", "payload/icon.png=hidden")
	f.policies["shop"] = settings.Document{{"who": "alice", "packages": "t*"}, {"who": "@lab", "packages": "tool", "may": "install"}}
	f.publish("shop 1-1\nkind: self-service\n")
	joining := f.joining("pc")
	joining.Area = false // whose catalogue is of all packages
	if _, err := Join(t.Context(), joining); err != nil {
		t.Fatal(err)
	}
	f.round("pc")
	f.install("pc", "shop")
	f.round("pc")
	a := &Agent{Root: f.path("pc")}
	a.once.Do(a.prepare)
	see := func(p *Peer) string {
		c, err := a.catalogueFor(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, o := range c.Offers {
			s := o.Name + " " + o.Version
			for _, op := range o.May {
				s += " " + string(op)
			}
			all = append(all, s)
		}
		return strings.Join(all, ", ")
	}
	alice, bob := &Peer{ID: "12345", Name: "alice"}, &Peer{ID: "12346", Name: "bob", Groups: []string{"lab"}}
	for want, p := range map[string]*Peer{
		"thing 2 install remove upgrade, tool 1.0-1 install remove upgrade": alice,
		"tool 1.0-1 install": bob,
		"":                   {ID: "12347", Name: "eve"},
	} {
		if got := see(p); got != want {
			t.Errorf("%s sees %q, want %q", p.Name, got, want)
		}
	}
	c := must(a.catalogueFor(t.Context(), bob))
	o := c.Offers[0]
	if o.Title != "The Tool" || o.Descriptions["fr"] != "fait des choses" || !slices.Equal(o.Categories, []string{"office"}) || o.Icon != index.Sum([]byte("picture")) || c.Upgrade || c.Postpone {
		t.Errorf("%+v", c)
	}
	h := must(a.ofHost())
	for text, want := range map[string]bool{"picture": true, "drawing": true, "hidden": false} {
		data, err := h.readIcon(index.Sum([]byte(text)))
		if (err == nil && string(data) == text) != want {
			t.Errorf("icon %s: %q, %v", text, data, err)
		}
	}

	person := alice.person()
	if _, err := Execute(t.Context(), Change{Request: engine.Request{User: "alice", Install: []control.Relation{{Name: "tool"}}}, Job: f.job("pc"), Person: &person,
		Notify: func(string) {}, Progress: func(fetch.Progress) {}}); err != nil {
		t.Fatal(err)
	}
	if c = must(a.catalogueFor(t.Context(), alice)); c.Offers[1].Installed != "1.0-1" || !c.Upgrade {
		t.Errorf("after the installation: %+v", c)
	}
	for by, p := range map[string]*Peer{"alice, ": alice, ", bob": bob, ", ": {ID: "1", Name: "eve"}} { // bob is who installs in these tests
		past := must(a.pastFor(t.Context(), p))
		if len(past) != 2 || past[0].By+", "+past[1].By != by || past[0].Steps[0].Name != "tool" {
			t.Errorf("%s sees %+v", p.Name, past)
		}
	}
	first := must(os.Stat(filepath.Join(h.Dir, "icons", o.Icon)))
	if _, err := f.publisher().Remove(control.Relation{Name: "thing"}); err != nil {
		t.Fatal(err)
	}
	f.round("pc")
	if _, err := h.readIcon(index.Sum([]byte("drawing"))); muster.KindOf(err) != muster.NotFound {
		t.Errorf("an icon of no package: %v", err)
	}
	if again := must(os.Stat(filepath.Join(h.Dir, "icons", o.Icon))); !again.ModTime().Equal(first.ModTime()) {
		t.Error("an icon that was there is fetched again")
	}
	if see(alice) != "tool 1.0-1 install remove upgrade" {
		t.Error("alice sees " + see(alice))
	}
}

// TestShelfKept: a shelf is bounded, and one that cannot be read is empty.
func TestShelfKept(t *testing.T) {
	h := &Home{Dir: t.TempDir()}
	s := &shelf{}
	for range 5000 {
		s.Offers = append(s.Offers, Offer{Name: "tool", Descriptions: map[string]string{"": strings.Repeat("x", maxDescribe)}})
	}
	if err := h.saveShelf(s); err != nil {
		t.Fatal(err)
	}
	if n := len(h.readShelf().Offers); n < 1000 || n == 5000 {
		t.Errorf("%d offers are kept", n)
	}
	if err := os.Truncate(h.file("shelf.json"), 1000); err != nil {
		t.Fatal(err)
	}
	if n := len(h.readShelf().Offers); n != 0 {
		t.Errorf("%d offers of a damaged file", n)
	}
}

// TestSitting: a user watches with a few programs, and others are not held up.
func TestSitting(t *testing.T) {
	var d desk
	var leave []func()
	for range maxSitting {
		l, err := d.sit("alice")
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	if _, err := d.sit("alice"); muster.KindOf(err) != muster.Busy {
		t.Errorf("one more: %v", err)
	}
	if _, err := d.sit("bob"); err != nil {
		t.Error(err)
	}
	for _, l := range leave {
		l()
	}
	if _, err := d.sit("alice"); err != nil || len(d.sits) != 2 {
		t.Errorf("%v, %v", err, d.sits)
	}
}
