package cli

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestSplitCommand(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string // nil: refused
	}{
		{"sign", []string{"sign"}},
		{"  sign  --id\t01 ", []string{"sign", "--id", "01"}},
		{`"C:\Program Files\sign.exe" --pin ''`, []string{`C:\Program Files\sign.exe`, "--pin", ""}},
		{`sign --label "Alice's card"`, []string{"sign", "--label", "Alice's card"}},
		{`sign --a="b c"d`, []string{"sign", "--a=b cd"}},
		{`sign "x`, nil},
		{"  ", nil},
		{"", nil},
	} {
		got, err := splitCommand(c.line)
		if (err == nil) != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("splitCommand(%q) = %q, %v, want %q", c.line, got, err, c.want)
		}
	}
}

// FuzzSplitCommand holds that quoting words gives them back, byte by byte.
func FuzzSplitCommand(f *testing.F) {
	f.Add("a", "b c")
	f.Add("", `C:\x`)
	f.Add("é\t", "'")
	f.Add("\xc3", "\x80")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.Contains(a+b, `"`) {
			return
		}
		got, err := splitCommand(`"` + a + `" "` + b + `"`)
		if err != nil || !slices.Equal(got, []string{a, b}) {
			t.Errorf("%q and %q became %q, %v", a, b, got, err)
		}
	})
}

func TestSignerFlags(t *testing.T) {
	for _, c := range []struct {
		name        string
		env         [3]string // key, certificate, command
		flags, want signerFlags
	}{
		{"nothing", [3]string{}, signerFlags{}, signerFlags{}},
		{"beside", [3]string{}, signerFlags{key: "a.key"}, signerFlags{key: "a.key", cert: "a.crt"}},
		{"environment", [3]string{"a.key", "b.crt", ""}, signerFlags{}, signerFlags{key: "a.key", cert: "b.crt"}},
		{"flag before environment", [3]string{"a.key", "a.crt", "c"}, signerFlags{key: "b.key"}, signerFlags{key: "b.key", cert: "b.crt"}},
		{"certificate alone", [3]string{"a.key", "a.crt", ""}, signerFlags{cert: "chain.crt"}, signerFlags{key: "a.key", cert: "chain.crt"}},
		{"command", [3]string{"", "a.crt", "token"}, signerFlags{}, signerFlags{cert: "a.crt", command: "token"}},
		{"command before key", [3]string{"a.key", "a.crt", ""}, signerFlags{cert: "b.crt", command: "token"}, signerFlags{cert: "b.crt", command: "token"}},
	} {
		for i, name := range []string{"MUSTER_KEY", "MUSTER_CERT", "MUSTER_SIGN_COMMAND"} {
			t.Setenv(name, c.env[i])
		}
		if got := c.flags.resolve(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"one two three", "one two\nthree"},
		{"a-word-that-is-too-long b", "a-word-that-is-too-long\nb"},
		{"é é é é é é", "é é é é\né é"},
	} {
		if got := fold(c.text, 8); got != c.want {
			t.Errorf("fold(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

// TestRepoServe asks the server for a file, and interrupts it.
func TestRepoServe(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"key", "new", "--name", "Alice", "--out", filepath.Join(dir, "alice"), "--no-password"},
		{"repo", "init", filepath.Join(dir, "repo"), "--key", filepath.Join(dir, "alice.key")},
	} {
		var talk strings.Builder
		if code := Main(args, strings.NewReader(""), io.Discard, &talk); code != 0 {
			t.Fatalf("muster %s: %s", strings.Join(args, " "), &talk)
		}
	}
	out, in := io.Pipe()
	var log strings.Builder
	a := &app{out: in, err: &log, now: time.Now}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.repoServe(ctx, filepath.Join(dir, "repo"), "127.0.0.1:0", true) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, url, _ := strings.Cut(strings.TrimSpace(line), " at ")
	res, err := http.Get(url + "/Packages.p7m")
	if err != nil {
		t.Fatal(err)
	}
	head, err := io.ReadAll(res.Body)
	if res.Body.Close(); err != nil || res.StatusCode != http.StatusOK || len(head) == 0 {
		t.Errorf("%s, %d bytes, %v", res.Status, len(head), err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "path=/Packages.p7m") || !strings.Contains(log.String(), "status=200") {
		t.Errorf("the log is %q", log.String())
	}
}

// TestCompletions holds the tables to the verbs that there are.
func TestCompletions(t *testing.T) {
	root := new(app).command()
	for path := range argumentsOf {
		cmd, _, err := root.Find(strings.Fields(path)[1:])
		if err != nil || cmd.CommandPath() != path {
			t.Errorf("there is no command %q to complete", path)
		}
	}
	options := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for name := range valuesOf {
			options[name] = options[name] || cmd.LocalFlags().Lookup(name) != nil
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for name, there := range options {
		if !there {
			t.Errorf("there is no option --%s to complete", name)
		}
	}
}
