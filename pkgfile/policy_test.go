package pkgfile

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/canon"
)

// TestPolicy: a policy comes through, is signed with the manifest, and needs the
// right code only where its kind does.
func TestPolicy(t *testing.T) {
	for kind, code := range map[muster.Kind]bool{muster.SelfService: false, muster.WSUS: false, muster.Config: true} {
		c := testControl()
		c.Kind = kind
		d, err := Build(Spec{Control: c, Date: time.Unix(1, 0), Policy: []map[string]string{{"who": "*", "from-the-future": "y"}}}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		m, err := ParseManifest(d.Encoded)
		if err != nil || m.Policy[0]["who"] != "*" || m.NeedsCode() != code {
			t.Errorf("%s: %+v, %v", kind, m, err)
		}
		if err := canon.Sorted(d.Encoded); err != nil {
			t.Error(err)
		}
		other := bytes.Replace(d.Encoded, []byte(`"kind":"`+kind+`"`), []byte(`"kind":"group"`), 1)
		if _, err := ParseManifest(other); err == nil || !strings.Contains(err.Error(), "kind group has no policy") {
			t.Errorf("as a group: %v", err)
		}
	}
}

// TestPolicyBounds: before anything is packed, too.
func TestPolicyBounds(t *testing.T) {
	many := make([]map[string]string, maxStanzas+1)
	for i := range many {
		many[i] = map[string]string{"who": "*"}
	}
	wide := map[string]string{}
	for i := range maxFields + 1 {
		wide["f"+strings.Repeat("x", i%50)+string(rune('a'+i/50))] = "1"
	}
	for name, p := range map[string][]map[string]string{
		"many": many, "wide": {wide}, "empty": {{}}, "none": {nil},
		"capital": {{"Who": "*"}}, "digit": {{"1st": "*"}}, "no value": {{"who": ""}}, "lines": {{"who": "a\nb"}},
		"blank": {{"who": " a"}}, "separator": {{"who": "a\u2028b"}}, "bytes": {{"who": "\xff"}},
		"long": {{"who": strings.Repeat("a", maxPolicyValue+1)}},
	} {
		c := testControl()
		c.Kind = muster.SelfService
		if d, err := Build(Spec{Control: c, Date: time.Unix(1, 0), Policy: p}, t.TempDir()); err == nil {
			d.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}
