package console

import (
	"slices"
	"testing"

	"muster/internal/report"
)

// Every word of a report is one that pages translate.
func TestReportWords(t *testing.T) {
	fr, err := readWords("fr")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range report.ByMail() {
		for _, word := range []string{k.Title, k.What} {
			if _, ok := fr.texts[word]; !ok {
				t.Errorf("lang/fr.json lacks %q", word)
			}
		}
	}
	for _, word := range reportWords {
		if _, ok := fr.texts[word]; !ok {
			t.Errorf("lang/fr.json lacks %q", word)
		}
	}
}

// What is shown to be typed is typed as it is: a shell finds nothing in it.
func TestCommand(t *testing.T) {
	for want, args := range map[string][]string{
		"muster send update --to 'group:lab or x'":    {"send", "update", "--to", "group:lab or x"},
		`muster rollout abort 'a'\''; rm -rf ~'`:      {"rollout", "abort", "a'; rm -rf ~"},
		"muster x '' '$HOME' 'a\nb' age_1-1:x@y,z+/.": {"x", "", "$HOME", "a\nb", "age_1-1:x@y,z+/."},
	} {
		if got := command(args...); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What an order names is no option, whatever it is called, neither typed nor carried out.
func TestOrder(t *testing.T) {
	o := ordered("rollout start", "age=1", "--key=evil").with("--from", "", "--reason", "it is time")
	if got := o.args("--yes"); !slices.Equal(got, []string{"rollout", "start", "--reason", "it is time", "--yes", "--", "age=1", "--key=evil"}) {
		t.Errorf("%q", got)
	}
	if got := o.String(); got != "muster rollout start --reason 'it is time' -- 'age=1' '--key=evil'" {
		t.Error(got)
	}
	if got := ordered("host edit", "pc-1").with("--name", "-x").String(); got != "muster host edit pc-1 --name -x" {
		t.Error(got)
	}
}

// An action is sent as its page shows it.
func TestSendArgs(t *testing.T) {
	p := sendPage{Kind: "install", Packages: "age>=1.3 git", Query: "-group:lab", Reason: "--yes", Set: "a=1\n b=2 \n"}
	want := []string{"send", "--to", "-group:lab", "--reason", "--yes", "--set", "a=1", "--set", "b=2", "--", "install", "age>=1.3", "git"}
	if got := p.order("").args(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if p.search() != "(-group:lab) "+meant {
		t.Errorf("%q", p.search())
	}
	for _, bad := range []sendPage{{Kind: "install", Query: "x"}, {Kind: "none", Query: "x"}, {Kind: "update", Set: "novalue"}, {Kind: "cancel"}} {
		if _, err := bad.draft(); err == nil {
			t.Errorf("%+v can be sent", bad)
		}
	}
}
