package steer

import (
	"strings"
	"testing"

	"muster"
	"muster/api"
	"muster/control"
	"muster/index"
	"muster/rollout"
)

// listed is what a repository of these packages lists: "age 1.2", "group lab 1: age, shfmt (>= 3)".
func listed(t *testing.T, packages ...string) *List {
	t.Helper()
	l := &List{byName: map[string][]*index.Entry{}, stands: map[string][]string{}}
	for _, text := range packages {
		c := controlOf(t, text)
		l.byName[c.Name] = append(l.byName[c.Name], &index.Entry{Control: c})
	}
	for _, all := range l.byName {
		newestFirst(all)
	}
	return l
}

func controlOf(t testing.TB, text string) *control.Control {
	t.Helper()
	head, needs, _ := strings.Cut(text, ":")
	words := strings.Fields(head)
	kind := muster.Base
	if len(words) == 3 {
		kind, words = muster.Kind(words[0]), words[1:]
	}
	c := Draft(kind, words[0], "")
	c.Version = words[1]
	for part := range strings.SplitSeq(needs, ",") {
		part = strings.TrimSpace(part)
		if not, ok := strings.CutPrefix(part, "!"); ok {
			c.Conflicts = append(c.Conflicts, relation(t, not))
		} else if part != "" {
			c.Depends = append(c.Depends, control.Dependency{relation(t, part)})
		}
	}
	return &c
}

func relation(t testing.TB, text string) control.Relation {
	t.Helper()
	r, err := control.ParseRelation(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// host is one with these packages: "age 1.2 group lab", "shfmt 3 user".
func host(groups string, packages ...string) *api.HostDetail {
	h := &api.HostDetail{Facts: api.Facts{OS: "linux", Arch: "amd64"}}
	h.ID, h.Groups = "00000000-0000-4000-8000-000000000001", strings.Fields(groups)
	for _, p := range packages {
		name, rest, _ := strings.Cut(p, " ")
		v, by, _ := strings.Cut(rest, " ")
		h.Installed = append(h.Installed, api.InstalledPackage{Name: name, Version: v, By: by})
	}
	return h
}

func TestForecast(t *testing.T) {
	l := listed(t, "age 1.2", "age 1.3", "libage 1", "tool 1: libage", "group lab 1: age", "group office 1: tool", "group strict 1: !age")
	for _, c := range []struct {
		name string
		host *api.HostDetail
		edit Edit
		want string // steps
	}{
		{"nothing changes", host("lab", "lab 1 group lab", "age 1.3"), Edit{}, ""},
		{"what waits anyway is not because of the edit", host("lab", "lab 1 group lab", "age 1.2"), Edit{}, ""},
		{"a group brings what it needs", host(""), Edit{Join: []string{"office"}}, "install libage 1, install tool 1"},
		{"a group that is left takes along what nothing else needs", host("lab", "lab 1 group lab", "age 1.3"), Edit{Leave: []string{"lab"}}, "remove age"},
		{"what a person asked for stays", host("lab", "lab 1 group lab", "age 1.3 user"), Edit{Leave: []string{"lab"}}, ""},
		{"the package of a group says more", host("lab", "lab 1 group lab", "age 1.3"), Edit{Package: controlOf(t, "group lab 2: age, tool")}, "install libage 1, install tool 1"},
		{"and less", host("lab", "lab 1 group lab", "age 1.3"), Edit{Package: controlOf(t, "group lab 2")}, "remove age"},
		{"an older version goes down", host("lab", "lab 1 group lab", "age 1.3"), Edit{Package: controlOf(t, "group lab 2: age (= 1.2)")}, "downgrade age 1.2"},
		{"a host that is not in the group", host("", "age 1.3 user"), Edit{Package: controlOf(t, "group lab 2: tool")}, ""},
		{"a package of the host itself", host("lab", "lab 1 group lab", "age 1.3"),
			Edit{Package: controlOf(t, "host 00000000-0000-4000-8000-000000000001 1: tool")}, "install libage 1, install tool 1"},
	} {
		f, err := NewPlanner(l).Forecast(t.Context(), c.host, c.edit)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, s := range f.Steps {
			text := string(s.Op) + " " + s.Name()
			if s.To != nil {
				text += " " + s.To.Version
			}
			got = append(got, text)
		}
		if text := strings.Join(got, ", "); text != c.want || f.Problem != "" {
			t.Errorf("%s: %q, want %q (%s)", c.name, text, c.want, f.Problem)
		}
	}
}

// A contradiction is told, with who is left out.
func TestForecastContradiction(t *testing.T) {
	l := listed(t, "age 1.3", "group lab 1: age", "group strict 1: !age")
	f, err := NewPlanner(l).Forecast(t.Context(), host("lab", "lab 1 group lab", "age 1.3"), Edit{Join: []string{"strict"}})
	if err != nil || !strings.Contains(f.Problem, "group strict") {
		t.Errorf("%q %v", f.Problem, err)
	}
	f, err = NewPlanner(l).Forecast(t.Context(), host(""), Edit{Package: controlOf(t, "group lab 2: nothing-like-it"), Join: []string{"lab"}})
	if err != nil || !strings.Contains(f.Problem, "nothing-like-it") {
		t.Errorf("%q %v", f.Problem, err)
	}
}

// A version that is being rolled out reaches a host when its ring opens, not by an
// edit.
func TestForecastRollout(t *testing.T) {
	l := listed(t, "age 1.2", "age 1.3", "group lab 1: age")
	l.Head = &index.Head{Gates: map[string]rollout.Gate{rollout.NewID("age", "1.3"): {State: rollout.Running}}}
	for state, want := range map[rollout.State]string{rollout.Running: "1.2", rollout.Aborted: "1.2", rollout.Completed: "1.3"} {
		l.Head.Gates[rollout.NewID("age", "1.3")] = rollout.Gate{State: state}
		f, err := NewPlanner(l).Forecast(t.Context(), host(""), Edit{Join: []string{"lab"}})
		if err != nil || len(f.Steps) != 1 || f.Steps[0].To.Version != want {
			t.Errorf("%s: %v %v", state, f.Steps, err)
		}
	}
}

// Areas of people are not the host: only where there is nothing else is the one area
// what its agent keeps.
func TestForecastAreas(t *testing.T) {
	l := listed(t, "age 1.3", "group lab 1: age")
	for want, roots := range map[int][]string{0: {""}, 1: {"/home/a", ""}} {
		h := host("lab")
		for _, root := range roots {
			h.Installed = append(h.Installed, api.InstalledPackage{Name: "lab", Version: "1", By: "group lab", Root: root})
		}
		h.Installed = append(h.Installed, api.InstalledPackage{Name: "age", Version: "1.3", Root: roots[0]})
		f, err := NewPlanner(l).Forecast(t.Context(), h, Edit{})
		if err != nil || f.Waiting != want {
			t.Errorf("%q: %d changes wait (%v)", roots, f.Waiting, err)
		}
	}
}
