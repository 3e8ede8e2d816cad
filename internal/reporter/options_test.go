package reporter

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/sitereport"
)

func mustReport() *sitereport.Report {
	return &sitereport.Report{Host: "a", Time: now.Unix(), Nonce: newNonce(), Packages: []sitereport.Package{{Manager: "dpkg", Name: "b"}}}
}

func (n *node) clock() time.Time { return n.at }

func TestUsage(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	for words, says := range map[string]string{
		"--colour red":                          "unknown option --colour",
		"--site":                                "behind --site",
		"more":                                  `"more" is no option`,
		"":                                      "--collector is missing",
		"--retries many":                        "for --retries",
		"--cron=weekly":                         "daily or hourly",
		"--collector x":                         "is an address",
		"--collector http:":                     "is an address",
		"--collector https://a.example --key k": "belong together",
		"--collector https://a.example --key-cert k":                         "belong together",
		"--collector https://a.example --key k --key-cert c --secret-file s": "two ways",
		"--collector https://a.example --timeout 0s":                         "--timeout",
		"--collector https://a.example?x=1":                                  "is an address",
		"--collector http://a.example":                                       "--clear",
	} {
		n.exits(n.run(strings.Fields(words)...), exitUsage, says, "hint: muster-report --help")
	}
	n.exits(n.run("--help"), 0, "Exit codes")
	n.exits(n.run("--version"), 0, "muster-report ")
}

// TestHelp holds that every option is in the help, and that nothing else is.
func TestHelp(t *testing.T) {
	var o options
	documented := map[string]bool{}
	for _, word := range strings.FieldsFunc(help, func(r rune) bool { return strings.ContainsRune(" \n,[]=;.:", r) }) {
		if name, ok := strings.CutPrefix(word, "--"); ok {
			documented[name] = true
			if o.flags().Lookup(name) == nil {
				t.Errorf("--%s is in the help alone", name)
			}
		}
	}
	if len(documented) < 20 {
		t.Errorf("only %d options were found", len(documented))
	}
	for _, name := range strings.Fields("collector cert clear ca timeout retries site tag host root secret-file key key-cert findings report-only print out cron spool config json verbose version help") {
		if !documented[name] {
			t.Errorf("--%s is not in the help", name)
		}
	}
}

func TestConfig(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	file := n.path("muster-report.conf")
	good := fmt.Sprintf("# where to\ncollector = %s\ncert=%s\nroot = \"%s\"\nspool = none\n\nsite = EXAMPLE\ntag = of the file\nfindings = true\n",
		c.URL, n.path("collector.crt"), n.root)
	n.file(file, []byte(good))
	n.exits(n.run("--config", file, "--tag", "of the command line"), 0)
	if r := c.got[0]; r.Site != "EXAMPLE" || r.Tag != "of the command line" || c.mode[0] != "store-and-report" {
		t.Errorf("%+v %q", r, c.mode)
	}
	for line, says := range map[string]string{
		"colour = red":                 `line 10: "colour" is no option of a file`,
		"config = x":                   "no option of a file",
		"print = true":                 "no option of a file",
		"h = true":                     "no option of a file",
		"site = OTHER":                 "line 10: it is not option = value, or the second",
		"retries":                      "line 10:",
		"retries = many":               "line 10:",
		" = x":                         "line 10:",
		"clear = perhaps":              "line 10:",
		strings.Repeat("#", maxConfig): "bytes",
	} {
		n.file(file, []byte(good+line+"\n"))
		code := n.run("--config", file)
		if code == 0 {
			t.Errorf("%s: taken", line)
		}
		n.exits(code, code, says)
	}
	n.exits(n.run("--config", n.path("missing")), 1, "cannot read options")
}

// FuzzConfig holds that every setting was in the file, on its line.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("# a\nsite = \"A B\"\ncert=/etc/c.crt\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parseConfig(data)
		if err != nil {
			return
		}
		lines := bytes.Split(data, []byte("\n"))
		for _, s := range all {
			if s.line < 1 || s.line > len(lines) {
				t.Fatalf("%+v of %d lines", s, len(lines))
			}
			if l := lines[s.line-1]; !bytes.Contains(l, []byte(s.name)) || !bytes.Contains(l, []byte(s.value)) {
				t.Fatalf("%+v is not in %q", s, l)
			}
		}
	})
}

// TestCron holds that hosts are spread over the day, each at its own time, and that
// the line gives the options again.
func TestCron(t *testing.T) {
	seen := map[int]int{}
	for i := range 1440 {
		host := fmt.Sprintf("node%04d.example.org", i)
		m := moment(host)
		if m < 0 || m >= 1440 || m != moment(strings.ToUpper(host)) {
			t.Fatalf("%s reports at minute %d", host, m)
		}
		seen[m]++
	}
	// Of as many hosts as minutes some 63 % of the minutes have one.
	if len(seen) < 800 {
		t.Errorf("1440 hosts report in %d minutes", len(seen))
	}
	for _, n := range seen {
		if n > 8 {
			t.Errorf("%d hosts in one minute", n)
		}
	}
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	n.exits(n.run("--cron", "--host", "node1", "--site", "it's 100%", "--cert", "/etc/c.crt"), 0)
	m := moment("node1")
	if got := n.out.String(); !strings.HasPrefix(got, fmt.Sprintf("%d %d * * * ", m%60, m/60)) ||
		!strings.HasSuffix(got, ` --cert=/etc/c.crt --host=node1 '--site=it'\''s 100'\%''`+"\n") {
		t.Error(got)
	}
	for _, site := range []string{"A\n* * * * * sh", "A\r* * * * * sh"} {
		n.exits(n.run("--cron", "--host", "node1", "--site", site), exitUsage, "has a line feed")
	}
	n.exits(n.run("--cron=hourly", "--host", "node1"), 0, fmt.Sprintf("%d * * * * ", m%60))
	want := `schtasks /Create /TN muster-report /SC DAILY /ST 01:05 /TR "\"C:\Program Files\muster-report.exe\" --site=A"`
	if got := schedule("windows", "daily", 65, []string{`C:\Program Files\muster-report.exe`, "--site=A"}); got != want {
		t.Error(got)
	}
}
