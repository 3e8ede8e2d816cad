package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/control"
	"muster/version"
)

var update = flag.Bool("update", false, "write what comes out as what is wanted")

// TestCases reads testdata/*.txtar: a pool, what is installed, a request, and the
// plan or the explanation that is wanted. A package is a line
//
//	name version [word...]; depends a | b (>= 2), c; conflicts d; provides e (= 1)
//
// whose words are explicit, assigned=WHO, held, essential, barred=WHY (with
// underscores for spaces). A request is a line a verb.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { testCase(t, file) })
	}
}

func testCase(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	section := sections(string(data))
	p, ask := readCase(t, section)
	got := ask(p)
	if *update {
		text, _, _ := strings.Cut(string(data), "-- want --\n")
		if err := os.WriteFile(file, []byte(text+"-- want --\n"+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != section["want"] {
		t.Errorf("got\n%s\nwant\n%s", got, section["want"])
	}
	if again := ask(shuffled(&p, 1)); again != got {
		t.Errorf("shuffled input gives\n%s\ninstead of\n%s", again, got)
	}
}

// sections splits a txtar archive.
func sections(text string) map[string]string {
	files := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if mark, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(mark, " --\n") {
			name = strings.TrimSuffix(mark, " --\n")
			continue
		}
		files[name] += line
	}
	return files
}

func readCase(t *testing.T, section map[string]string) (Problem, func(Problem) string) {
	var packages []Package
	p := Problem{State: State{Pins: map[string]version.Constraint{}}}
	for line := range lines(section["pool"]) {
		packages = append(packages, readPackage(t, line).Package)
	}
	for line := range lines(section["installed"]) {
		p.State.Installed = append(p.State.Installed, readPackage(t, line))
	}
	for line := range lines(section["pins"]) {
		r := mustRelation(line)
		p.State.Pins[r.Name] = r.Constraint
	}
	ask := askPlan(t)
	for line := range lines(section["request"]) {
		if other := readVerb(t, &p.Request, line); other != nil {
			ask = other
		}
	}
	p.Pool = NewPool(Rules{}, packages)
	return p, ask
}

func lines(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(s) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "#") && !yield(line) {
				return
			}
		}
	}
}

func readPackage(t *testing.T, line string) Installed {
	parts := strings.Split(line, ";")
	words := strings.Fields(parts[0])
	in := Installed{Package: Package{Name: words[0], Version: words[1], Kind: muster.Base}, How: Implicit}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		value = strings.ReplaceAll(value, "_", " ")
		switch key {
		case "explicit":
			in.How = Explicit
		case "assigned":
			in.How, in.By = Assigned, value
		case "held":
			in.Held = true
		case "essential":
			in.Essential = true
		case "barred":
			in.Barred = value
		default:
			t.Fatalf("unknown word %q in %q", word, line)
		}
	}
	for _, part := range parts[1:] {
		field, list, _ := strings.Cut(strings.TrimSpace(part), " ")
		for _, s := range strings.Split(list, ", ") {
			switch field {
			case "depends":
				in.Depends = append(in.Depends, mustDependency(s))
			case "conflicts":
				in.Conflicts = append(in.Conflicts, mustRelation(s))
			case "provides":
				in.Provides = append(in.Provides, mustRelation(s))
			default:
				t.Fatalf("unknown field %q in %q", field, line)
			}
		}
	}
	return in
}

// readVerb reads one line of a request; a question replaces the plan.
func readVerb(t *testing.T, q *Request, line string) func(Problem) string {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "install":
		q.Install = append(q.Install, mustRelation(rest))
	case "remove":
		q.Remove = append(q.Remove, rest)
	case "upgrade":
		if q.UpgradeAll = rest == ""; rest != "" {
			q.Upgrade = append(q.Upgrade, rest)
		}
	case "wanted":
		what, by, _ := strings.Cut(rest, " by ")
		q.Wanted = append(q.Wanted, Wanted{Relation: mustRelation(what), By: by})
	case "skip-unmet":
		q.SkipUnmet = true
	case "autoremove":
		q.Autoremove = true
	case "reinstall":
		q.Reinstall = true
	case "force":
		q.Force = true
	case "why":
		return func(p Problem) string { return askWhy(p, rest) }
	case "why-not":
		return func(p Problem) string { return askWhyNot(p, mustRelation(rest)) }
	default:
		t.Fatalf("unknown verb %q", verb)
	}
	return nil
}

func askPlan(t *testing.T) func(Problem) string {
	return func(p Problem) string {
		plan, err := Solve(p)
		if err != nil {
			return fmt.Sprintf("%s: %v\nhint: %s\n", muster.KindOf(err), err, muster.HintOf(err))
		}
		if err := Check(p, plan); err != nil {
			t.Error(err)
		}
		var b strings.Builder
		b.WriteString(plan.String())
		for _, c := range plan.Cycles {
			fmt.Fprintf(&b, "cycle: %s\n", strings.Join(c, ", "))
		}
		for _, u := range plan.Unmet {
			fmt.Fprintf(&b, "unmet: %s, assigned by %s: %v\n", u.Relation, u.By, u.Err)
		}
		if len(plan.Steps) == 0 {
			b.WriteString("nothing\n")
		}
		return b.String()
	}
}

func askWhy(p Problem, name string) string {
	reasons, err := Why(p, name)
	if err != nil {
		return fmt.Sprintf("%s: %v\nhint: %s\n", muster.KindOf(err), err, muster.HintOf(err))
	}
	var b strings.Builder
	for _, r := range reasons {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

func askWhyNot(p Problem, r control.Relation) string {
	a, err := WhyNot(p, r)
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, s := range a.Sentences {
		b.WriteString(s + "\n")
	}
	for _, h := range a.Hints {
		b.WriteString("hint: " + h + "\n")
	}
	return b.String()
}
