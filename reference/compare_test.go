package reference

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/sitereport"
)

// packages reads "manager name version arch [source source-version]" lines.
func packages(text string) (all []sitereport.Package) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		f = append(f, "", "")
		all = append(all, sitereport.Package{Manager: f[0], Name: f[1], Version: f[2], Arch: f[3], Source: f[4], SourceVersion: f[5]})
	}
	return all
}

// list reads rows of YAML.
func list(t testing.TB, text string) *List {
	t.Helper()
	l, err := ParseYAML("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// said is what a comparison says, one line a row.
func said(rows []Row) (all []string) {
	for _, r := range rows {
		s := r.Name
		if r.Arch != "" {
			s += ":" + r.Arch
		}
		s += " " + r.Verdict.String()
		if !r.Fits {
			s += "!"
		}
		if r.Counts != "" {
			s += " " + r.Counts
		}
		if len(r.Have) > 1 {
			s += fmt.Sprint(" of ", r.Have)
		}
		if r.Doubt != "" {
			s += " (" + r.Doubt + ")"
		}
		all = append(all, s)
	}
	return all
}

func at(text string) int64 {
	t, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

func TestCompare(t *testing.T) {
	now := at("2026-11-21 12:00:00")
	debian := &Host{System: sitereport.System{ID: "debian", Version: "12", Kernel: "6.1.0-28-amd64"}}
	rocky := &Host{System: sitereport.System{ID: "rocky", Version: "9.4", Kernel: "5.14.0-427.13.1.el9_4.x86_64"}}
	for name, c := range map[string]struct {
		list, has string
		host      *Host
		want      []string
	}{
		"each verdict": {`
packages:
- {name: a, want: ">= 2"}
- {name: b, want: ">= 2"}
- {name: c, want: ">= 2"}
- {name: d, want: ">= 2"}
- {name: e, want: absent}
- {name: f, want: absent}
- {name: g}
- {name: h, want: ">= 9", until: 2026-11-20}
- {name: i, want: ">= 9", optional: true}
`, "dpkg a 1 amd64\ndpkg b 2 amd64\ndpkg c 3 amd64\ndpkg e 1 amd64\ndpkg g 0 amd64\ndpkg h 1 amd64", debian,
			[]string{"a behind! 1", "b equal 2", "c ahead 3", "d missing!", "e unexpected! 1", "f equal", "g equal 0", "h expired"}},
		"complete": {"complete: true\npackages:\n- {name: a, want: = 1}", "dpkg a 1 amd64\ndpkg b 1 amd64\ndpkg b 2 amd64\ndpkg b 3 i386", debian,
			[]string{"a equal 1", "b:amd64 unexpected! 2 of [1 2]", "b:i386 unexpected! 3"}},
		"a list that has expired": {"complete: true\nuntil: 2026-11-20\npackages:\n- {name: a, want: = 2}\n- {name: c}", "dpkg a 1 amd64\ndpkg b 1 amd64", debian,
			[]string{"a expired", "c expired"}},
		"the last day counts": {"until: 2026-11-21\npackages:\n- {name: a, want: = 2}", "dpkg a 1 amd64", debian, []string{"a behind! 1"}},
		"out of scope":        {"for: {systems: [debian:11]}\npackages:\n- {name: a, want: = 2}", "dpkg a 1 amd64", debian, nil},
		"side by side, the newest counts": {"packages:\n- {name: gcc, want: '>= 9'}", "rpm gcc 9-1 x86_64\nrpm gcc 10-1 x86_64\nrpm gcc 8-1 x86_64", rocky,
			[]string{"gcc ahead 10-1 of [8-1 9-1 10-1]"}},
		"what must be absent, in all versions": {"packages:\n- {name: xz, want: 'absent = 5.6.1-1'}", "rpm xz 5.6.1-1 x86_64\nrpm xz 5.8-1 x86_64", rocky,
			[]string{"xz unexpected! 5.6.1-1 of [5.6.1-1 5.8-1]"}},
		"of architectures the worst": {"packages:\n- {name: libc6, want: '>= 2.36-9'}", "dpkg libc6 2.36-9 amd64\ndpkg libc6 2.36-8 i386", debian,
			[]string{"libc6 behind! 2.36-8 of [2.36-8 2.36-9]"}},
		"each architecture by itself": {"packages:\n- {name: a, want: '>= 2', arch: amd64}\n- {name: a, want: '>= 3', arch: i386}", "dpkg a 2 amd64\ndpkg a 2 i386", debian,
			[]string{"a:amd64 equal 2", "a:i386 behind! 2"}},
		"an architecture that is not listed": {"complete: true\npackages:\n- {name: a, want: '>= 2', arch: amd64}", "dpkg a 2 amd64\ndpkg a 2 i386", debian,
			[]string{"a:amd64 equal 2", "a:i386 unexpected! 2"}},
		"from one architecture to all": {"packages:\n- {name: a, want: '>= 2', arch: all}\n- {name: b, want: '>= 2', arch: amd64}", "dpkg a 1 amd64\ndpkg b 1 all", debian,
			[]string{"a:all behind! 1", "b:amd64 behind! 1"}},
		"another manager": {"packages:\n- {name: firefox, want: '>= 2', manager: dpkg, optional: true}", "snap firefox 1 amd64", debian, nil},
		"the more particular row": {"packages:\n- {name: a, want: '>= 9'}\n- {name: a, want: '>= 1', manager: dpkg}", "dpkg a 1 amd64", debian,
			[]string{"a missing!", "a equal 1"}},
		"of a source package": {"packages:\n- {name: 'source:openssl', want: '>= 3.0.11-1'}",
			"dpkg libssl3 3.0.11-1 amd64 openssl\ndpkg openssl 3.0.9-1 amd64\ndpkg other 9 amd64 openssl 3.0.11-1", debian,
			[]string{"source:openssl behind! 3.0.9-1 of [3.0.9-1 3.0.11-1]"}},
		"no epoch": {"packages:\n- {name: a, want: '>= 3.0.7-28'}\n- {name: b, want: '= 0:2'}", "rpm a 1:3.0.7-27 x86_64\nrpm b 2 x86_64", rocky,
			[]string{"a ahead 1:3.0.7-27 (the wish has no epoch, the package has one)", "b equal 2"}},
		"of kernels the one that runs": {"packages:\n- {name: kernel-core, want: '>= 5.14.0-427.31.1.el9_4'}",
			"rpm kernel-core 5.14.0-427.13.1.el9_4 x86_64\nrpm kernel-core 5.14.0-427.31.1.el9_4 x86_64", rocky,
			[]string{"kernel-core behind! 5.14.0-427.13.1.el9_4 of [5.14.0-427.13.1.el9_4 5.14.0-427.31.1.el9_4]"}},
		"the kernel that runs, by its source": {"packages:\n- {name: 'source:linux', want: '>= 6.1.158-1', manager: dpkg}",
			"dpkg linux-image-6.1.0-28-amd64 6.1.119-1 amd64 linux\ndpkg linux-image-6.1.0-41-amd64 6.1.158-1 amd64 linux\ndpkg linux-libc-dev 6.1.158-1 amd64 linux", debian,
			[]string{"source:linux behind! 6.1.119-1 of [6.1.119-1 6.1.158-1]"}},
		"a kernel that runs from elsewhere": {"packages:\n- {name: kernel-core, want: '>= 5.14.0-427.31.1.el9_4'}",
			"rpm kernel-core 5.14.0-427.31.1.el9_4 x86_64", rocky,
			[]string{"kernel-core equal 5.14.0-427.31.1.el9_4 (the kernel that runs is not among the packages)"}},
		"headers are no kernel": {"packages:\n- {name: linux-libc-dev, want: '>= 6.1.158-1'}", "dpkg linux-libc-dev 6.1.158-1 amd64 linux", debian,
			[]string{"linux-libc-dev equal 6.1.158-1"}},
	} {
		rows := Compare(list(t, c.list), c.host, packages(c.has), now)
		if got := said(rows); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

// The order of rows and of packages changes nothing.
func TestCompareIsSteady(t *testing.T) {
	l := list(t, "complete: true\npackages:\n- {name: a, want: '>= 2'}\n- {name: 'source:a', want: '>= 2'}\n- {name: a, want: '>= 3', arch: i386}")
	has := packages("dpkg a 1 amd64\ndpkg a 2 amd64\ndpkg a 3 i386\ndpkg b 1 amd64 a\ndpkg c 1 all\nrpm c 1 all")
	want := said(Compare(l, &Host{}, has, 0))
	for range 20 {
		slices.Reverse(has)
		has = append(has[1:], has[0])
		if got := said(Compare(l, &Host{}, has, 0)); !slices.Equal(got, want) {
			t.Fatalf("%q, then %q", want, got)
		}
	}
}

func TestFromReport(t *testing.T) {
	r := &sitereport.Report{Host: "model.example.org", System: sitereport.System{ID: "rocky", Version: "9.4", Kernel: "5.14.0-1.el9.x86_64"}}
	r.Packages = packages("rpm bash 5.1-1 x86_64\nrpm kernel-core 5.14.0-1.el9 x86_64\nrpm kernel-core 5.14.0-2.el9 x86_64\nrpm glibc 2.34-1 i686\nrpm glibc 2.34-1 x86_64")
	h := &Host{System: r.System}
	for _, exact := range []bool{true, false} {
		l, err := FromReport(r, h, exact)
		if err != nil {
			t.Fatal(err)
		}
		l.Complete = true
		for _, row := range Compare(l, h, r.Packages, 0) {
			if row.Verdict != Equal || !row.Fits {
				t.Errorf("exact %v: the model is not its own: %+v", exact, row)
			}
		}
		same(t, l)
		newer := packages("rpm bash 5.1-2 x86_64\nrpm glibc 2.34-1 i686\nrpm zsh 1-1 x86_64")
		want := []string{"bash:x86_64 ahead! 5.1-2", "glibc:i686 equal 2.34-1", "glibc:x86_64 missing!", "kernel-core:x86_64 missing!", "zsh:x86_64 unexpected! 1-1"}
		if !exact {
			want[0] = "bash:x86_64 ahead 5.1-2"
		}
		if got := said(Compare(l, h, newer, 0)); !slices.Equal(got, want) {
			t.Errorf("exact %v: %q", exact, got)
		}
	}
}

func TestResolve(t *testing.T) {
	var n Newest
	for _, p := range packages("dpkg a 5 amd64\ndpkg a 4 i386\ndpkg b 2 amd64\ndpkg c 7 amd64") {
		if err := n.add(p.Manager, p.Name, p.Arch, p.Version); err != nil {
			t.Fatal(err)
		}
	}
	l := list(t, `
newest-of: debian-12
packages:
- {name: a, want: "newest >= 3"}
- {name: b, want: "newest >= 3"}
- {name: c, want: "newest < 8"}
- {name: d, want: newest}
- {name: e, want: = 1}
`)
	got, left := l.Resolve(n.List("debian-12"))
	var rows []string
	for _, w := range got.Wanted {
		rows = append(rows, w.Name+":"+w.Arch+" "+w.Want.String())
	}
	want := []string{"a:amd64 >= 5", "a:i386 >= 4", "b: >= 3", "c:amd64 >= 7, < 8", "d: any", "e: = 1"}
	if !slices.Equal(rows, want) || !slices.Equal(left, []string{"b", "d"}) {
		t.Errorf("%q, left %q", rows, left)
	}
	if l.Wanted[0].Want.Mode != NewestIn {
		t.Error("the list itself has changed")
	}
}
