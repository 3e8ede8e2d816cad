package server

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"muster"
)

var update = flag.Bool("update", false, "write golden files")

// A printer writes the reference of the configuration.
type printer struct {
	strings.Builder
	docs map[string]string // by type and field
}

// docs reads the comments of the configuration.
func docs(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	decls := must(parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments))(t).Decls
	for _, d := range append(decls, must(parser.ParseFile(token.NewFileSet(), "../directory/config.go", nil, parser.ParseComments))(t).Decls...) {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		spec := g.Specs[0].(*ast.TypeSpec)
		if spec.Name.Name == "Config" && all["Config"] != "" { // the directory's
			spec.Name.Name = "directory"
		}
		all[spec.Name.Name] = g.Doc.Text()
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				for _, n := range f.Names {
					all[spec.Name.Name+"."+n.Name] = f.Doc.Text()
				}
			}
		}
	}
	return all
}

func (p *printer) comment(indent, text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fmt.Fprintln(p, strings.TrimRight(indent+"# "+strings.TrimSpace(line), " "))
	}
}

func (p *printer) print(v reflect.Value, indent string) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		doc := p.docs[nameOfType(v.Type())+"."+f.Name]
		if value.Kind() == reflect.Struct {
			fmt.Fprintln(p)
			p.comment(indent, strings.Replace(p.docs[nameOfType(f.Type)], f.Type.Name(), name, 1))
			fmt.Fprintf(p, "%s%s:\n", indent, name)
			p.print(value, indent+"  ")
			continue
		}
		p.comment(indent, doc)
		fmt.Fprintf(p, "%s%s: %s\n", indent, name, printed(value))
	}
}

// nameOfType tells the configurations of two packages apart.
func nameOfType(t reflect.Type) string {
	if strings.HasSuffix(t.PkgPath(), "/directory") {
		return "directory"
	}
	return t.Name()
}

func printed(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		var words []string
		for i := range v.Len() {
			words = append(words, fmt.Sprintf("%q", fmt.Sprint(v.Index(i))))
		}
		return "[" + strings.Join(words, ", ") + "]"
	case reflect.Map:
		return "{}"
	case reflect.String:
		if v.Len() == 0 || strings.Contains(v.String(), ":") {
			return fmt.Sprintf("%q", v.String())
		}
	}
	return fmt.Sprint(v)
}

// The reference is what the code says, and is itself a configuration: that of
// who configures nothing.
func TestReference(t *testing.T) {
	p := &printer{docs: docs(t)}
	p.comment("", strings.Replace(p.docs["Config"], "Config", "This", 1))
	fmt.Fprintln(p)
	p.print(reflect.ValueOf(Defaults()), "")
	if *update {
		check(t, os.WriteFile("reference.yaml", []byte(p.String()), 0o644))
	} else if Reference != p.String() {
		t.Error("reference.yaml is stale: run 'go test ./internal/server -update'")
	}
	for name, text := range p.docs {
		if strings.Contains(name, ".") && text == "" && !strings.HasPrefix(name, "Config.") {
			t.Errorf("%s has no comment", name)
		}
	}
	var c Config
	check(t, c.parse([]byte(p.String())))
	want := Defaults()
	if fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", want) {
		t.Errorf("the reference reads as\n%+v\nand the defaults are\n%+v", c, want)
	}
}

