package console

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What was sent is known for a while, to the session that sent it, and not without end.
func TestSentForms(t *testing.T) {
	var s sentForms
	now := time.Unix(1_800_000_000, 0)
	alice, bob, one := keyOf("alice"), keyOf("bob"), keyOf("1")
	f, first := s.take(alice, one, now)
	if !first {
		t.Fatal("the first one is none")
	}
	f.to = "/there"
	s.end(alice, f)
	if again, first := s.take(alice, one, now.Add(keepSent)); first || again.to != "/there" {
		t.Errorf("%v %+v", first, again)
	}
	if _, first := s.take(bob, one, now); !first {
		t.Error("bob has alice's form")
	}
	if _, first := s.take(alice, one, now.Add(keepSent+time.Second)); !first {
		t.Error("it is known for ever")
	}
	failed, _ := s.take(alice, keyOf("2"), now)
	failed.err = errors.New("refused")
	s.end(alice, failed)
	if _, first := s.take(alice, keyOf("2"), now); !first {
		t.Error("a form that was refused cannot be sent again")
	}
	for i := range 10 * maxSent {
		s.take(alice, keyOf(fmt.Sprint("many", i)), now)
	}
	if n := len(s.of[alice]); n != maxSent {
		t.Errorf("%d forms of one session", n)
	}
	s.take(bob, keyOf("later"), now.Add(3*keepSent))
	if len(s.of) != 1 {
		t.Errorf("%d sessions are remembered", len(s.of))
	}
}

// Forms are kept for who had the session, for their page, and within bounds.
func TestKeptForms(t *testing.T) {
	var k keptForms
	now := time.Unix(1_800_000_000, 0)
	form := url.Values{"name": {"dora"}, "password": {"secret"}, "again": {"secret"}, "old": {"secret"}, onceField: {"1"}}
	if n := k.keep("unknown", "/people", form, now); n != "" {
		t.Error("a stranger's form is kept")
	}
	k.saw("s1", "root", now)
	number := k.keep("s1", "/people", form, now)
	got := k.find(number, "/people", "root", now)
	if len(got) != 1 || got.Get("name") != "dora" || form.Get("password") != "secret" {
		t.Errorf("kept %v of %v", got, form)
	}
	for what, found := range map[string]url.Values{"another page": k.find(number, "/rights", "root", now), "somebody else": k.find(number, "/people", "carol", now),
		"another number": k.find("1", "/people", "root", now), "later": k.find(number, "/people", "root", now.Add(keptFor))} {
		if found != nil {
			t.Errorf("%s finds %v", what, found)
		}
	}
	if k.keep("s1", "/people", url.Values{"script": {strings.Repeat("x", maxTyped)}}, now) != "" {
		t.Error("too much is kept")
	}
	for i := range maxWho + 100 {
		k.saw(fmt.Sprint("s", i), "root", now.Add(time.Duration(i)))
	}
	for i := range 2 * maxKept {
		k.keep(fmt.Sprint("s", maxWho-i), "/people", form, now.Add(time.Duration(i)))
	}
	if len(k.who) > maxWho || len(k.forms) > maxKept {
		t.Errorf("%d sessions, %d forms", len(k.who), len(k.forms))
	}
}

// Each form that changes something has a number; what is typed into a field for
// passwords is never kept.
func TestNumbered(t *testing.T) {
	c := &console{}
	for _, dir := range []string{"templates", "parts"} {
		err := c.each(dir, func(name, text string) error {
			if forms, numbers := strings.Count(text, `method="post"`), strings.Count(text, `name="`+onceField+`" value="{{number}}"`); forms != numbers {
				t.Errorf("%s has %d forms and %d numbers", name, forms, numbers)
			}
			for _, part := range strings.Split(text, `"type" "password"`)[1:] {
				before := text[:strings.Index(text, part)]
				name := before[strings.LastIndex(before, `"name" "`)+len(`"name" "`):]
				if name, _, _ = strings.Cut(name, `"`); !strings.Contains(" "+strings.Join(secretFields, " ")+" ", " "+name+" ") {
					t.Errorf("%q is no secret", name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
