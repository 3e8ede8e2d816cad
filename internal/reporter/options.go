package reporter

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"muster"
	"muster/sitereport"
)

// options are what the command line and the file of --config say.
type options struct {
	collector, cert, ca   string
	clear                 bool
	site, tag, host, root string
	secret, key, keyCert  string
	mode                  sitereport.Mode
	findings, reportOnly  bool
	spool, file           string
	timeout               time.Duration
	retries               int
	config                string
	cron                  string
	print, json, verbose  bool
	help, version         bool

	url   *url.URL          // where to send, of collector
	given map[string]string // options as they were given, for --cron
}

// errUsage is that the program was called in a wrong way.
var errUsage = errors.New("wrong use")

func usage(format string, args ...any) error {
	err := muster.Errorf(muster.Invalid, format, args...)
	return muster.WithHint(&usageError{err}, "muster-report --help")
}

// usageError is err, and errUsage besides.
type usageError struct{ error }

func (e *usageError) Unwrap() error        { return e.error }
func (e *usageError) Is(target error) bool { return target == errUsage }

// noFile are options that a file cannot hold: they ask for one thing, once.
var noFile = map[string]bool{"config": true, "cron": true, "print": true, "help": true, "version": true}

func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet("muster-report", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.collector, "collector", "", "")
	f.StringVar(&o.cert, "cert", "", "")
	f.StringVar(&o.ca, "ca", "", "")
	f.BoolVar(&o.clear, "clear", false, "")
	f.StringVar(&o.site, "site", "", "")
	f.StringVar(&o.tag, "tag", "", "")
	f.StringVar(&o.host, "host", "", "")
	f.StringVar(&o.root, "root", "", "")
	f.StringVar(&o.secret, "secret-file", "", "")
	f.StringVar(&o.key, "key", "", "")
	f.StringVar(&o.keyCert, "key-cert", "", "")
	f.BoolVar(&o.findings, "findings", false, "")
	f.BoolVar(&o.reportOnly, "report-only", false, "")
	f.StringVar(&o.spool, "spool", "", "")
	f.StringVar(&o.file, "out", "", "")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "")
	f.IntVar(&o.retries, "retries", 3, "")
	f.StringVar(&o.config, "config", "", "")
	f.Var((*cronFlag)(&o.cron), "cron", "")
	f.BoolVar(&o.print, "print", false, "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.verbose, "verbose", false, "")
	f.BoolVar(&o.help, "help", false, "")
	f.BoolVar(&o.help, "h", false, "")
	f.BoolVar(&o.version, "version", false, "")
	return f
}

// longNames makes the words of package flag those of --help.
var longNames = strings.NewReplacer("flag provided but not defined: -", "unknown option --", "for flag -", "for --",
	"for -", "for --", "flag needs an argument: -", "a value is missing behind --")

// parse reads the command line, then the file for what it does not say.
func (o *options) parse(args []string) error {
	f := o.flags()
	if err := f.Parse(args); err != nil {
		return usage("%s", longNames.Replace(err.Error()))
	}
	if f.NArg() > 0 {
		return usage("%q is no option", f.Arg(0))
	}
	o.given = map[string]string{}
	f.Visit(func(g *flag.Flag) { o.given[g.Name] = g.Value.String() })
	if o.config == "" || o.help || o.version {
		return nil
	}
	data, err := os.ReadFile(o.config)
	if err != nil {
		return muster.WithHint(fmt.Errorf("cannot read options: %w", err), "--config names a file with lines \"option = value\"")
	}
	settings, err := parseConfig(data)
	if err != nil {
		return fmt.Errorf("cannot read %q: %w", o.config, err)
	}
	for _, s := range settings {
		if _, ok := o.given[s.name]; ok && !noFile[s.name] {
			continue
		}
		if f.Lookup(s.name) == nil || noFile[s.name] || s.name == "h" {
			return usage("cannot read %q: line %d: %q is no option of a file", o.config, s.line, s.name)
		}
		if err := f.Set(s.name, s.value); err != nil {
			return usage("cannot read %q: line %d: %v", o.config, s.line, err)
		}
	}
	return nil
}

// A setting is a line of the file of options.
type setting struct {
	name, value string
	line        int
}

// maxConfig bounds the file of options.
const maxConfig = 64 << 10

// parseConfig reads lines "option = value". Lines that are empty or begin with "#"
// are skipped; a value may stand in double quotes.
func parseConfig(data []byte) (all []setting, err error) {
	if len(data) > maxConfig {
		return nil, muster.Errorf(muster.Invalid, "it has %d bytes, more than %d", len(data), maxConfig)
	}
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if !ok || name == "" || seen[name] {
			return nil, muster.Errorf(muster.Invalid, "line %d: it is not option = value, or the second of its name: %.60q", n, line)
		}
		seen[name] = true
		all = append(all, setting{name, value, n})
	}
	return all, nil
}

// check holds that the options make sense together.
func (o *options) check() error {
	switch {
	case o.secret != "" && o.key != "":
		return usage("--secret-file and --key are two ways to say who reports")
	case (o.key == "") != (o.keyCert == ""):
		return usage("--key and --key-cert belong together")
	case o.retries < 0 || o.timeout <= 0:
		return usage("--retries is not below 0, --timeout above it")
	}
	if o.print || o.file != "" {
		return nil
	}
	return o.checkSending()
}

// checkSending holds that it is known where to report, and what for.
func (o *options) checkSending() (err error) {
	if o.collector == "" {
		return usage("--collector is missing: where to report")
	}
	o.mode = sitereport.StoreOnly
	if o.findings {
		o.mode = sitereport.StoreAndReport
	}
	if o.reportOnly {
		o.mode = sitereport.ReportOnly
	}
	if o.url, err = parseCollector(o.collector); err != nil {
		return err
	}
	if o.cert == "" && o.url.Scheme != "https" && !o.clear {
		return usage("everybody on the way could read a report to %q: give --cert, the collector's certificate, or --clear", o.collector)
	}
	return nil
}

// defaultPath is where a collector takes reports.
const defaultPath = "/api/v1/reports"

func parseCollector(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, usage("--collector is an address as https://collector.example.org, not %q", s)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = defaultPath
	}
	return u, nil
}
