package control

import (
	"strings"
	"testing"

	"muster"
	"muster/deb822"
	"muster/internal/canon"
)

const full = `package: age
version: 1.3.2-1
kind: base
os: linux, freebsd
architecture: amd64, arm64
min-os-version: 5.10
max-os-version: 7
maturity: PREPROD
locale: en, fr
depends: age-examples, libc (>= 2.36) | musl, zlib (>= 1.2, < 2)
conflicts: rage (< 0.9)
provides: encryption, age-tool (= 1.3)
title: age
description: simple, modern file encryption
 Encrypts files.
 .
 To one or more recipients.
description-fr: chiffrement de fichiers
maintainer: Alice Martin <alice@example.org>
licence: BSD-3-Clause
homepage: https://age-encryption.org
keywords: encryption, command-line
cpe: cpe:/a:filippo:age
purl: pkg:golang/filippo.io/age@v1.3.2
impacted-processes: age, age-keygen
valid-from: 2026-01-01T00:00:00Z
valid-until: 2027-01-01T00:00:00Z
rollout: required
forced-install-on: 2026-12-01T00:00:00Z
audit-schedule: 1d
required-params: licence-key
file-names: posix
setuid: usr/bin/age
`

func parse(t testing.TB, text string) (*Control, error) {
	t.Helper()
	stanzas, err := deb822.Parse(text)
	if err != nil || len(stanzas) != 1 {
		t.Fatalf("%d stanzas, %v", len(stanzas), err)
	}
	return Parse(stanzas[0])
}

// TestForms holds that both forms carry every field.
func TestForms(t *testing.T) {
	c, err := parse(t, full)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Stanza().String(); got != full {
		t.Errorf("printed:\n%s\nwant:\n%s", got, full)
	}
	data, err := canon.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := canon.Sorted(data); err != nil {
		t.Error(err)
	}
	again := new(Control)
	if err := canon.Unmarshal(data, again); err != nil {
		t.Fatal(err)
	}
	if !Equal(c, again) {
		t.Errorf("through JSON:\n%s", again.Stanza())
	}
	if got := c.FileName(); got != "age_1.3.2-1_linux+freebsd_amd64+arm64.mpk" {
		t.Errorf("file name %q", got)
	}
	c.Version = "1:2~rc1"
	if got := c.FileName(); !strings.HasPrefix(got, "age_1%3a2~rc1_") {
		t.Errorf("file name %q", got)
	}
}

func TestDefaults(t *testing.T) {
	c, err := parse(t, "package: a\nversion: 1\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Kind != muster.Base || !c.RunsOn(muster.Platform{OS: "windows", Arch: "386"}) {
		t.Errorf("%+v", c)
	}
}

func TestRunsOn(t *testing.T) {
	c := Control{OS: []string{"linux"}, Architecture: []string{"amd64"}, MinOSVersion: "10", MaxOSVersion: "12"}
	for _, p := range []struct {
		platform muster.Platform
		want     bool
	}{
		{muster.Platform{OS: "linux", Arch: "amd64"}, true},
		{muster.Platform{OS: "linux", Arch: "amd64", Version: "12"}, true},
		{muster.Platform{OS: "linux", Arch: "amd64", Version: "9"}, false},
		{muster.Platform{OS: "linux", Arch: "amd64", Version: "12.1"}, false},
		{muster.Platform{OS: "linux", Arch: "arm64"}, false},
		{muster.Platform{OS: "windows", Arch: "amd64"}, false},
	} {
		if got := c.RunsOn(p.platform); got != p.want {
			t.Errorf("%+v: %v", p.platform, got)
		}
	}
}

func TestRefuses(t *testing.T) {
	head := "package: a\nversion: 1\n"
	for _, c := range []struct{ text, want string }{
		{"version: 1\n", `line 1: field "package": empty package name`},
		{"package: a\n", `line 1: field "version": empty version`},
		{"package: Age\nversion: 1\n", `has a capital letter`},
		{"package: a_b\nversion: 1\n", `character '_' is not allowed at position 2`},
		{head + "kind: thing\n", `line 3: field "kind": "thing" is no kind`},
		{head + "os: linux, plan9\n", `line 3: field "os": "plan9" is unknown`},
		{head + "os: all, linux\n", `stands beside others`},
		{head + "architecture: amd64, amd64\n", `stands twice`},
		{head + "colour: red\n", `line 3: field "colour": unknown field`},
		{head + "depends: b (1.2)\n", `has no operator`},
		{head + "depends: b (>= 1\n", `no closing parenthesis`},
		{head + "depends: b,, c\n", `empty entry`},
		{head + "provides: b (>= 1)\n", `only a single bound`},
		{head + "valid-from: tomorrow\n", `is not a time`},
		{head + "audit-schedule: daily\n", `followed by m, h, d or w`},
		{head + "audit-schedule: d\n", `followed by m, h, d or w`},
		{head + "description-english: x\n", `not a language`},
		{head + "file-names: posix\n", `only for packages of linux and freebsd`},
		{head + "file-names: any\n", `is unknown`},
		{head + "rollout: yes\n", `line 3: field "rollout": "yes" is unknown`},
		{head + "kind: rollout\nrollout: required\n", `not rolled out itself`},
		{head + "applies-to: os:linux\n", `line 3: field "applies-to": it is not for packages of kind base`},
		{head + "kind: host\napplies-to: os:linux\n", `not for packages of kind host`},
		{head + "title: a\x01b\n", `control character`},
	} {
		_, err := parse(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
}

func TestParseRelation(t *testing.T) {
	for in, want := range map[string]string{
		"a":               "a",
		"a=1.2":           "a (= 1.2)",
		"a>=1.2":          "a (>= 1.2)",
		"a (>= 1.2, < 2)": "a (>= 1.2, < 2)",
		" a (<< 2) ":      "a (< 2)",
	} {
		if r, err := ParseRelation(in); err != nil || r.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, r, err, want)
		}
	}
	for _, in := range []string{"", "(>= 1)", "a (", "a ()", "a 1", "A", "a (> 1) b", "a\x00"} {
		if r, err := ParseRelation(in); err == nil {
			t.Errorf("%q is %q", in, r)
		}
	}
}

func TestAppliesTo(t *testing.T) {
	c, err := parse(t, "package: lab\nversion: 1\nkind: profile\napplies-to: os:linux (name:pc-* or memory>=8G)\n")
	if err != nil || c.AppliesTo != "os:linux (name:pc-* or memory>=8G)" {
		t.Fatalf("%+v, %v", c, err)
	}
	again, err := parse(t, c.Stanza().String())
	if err != nil || !Equal(c, again) {
		t.Errorf("%+v, %v", again, err)
	}
	if data, err := canon.Marshal(c); err != nil || canon.Sorted(data) != nil {
		t.Errorf("%s, %v", data, err)
	}
}
