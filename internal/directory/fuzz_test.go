package directory

import (
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"muster/control"
)

var (
	escape = regexp.MustCompile(`\+-|\+[0-9a-f]+(-[0-9a-f]+)*\+|~`)
	cut    = regexp.MustCompile(`\+[0-9a-f]{32}$`)
)

// original reads the name of a package back; false where it was cut.
func original(t *testing.T, name string) (string, bool) {
	if cut.MatchString(escape.ReplaceAllString(name, "?")) {
		return "", false
	}
	return escape.ReplaceAllStringFunc(strings.TrimPrefix(name, "0++"), func(e string) string {
		switch e {
		case "~":
			return " "
		case "+-":
			return "_"
		}
		var s []rune
		for h := range strings.SplitSeq(strings.Trim(e, "+"), "-") {
			n, err := strconv.ParseUint(h, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			s = append(s, rune(n))
		}
		return string(s)
	}), true
}

// FuzzName: every name is that of a package, and can be read back: no two names
// that directories tell apart become one.
func FuzzName(f *testing.F) {
	for _, s := range []string{"Domain Computers", "GG_Paris", "Comptabilité", "_x", "0_x", "a.b", "-", "é_é", "  a  b ", "a\xff", "İ", "ſ",
		strings.Repeat("é", 20), strings.Repeat("x", 128), strings.Repeat("x", 129), strings.Repeat("я_", 60), "xé0123456789abcdef0123456789abcdef", "xx" + strings.Repeat("$", 45)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := canonical(s)
		if canonical(c) != c {
			t.Fatalf("%q is %q, and that is %q", s, c, canonical(c))
		}
		for _, name := range []string{groupName(s), unitName([]string{s})} {
			if name == "" {
				if utf8.ValidString(s) && c != "" {
					t.Fatalf("%q has no name", s)
				}
				continue
			}
			if err := control.CheckName(name); err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			if back, whole := original(t, name); whole && back != c {
				t.Fatalf("%q becomes %q, and that %q", c, name, back)
			}
		}
	})
}

// FuzzDN: a DN that is printed reads as the same; its units are packages, each
// inside the one before.
func FuzzDN(f *testing.F) {
	for _, s := range []string{"CN=PC1,OU=lab,OU=paris,DC=example,DC=org", `cn=a,ou=R\26D\, West,dc=x`, `cn=a,ou=\20 b \20,dc=x`, "cn=a,ou=x+l=y,dc=x",
		"cn=a,ou=x+ou=y,dc=x", "cn=a,2.5.4.11=#04024869,dc=x", `cn=a,ou=\c3\a9t\c3\a9`, "cn=a,ou=été,ou=日本", "cn=a , ou = b ; dc=x", "cn=", "ou=,cn=a", `cn=a\`, "cn=\xae,ou=x", `cn=\ae,ou=x`, "u=x+l=y,εc="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rdns, err := parseDN(s)
		if err != nil {
			return
		}
		units, err := unitsAbove(rdns)
		if err != nil {
			return
		}
		for i, u := range units {
			if err := control.CheckName(u); err != nil {
				t.Fatal(err)
			}
			if _, whole := original(t, u); i > 0 && whole && !strings.HasPrefix(u, units[i-1]+".") {
				t.Fatalf("%q is not in %q", u, units[i-1])
			}
		}
		again, err := parseDN((&ldap.DN{RDNs: rdns}).String())
		if err == nil && key(again) != key(rdns) {
			t.Fatalf("%q is another one printed: %q", s, (&ldap.DN{RDNs: rdns}).String())
		}
	})
}

// FuzzUnits: whatever a unit is called, its DN tells that name and no other.
func FuzzUnits(f *testing.F) {
	f.Add("paris", "lab")
	f.Add("R&D, West", "a+b=c")
	f.Add("été", " #x ")
	f.Add("a.b", `\`)
	f.Fuzz(func(t *testing.T, outer, inner string) {
		if !utf8.ValidString(outer) || !utf8.ValidString(inner) || canonical(outer) == "" || canonical(inner) == "" || len(outer+inner) > 1000 {
			return
		}
		rdns, err := parseDN("CN=x,OU=" + ldap.EscapeDN(inner) + ",OU=" + ldap.EscapeDN(outer) + ",DC=example")
		if err != nil {
			t.Fatal(err)
		}
		units, err := unitsAbove(rdns)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{unitName([]string{outer}), unitName([]string{outer, inner})}
		if len(units) != 2 || units[0] != want[0] || units[1] != want[1] {
			t.Fatalf("%q, not %q", units, want)
		}
	})
}

// message is an LDAP message with the number of the first request.
func message(op *ber.Packet, controls ...ldap.Control) []byte {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(1), ""))
	p.AppendChild(op)
	if len(controls) > 0 {
		all := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, c := range controls {
			all.AppendChild(c.Encode())
		}
		p.AppendChild(all)
	}
	return p.Bytes()
}

func text(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// answer is an entry with a member.
func answer(dn, member string) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(text(dn))
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	one := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	one.AppendChild(text("member"))
	set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	set.AppendChild(text(member))
	one.AppendChild(set)
	list.AppendChild(one)
	op.AppendChild(list)
	return message(op)
}

// done is the end of a search.
func done(controls ...ldap.Control) []byte {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultDone, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(0), ""))
	op.AppendChild(text(""))
	op.AppendChild(text(""))
	return message(op, controls...)
}

// searched has a server say data to the first request, and then hang up.
func searched(t testing.TB, data []byte) (entries int, err error) {
	client, server := net.Pipe()
	conn := ldap.NewConn(client, false)
	conn.SetTimeout(5 * time.Second)
	conn.Start()
	defer conn.Close()
	go func() {
		defer server.Close()
		if _, err := server.Read(make([]byte, 64<<10)); err != nil { // the request
			return
		}
		go io.Copy(io.Discard, server) //nolint:errcheck // until it hangs up
		server.Write(data)             //nolint:errcheck // the client may have enough
	}()
	s := search{conn: conn, left: 3}
	r := &reading{c: &Config{GroupName: "cn"}, group: map[dnKey]int32{}, bySID: map[string]int32{}}
	err = s.each(t.Context(), "dc=x", "(cn=*)", nil, func(e *ldap.Entry) error {
		entries++
		return r.addGroup(e)
	})
	return entries, err
}

// FuzzAnswer: whatever a server says, a search ends, has no more entries than are
// allowed, and succeeds only with what looks like the control of pages.
func FuzzAnswer(f *testing.F) {
	whole := append(answer("cn=a,dc=x", "cn=b,dc=x"), done(ldap.NewControlPaging(0))...)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(done())
	f.Add([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := searched(t, data)
		if entries > 3 {
			t.Fatalf("%d entries", entries)
		}
		if err == nil && !strings.Contains(string(data), ldap.ControlTypePaging) {
			t.Fatal("a search ended well without its end")
		}
	})
}

// TestCutShort has an answer end at every byte.
func TestCutShort(t *testing.T) {
	entry, end := answer("cn=a,dc=x", "cn=b,dc=x"), done(ldap.NewControlPaging(0))
	whole := append(entry, end...)
	if n, err := searched(t, whole); n != 1 || err != nil {
		t.Fatalf("the whole answer has %d entries: %v", n, err)
	}
	for i := range whole {
		if _, err := searched(t, whole[:i]); err == nil {
			t.Errorf("%d of %d bytes count as the whole", i, len(whole))
		}
	}
	if _, err := searched(t, append(entry, done()...)); err == nil {
		t.Error("an answer without pages counts as the whole")
	}
}