func TestReadConfig(t *testing.T) {
	for name, test := range map[string]struct {
		text, want string // of the error, or of what is read
	}{
		"empty":          {"", ""},
		"comments":       {"# nothing\n", ""},
		"typo":           {"data: /srv\nlisten: :1\nhosts:\n  intervall: 1h\n", `line 4: there is no setting "intervall"; hint: did you mean "interval"?`},
		"typo above":     {"host:\n  interval: 1h\n", `line 1: there is no setting "host"; hint: did you mean "hosts"?`},
		"twice":          {"data: /a\ndata: /b\n", "already defined"},
		"no time":        {"hosts:\n  interval: often\n", `"often" is no length of time`},
		"too often":      {"hosts: {interval: 1s}\n", "hosts.interval: 1s is not between 1m and 7d"},
		"no size":        {"repository: {max-package: 12Q}\n", `"12Q" is no size`},
		"no map":         {"hosts: 12\n", "line 1: names and their values are expected here"},
		"plain outside":  {"tls: {mode: off}\n", `listen: ":8443" without TLS can be read by the network`},
		"relative":       {"data: here\n", `"here" is no absolute path`},
		"no port":        {"listen: localhost\n", "is no address with a port"},
		"files":          {"tls: {mode: files, cert: /x}\n", "files needs cert and key"},
		"cert with own":  {"tls: {cert: /x}\n", "it is used with mode files"},
		"class":          {"limits: {rates: {chekin: 2}}\n", `there is no kind of request "chekin"; hint: did you mean "checkin"?`},
		"rate":           {"limits: {rates: {checkin: -2}}\n", "is no rate"},
		"alias":          {"hosts: &a {interval: 1h}\nsessions: *a\n", "aliases are not read"},
		"two documents":  {"data: /a\n---\ndata: /b\n", "more than one document"},
		"list":           {"- a\n", "names and their values are expected here"},
		"network":        {"trusted-proxies: [nowhere]\n", "nowhere"},
		"unknown mode":   {"tls: {mode: maybe}\n", `"maybe" is neither own, files nor off`},
		"log":            {"log: {level: loud}\n", `"loud" is neither`},
		"returns":        {"hosts: {returns: never}\n", `"never" is neither accept nor wait`},
		"behind a proxy": {"listen: 127.0.0.1:8080\ntls: {mode: off}\ntrusted-proxies: [127.0.0.1/32]\n", ""},
		"socket":         {"listen: unix:/run/musterd/socket\ntls: {mode: off}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "musterd.yaml")
			check(t, os.WriteFile(file, []byte(test.text), 0o600))
			_, err := ReadConfig(file, nil)
			if test.want == "" {
				check(t, err)
				return
			}
			wantKind(t, err, muster.Invalid)
			if got := err.Error() + "; hint: " + muster.HintOf(err); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "dsn")
	check(t, os.WriteFile(secret, []byte("postgres://musterd:hush@db/musterd\n"), 0o600))
	c := must(ReadConfig("", []string{"MUSTERD_DATA=/srv/m", "MUSTERD_DATABASE_FILE=" + secret, "MUSTERD_HOSTS_INTERVAL=30m",
		"MUSTERD_TRUSTED_PROXIES=10.0.0.1/32, 10.0.0.2/32", "MUSTERD_LIMITS_HOSTS=7", "HOME=/root", "MUSTERD_CONFIG=/x", "MUSTERD_NAME=123"}))(t)
	if c.Data != "/srv/m" || c.Database != "postgres://musterd:hush@db/musterd" || c.Hosts.Interval.String() != "30m" || len(c.TrustedProxies) != 2 || c.Limits.Hosts != 7 || c.Name != "123" {
		t.Errorf("read %+v", c)
	}
	for _, bad := range []string{"MUSTERD_HOSTS_PENDING=many", "MUSTERD_DATABASE_FILE=/nowhere/dsn", "MUSTERD_HOSTS_INTERVAL=1s", "MUSTERD_LIMITS_RATES=x"} {
		_, err := ReadConfig("", []string{bad})
		wantKind(t, err, muster.Invalid)
	}
}

// FuzzConfig holds that whatever is read as a configuration is one that works,
// and that lengths of time and sizes come back as they were written.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(Reference))
	f.Add([]byte("hosts: {interval: 90m}\nrepository: {max-package: 3M, reserve: 1000}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := Defaults()
		if len(data) > maxConfig || c.parse(data) != nil || c.Check() != nil {
			return
		}
		for _, d := range []Duration{c.Hosts.Interval, c.Hosts.Skew, c.Hosts.History, c.Sessions.Last} {
			var again Duration
			if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
				t.Errorf("%d is written %q and read as %d, %v", d, d, again, err)
			}
		}
		for _, s := range []Size{c.Repository.MaxPackage, c.Repository.Reserve} {
			var again Size
			if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
				t.Errorf("%d is written %q and read as %d, %v", s, s, again, err)
			}
		}
	})
}
