package wapt

import (
	"os/exec"
	"strings"
	"testing"

	"muster/internal/testneed"
)

func TestControl(t *testing.T) {
	c, err := ParseControl([]byte("Package : tool\r\nversion: 1.2-3\ndescription : first\n second: with a colon\n   indented\nempty :\n\nnot : read\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"package": "tool", "version": "1.2-3", "description": "first\nsecond: with a colon\n  indented", "empty": "", "not": "",
	} {
		if got := c.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := strings.Join(c.Names(), " "); got != "package version description empty" {
		t.Errorf("names %s", got)
	}
}

func TestControlRefused(t *testing.T) {
	const good = "package : a\nversion : 1\n"
	for text, want := range map[string]string{
		"\xef\xbb\xbf" + good:                  "byte order mark",
		good + "name : \xff\n":                 "not UTF-8",
		" continues\n" + good:                  "line 1: it continues nothing",
		good + "no colon\n":                    "line 3",
		good + "bad name : x\n":                "line 3",
		good + "Package : b\n":                 "twice",
		"package : a\n":                        `"version" is missing`,
		"":                                     `"package" is missing`,
		"\n" + good:                            `"package" is missing`,
		good + strings.Repeat("x", MaxControl): "more than",
		good + strings.Repeat(": x\n", 1):      "line 3",
		good + "a b" + strings.Repeat(" ", 5) + ":": "line 3",
	} {
		if _, err := ParseControl([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

const awkward = "package : tool\nversion : 1\nname : \"a\\b\" <c> & d/e\t\x01\x7f\ndescription : é\u2028\ud7ff\U0001f600\n second\ninstalled_size : 0042\n"

// TestSignedText holds the signed form against Python's json, which defined it.
func TestSignedText(t *testing.T) {
	python := testneed.Program(t, "python3")
	c, err := ParseControl([]byte(awkward))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"version", "package", "name", "missing", "description", "installed_size"}
	cmd := exec.Command(python, "-c", `
import json, sys
fields = sys.stdin.buffer.read().decode("utf-8").split("\0")
d = {}
for i in range(0, len(fields), 2):
    d[fields[i]] = int(fields[i+1]) if fields[i] == "installed_size" else fields[i+1]
sys.stdout.write(json.dumps(d, sort_keys=True, separators=(",", ":")))`)
	var in []string
	for _, n := range names {
		in = append(in, n, c.Get(n))
	}
	cmd.Stdin = strings.NewReader(strings.Join(in, "\x00"))
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.signedText(names); got != string(want) {
		t.Errorf("signed text\n%s\nwant\n%s", got, want)
	}
}

// TestSignedForm is the same without Python.
func TestSignedForm(t *testing.T) {
	c, err := ParseControl([]byte("package : é\nversion : 1\ninstalled_size : x\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"installed_size":"x","package":"\u00e9","version":"1"}`
	if got := c.signedText([]string{"version", "package", "installed_size", "package"}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzControl(f *testing.F) {
	f.Add([]byte(awkward))
	f.Add([]byte("package : a\nversion : 1\nx : \n \n  a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseControl(data)
		if err != nil {
			return
		}
		again, err := ParseControl([]byte(c.String()))
		if err != nil {
			t.Fatalf("%q, printed from %q: %v", c.String(), data, err)
		}
		if again.String() != c.String() {
			t.Fatalf("%q becomes %q", c.String(), again.String())
		}
	})
}
