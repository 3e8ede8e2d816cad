package server

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"muster"
)

const day = 24 * time.Hour

// A Duration is written as "90s", "5m", "2h" or "14d".
type Duration time.Duration

func (d Duration) std() time.Duration { return time.Duration(d) }

func (d Duration) String() string {
	switch t := time.Duration(d); {
	case t == 0:
		return "0"
	case t%day == 0:
		return fmt.Sprintf("%dd", t/day)
	case t%time.Hour == 0:
		return fmt.Sprintf("%dh", t/time.Hour)
	case t%time.Minute == 0:
		return fmt.Sprintf("%dm", t/time.Minute)
	default:
		return t.String()
	}
}

// UnmarshalText reads what String writes.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q is no number of days", s)
		}
		*d = Duration(time.Duration(n) * day)
		return nil
	}
	t, err := time.ParseDuration(s)
	if err != nil || t < 0 {
		return fmt.Errorf("%q is no length of time: write 90s, 5m, 2h or 14d", s)
	}
	*d = Duration(t)
	return nil
}

// A Size is a number of bytes, written as "512M" or "16G".
type Size int64

var units = []struct {
	letter string
	bytes  Size
}{{"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}}

func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.letter
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// UnmarshalText reads what String writes.
func (s *Size) UnmarshalText(text []byte) error {
	digits, by := string(text), Size(1)
	for _, u := range units {
		if d, ok := strings.CutSuffix(digits, u.letter); ok {
			digits, by = d, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(by) {
		return fmt.Errorf("%q is no size: write 512M or 16G", text)
	}
	*s = Size(n) * by
	return nil
}

// checkNames refuses names that v has not, with the line and the nearest that it has.
func checkNames(n *yaml.Node, v any) error {
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.AliasNode {
		return muster.Errorf(muster.Invalid, "line %d: aliases are not read", n.Line)
	}
	if t.Kind() != reflect.Struct || n.Kind != yaml.MappingNode {
		if t.Kind() == reflect.Struct && n.Kind == yaml.ScalarNode && n.Tag == "!!null" || t.Kind() != reflect.Struct {
			return nil
		}
		return muster.Errorf(muster.Invalid, "line %d: names and their values are expected here", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, ok := fieldNamed(t, key.Value)
		if !ok {
			return muster.WithHint(muster.Errorf(muster.Invalid, "line %d: there is no setting %q", key.Line, key.Value),
				"did you mean %q? 'musterd config' prints all", nearest(key.Value, names(t)))
		}
		if f.Type.Kind() == reflect.Struct {
			if err := checkNames(value, reflect.New(f.Type).Interface()); err != nil {
				return err
			}
		}
	}
	return nil
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); name != "" && f.Tag.Get("yaml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// names are those of the settings; a field without one is none.
func names(t reflect.Type) (all []string) {
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// nearest is the word that needs the fewest changes to become s.
func nearest(s string, words []string) string {
	return slices.MinFunc(words, func(a, b string) int { return distance(s, a) - distance(s, b) })
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// environment replaces values by those of MUSTERD_NAME, and those in the files that
// MUSTERD_NAME_FILE names. Lists are separated by commas.
func (c *Config) environment(environ []string) error {
	vars := map[string]string{}
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, "MUSTERD_") {
			vars[name] = value
		}
	}
	return fromEnvironment(reflect.ValueOf(c).Elem(), "MUSTERD_", vars)
}

func fromEnvironment(v reflect.Value, prefix string, vars map[string]string) error {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		if tag == "" {
			continue
		}
		name := prefix + strings.ToUpper(strings.ReplaceAll(tag, "-", "_"))
		if f := v.Field(i); f.Kind() == reflect.Struct {
			if err := fromEnvironment(f, name+"_", vars); err != nil {
				return err
			}
		} else if err := oneVariable(f, name, vars); err != nil {
			return err
		}
	}
	return nil
}

// secretFile reads a secret that stands in a file alone: the end of its line is no part
// of it.
func secretFile(name string) (string, error) {
	data, err := os.ReadFile(name)
	return strings.TrimRight(string(data), "\r\n"), err
}

func oneVariable(f reflect.Value, name string, vars map[string]string) error {
	value, ok := vars[name]
	if file := vars[name+"_FILE"]; file != "" {
		var err error
		if value, err = secretFile(file); err != nil {
			return muster.Errorf(muster.Invalid, "cannot read what %s names: %w", name+"_FILE", err)
		}
		ok = true
	}
	if !ok {
		return nil
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if f.Kind() == reflect.Slice {
		n = &yaml.Node{Kind: yaml.SequenceNode}
		for word := range strings.SplitSeq(value, ",") {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: strings.TrimSpace(word)})
		}
	}
	if f.Kind() == reflect.Map {
		return muster.Errorf(muster.Invalid, "%s: this is set in the file only", name)
	}
	if f.Kind() == reflect.String {
		n.Tag = "!!str"
	}
	if err := n.Decode(f.Addr().Interface()); err != nil {
		return muster.Errorf(muster.Invalid, "%s: %w", name, err)
	}
	return nil
}

func (c *Config) checkListen() error {
	if c.unixSocket() != "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %q is no address with a port: write :8443 or 127.0.0.1:8443", c.Listen)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("listen: %q is no port", port)
	}
	if c.TLS.Mode == "off" && !isLoopback(host) {
		return muster.WithHint(fmt.Errorf("listen: %q without TLS can be read by the network", c.Listen), "write 127.0.0.1:%s and put a proxy in front", port)
	}
	return nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// unixSocket is the path of the socket to listen on, or "".
func (c *Config) unixSocket() string {
	path, ok := strings.CutPrefix(c.Listen, "unix:")
	if !ok {
		return ""
	}
	return path
}

func (c *Config) checkTLS() error {
	switch t := c.TLS; {
	case !slices.Contains([]string{"own", "files", "off"}, t.Mode):
		return fmt.Errorf("tls.mode: %q is neither own, files nor off", t.Mode)
	case t.Mode == "files" && (t.Cert == "" || t.Key == ""):
		return fmt.Errorf("tls.mode: files needs cert and key")
	case t.Mode != "files" && t.Cert+t.Key != "":
		return fmt.Errorf("tls.cert: it is used with mode files, not with mode %s", t.Mode)
	}
	return nil
}

func (c *Config) checkHosts() error {
	switch h := c.Hosts; {
	case h.Interval < Duration(time.Minute) || h.Interval > Duration(7*day):
		return fmt.Errorf("hosts.interval: %s is not between 1m and 7d", h.Interval)
	case h.Skew < Duration(10*time.Second) || h.Skew > Duration(time.Hour):
		return fmt.Errorf("hosts.skew: %s is not between 10s and 1h", h.Skew)
	case h.Pending < 0:
		return fmt.Errorf("hosts.pending: %d is negative", h.Pending)
	case h.Returns != "accept" && h.Returns != "wait":
		return fmt.Errorf("hosts.returns: %q is neither accept nor wait", h.Returns)
	}
	if e := c.Repository.Expires; e < Duration(time.Hour) || e > Duration(365*day) {
		return fmt.Errorf("repository.expires: %s is not between 1h and 365d", e)
	}
	if l := c.Sessions.Last; l < Duration(time.Minute) || l > Duration(31*day) {
		return fmt.Errorf("sessions.last: %s is not between 1m and 31d", l)
	}
	return nil
}

func (c *Config) checkLimits() error {
	if c.Limits.Hosts < 1 || c.Limits.Hosts > 10_000_000 {
		return fmt.Errorf("limits.hosts: %d is not between 1 and 10000000", c.Limits.Hosts)
	}
	for name, rate := range c.Limits.Rates {
		if !slices.Contains(classNames(), name) {
			return muster.WithHint(fmt.Errorf("limits.rates: there is no kind of request %q", name), "did you mean %q?", nearest(name, classNames()))
		}
		if !(rate > 0) || rate > 1e6 {
			return fmt.Errorf("limits.rates: %s: %v is no rate", name, rate)
		}
	}
	if _, err := c.level(); err != nil {
		return err
	}
	return nil
}

func (c *Config) level() (l slog.Level, err error) {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		return l, fmt.Errorf("log.level: %q is neither debug, info, warn nor error", c.Log.Level)
	}
	return l, l.UnmarshalText([]byte(c.Log.Level))
}
