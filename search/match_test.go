package search

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"muster/inventory"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// someFacts are those of testdata/host.json.
func someFacts(t testing.TB) Facts {
	data, err := os.ReadFile("testdata/host.json")
	if err != nil {
		t.Fatal(err)
	}
	var host struct {
		Document   *inventory.Document
		Volatile   *inventory.Volatile
		Membership Membership
	}
	if err := json.Unmarshal(data, &host); err != nil {
		t.Fatal(err)
	}
	return FactsOf(host.Document, host.Volatile, host.Membership)
}

// TestMatch holds what queries are so of one host, and what are not.
func TestMatch(t *testing.T) {
	facts := someFacts(t)
	for _, s := range lines(t, "match.txt") {
		expect(t, facts, s, true)
		expect(t, facts, "-("+s+")", false)
	}
	expect(t, facts, "", true)
	expect(t, FactsOf(nil, nil, Membership{}), "-has:name -memory<1T -a os!=linux -seen>1d -package:*", true)
}

func expect(t *testing.T, f Facts, s string, want bool) {
	t.Helper()
	q, err := Parse(s)
	if err != nil {
		t.Errorf("%s: %v", s, err)
		return
	}
	if got := q.Match(f, now); got != want {
		t.Errorf("%s: %v", s, got)
	}
}

// FuzzPattern holds Match against a plain reader.
func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"a*b", "aXb"}, {"*", ""}, {"?", "é"}, {"**a?", "ba"}, {"*a*b", "aabab"}, {"É", "é"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 30 {
			return
		}
		p := newPattern(plain(pattern))
		if got, want := p.Match(s), slow(p.low, []rune(strings.ToLower(s))); got != want {
			t.Fatalf("%q matches %q: %v, want %v", pattern, s, got, want)
		}
	})
}

func slow(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == anyText:
		return slow(p[1:], s) || len(s) > 0 && slow(p, s[1:])
	}
	return len(s) > 0 && (p[0] == anyRune || p[0] == s[0]) && slow(p[1:], s[1:])
}

// TestHostilePattern holds that no pattern takes long.
func TestHostilePattern(t *testing.T) {
	p := newPattern(plain(strings.Repeat("*a", maxStars) + "b"))
	if p.Match(strings.Repeat("a", 100_000)) {
		t.Fatal("matches")
	}
}
