package inventory

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"muster"
	"muster/internal/canon"
)

func mustMarshal(t interface{ Fatal(...any) }, v interface{ Marshal() ([]byte, error) }) []byte {
	data, err := v.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestApply holds apply(base, diff(base, next)) == next, over the wire.
func TestApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, next := drawDocument(t), drawDocument(t)
		before := mustMarshal(t, base)
		d, err := Diff(base, next)
		if err != nil {
			t.Fatal(err)
		}
		wire := mustMarshal(t, d)
		if err := canon.Sorted(wire); err != nil {
			t.Fatal(err)
		}
		got, err := ParseDelta(wire)
		if err != nil {
			t.Fatal(err)
		}
		out, err := got.Apply(base)
		if err != nil {
			t.Fatalf("%s: %v", wire, err)
		}
		if want := mustMarshal(t, next); !bytes.Equal(mustMarshal(t, out), want) {
			t.Fatalf("%s made %s", wire, mustMarshal(t, out))
		}
		if !bytes.Equal(mustMarshal(t, base), before) {
			t.Fatal("applying changed the base")
		}
		if d.Empty() != bytes.Equal(before, mustMarshal(t, next)) {
			t.Fatal("Empty is wrong")
		}
	})
}

func TestUpgradeIsOneChange(t *testing.T) {
	base, next := desktop(300), desktop(300)
	next.Packages["dpkg"][7].Version = "9"
	next.Packages["dpkg"] = append(next.Packages["dpkg"][:3:3], next.Packages["dpkg"][4:]...)
	d, err := Diff(base, next)
	if err != nil {
		t.Fatal(err)
	}
	rows := d.Packages["dpkg"]
	if len(rows.Added) != 0 || len(rows.Changed) != 1 || len(rows.Removed) != 1 || d.New != nil || d.Gone != nil {
		t.Errorf("%+v", d)
	}
	if c := rows.Changed[0]; c.Was != base.Packages["dpkg"][7].Version || c.Row.Version != "9" {
		t.Errorf("%+v", c)
	}
	if n := len(mustMarshal(t, d)); n > 700 {
		t.Errorf("the delta has %d bytes", n)
	}
}

func TestHostileDeltas(t *testing.T) {
	base, next := desktop(5), desktop(4)
	next.System.Hostname = "pc2"
	for name, c := range map[string]struct {
		change func(*Delta)
		want   muster.ErrorKind
	}{
		"other base":       {func(d *Delta) { d.Base = d.Result }, muster.Conflict},
		"other result":     {func(d *Delta) { d.Result = d.Base }, muster.Invalid},
		"unknown gone":     {func(d *Delta) { d.Gone = []string{"packages.winget"} }, muster.Invalid},
		"gone twice":       {func(d *Delta) { d.Gone = []string{"users", "users"} }, muster.Invalid},
		"hidden change":    {func(d *Delta) { d.New.System.Version = "13" }, muster.Invalid},
		"whole packages":   {func(d *Delta) { d.New.Packages = desktop(1).Packages }, muster.Invalid},
		"not there":        {func(d *Delta) { d.Packages["dpkg"].Removed[0].Name = "zlib" }, muster.Invalid},
		"there already":    {func(d *Delta) { d.Packages["dpkg"] = Rows{Added: desktop(1).Packages["dpkg"]} }, muster.Invalid},
		"no rows":          {func(d *Delta) { d.Packages["dpkg"] = Rows{} }, muster.Invalid},
		"unknown packages": {func(d *Delta) { d.Packages["winget"] = d.Packages["dpkg"] }, muster.Invalid},
		"no new sections":  {func(d *Delta) { d.New = New() }, muster.Invalid},
	} {
		d, err := Diff(base, next)
		if err != nil {
			t.Fatal(err)
		}
		c.change(d)
		if _, err := d.Apply(base); muster.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeep(t *testing.T) {
	base, d := desktop(3), New()
	for _, name := range []string{"packages.dpkg", "system", "audits"} {
		if !d.Keep(base, name) {
			t.Errorf("%s is no section", name)
		}
	}
	was, _ := base.Hashes()
	is, _ := d.Hashes()
	if len(is) != 3 || is["packages.dpkg"] != was["packages.dpkg"] || is["audits"] != was["audits"] {
		t.Errorf("kept %v of %v", is, was)
	}
	if d.Keep(base, "packages.winget") || d.Keep(base, "weather") {
		t.Error("unknown sections are sections")
	}
}

// BenchmarkDiff is what a host pays to learn what changed among 3,000 packages.
func BenchmarkDiff(b *testing.B) {
	base, next := desktop(3000), desktop(3000)
	for i := 0; i < 3000; i += 100 {
		next.Packages["dpkg"][i].Version = "9"
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Diff(base, next); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply is what a server pays to take it in.
func BenchmarkApply(b *testing.B) {
	base, next := desktop(3000), desktop(3000)
	for i := 0; i < 3000; i += 100 {
		next.Packages["dpkg"][i].Version = "9"
	}
	d, err := Diff(base, next)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Apply(base); err != nil {
			b.Fatal(err)
		}
	}
}
