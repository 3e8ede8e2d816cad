package port

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster"
	"muster/control"
	"muster/internal/wapt"
	"muster/internal/wapt/python"
	"muster/version"
)

// kinds are the sections of WAPT.
var kinds = map[string]muster.Kind{
	"base": muster.Base, "restricted": muster.Base, "group": muster.Group, "host": muster.Host, "unit": muster.Unit,
	"profile": muster.Profile, "wsus": muster.WSUS, "selfservice": muster.SelfService, "self-service": muster.SelfService,
	"config": muster.Config,
}

// systems are the words of target_os. A distribution is a Linux here; a unix is
// there what is no Windows.
var systems = map[string][]string{
	"all": {"all"}, "windows": {"windows"}, "darwin": {"darwin"}, "mac": {"darwin"}, "macos": {"darwin"},
	"linux": {"linux"}, "unix": {"linux", "darwin"}, "freebsd": {"freebsd"},
	"debian": {"linux"}, "ubuntu": {"linux"}, "linuxmint": {"linux"}, "redhat": {"linux"}, "redhat_based": {"linux"},
	"debian_based": {"linux"}, "centos": {"linux"}, "fedora": {"linux"}, "rocky": {"linux"}, "almalinux": {"linux"},
}

// Control translates a control. code tells that there is a setup.py. The notes say
// what could not be kept.
func Control(c *wapt.Control, code bool) (*control.Control, []string, error) {
	t := &translation{from: c, code: code}
	out := t.control()
	if err := out.Check(); err != nil {
		return nil, nil, muster.Errorf(muster.Invalid, "its control cannot be translated: %w", err)
	}
	return out, t.notes, nil
}

type translation struct {
	from  *wapt.Control
	code  bool
	notes []string
}

func (t *translation) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *translation) get(name string) string { return clean(t.from.Get(name)) }

func (t *translation) control() *control.Control {
	c := &control.Control{
		Name: t.name(t.from.Get("package")), Version: t.version(), Kind: t.kind(), OS: t.os(), Architecture: t.architecture(),
		Title: oneLine(t.get("name")), Maintainer: oneLine(t.get("maintainer")), Description: lines(t.get("description")),
		Licence: oneLine(t.get("licence")), Homepage: oneLine(t.get("homepage")), CPE: oneLine(t.get("cpe")),
		Maturity: t.maturity(), Locale: t.locale(), Keywords: list(t.get("keywords") + "," + t.get("categories")),
		ImpactedProcesses: list(t.get("impacted_process")), AuditSchedule: t.schedule(),
		MinOSVersion: t.osVersion("min_os_version"), MaxOSVersion: t.osVersion("max_os_version"),
		ValidFrom: t.time("valid_from"), ValidUntil: t.time("valid_until"), ForcedInstallOn: t.time("forced_install_on"),
		Descriptions: t.descriptions(), Depends: t.depends(), Conflicts: t.conflicts(),
	}
	return c
}

// notInName are characters that a name cannot have.
var notInName = regexp.MustCompile(`[^a-z0-9+.~-]+`)

// name makes a name of a package: lower-case, and what is not allowed a hyphen. It
// is the same for the package and for who depends on it.
func (t *translation) name(s string) string {
	s = strings.TrimSpace(s)
	out := strings.TrimLeft(notInName.ReplaceAllString(strings.ToLower(s), "-"), "+.~-")
	if out != s {
		t.note("the package %q is called %q here", s, out)
	}
	return out
}

var notInVersion = regexp.MustCompile(`[^A-Za-z0-9.+~-]+`)

func (t *translation) version() string {
	v := t.get("version")
	out := strings.Trim(notInVersion.ReplaceAllString(v, "."), ".-")
	if out != v {
		t.note("the version %q is written %q here", v, out)
	}
	return out
}

func (t *translation) kind() muster.Kind {
	section := strings.ToLower(t.get("section"))
	k, known := kinds[section]
	switch {
	case section == "restricted":
		t.note("section restricted: it was hidden in self-service, which kind base is not")
	case !known:
		k = muster.Base
		t.note("section %q is unknown; the kind is base", section)
	}
	return k
}

// condition matches what may stand behind a word of target_os: debian(>=10).
var condition = regexp.MustCompile(`\(.*?\)`)

func (t *translation) os() []string {
	words := list(condition.ReplaceAllString(t.get("target_os"), ""))
	if len(words) == 0 {
		if !t.code {
			return []string{control.All}
		}
		t.note("the control names no target_os; windows is assumed")
		return []string{"windows"}
	}
	var out []string
	for _, w := range words {
		names := systems[strings.ToLower(w)]
		switch {
		case names == nil:
			t.note("target_os %q is unknown and left out", w)
		case names[0] == control.All:
			return []string{control.All}
		case !slices.Contains(muster.OSes, strings.ToLower(w)) && names[0] == "linux":
			t.note("target_os %q is every linux here; its hooks can ask type_debian() and the like", w)
		}
		out = append(out, names...)
	}
	return t.orAll(out, "target_os")
}

// orAll is a list without what stands twice, "all" for an empty one.
func (t *translation) orAll(names []string, field string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		t.note("nothing of %s is known; the package is for all", field)
		return []string{control.All}
	}
	return out
}

func (t *translation) architecture() []string {
	var out []string
	words := list(t.get("architecture"))
	if len(words) == 0 {
		return []string{control.All}
	}
	for _, w := range words {
		name := python.Architectures[strings.ToLower(w)]
		if name == control.All {
			return []string{control.All}
		}
		if name == "" {
			t.note("architecture %q is unknown and left out", w)
			continue
		}
		out = append(out, name)
	}
	return t.orAll(out, "architecture")
}

var notInWord = regexp.MustCompile(`[^A-Za-z0-9-]+`)

func (t *translation) maturity() string { return notInWord.ReplaceAllString(t.get("maturity"), "-") }

func (t *translation) locale() []string {
	l := list(t.get("locale"))
	if slices.Contains(l, "all") {
		return nil
	}
	return l
}

func (t *translation) descriptions() map[string]string {
	all := map[string]string{}
	for _, name := range t.from.Names() {
		lang, ok := strings.CutPrefix(name, "description_")
		text := lines(t.get(name))
		if ok && text != "" && len(lang) == 2 && strings.Trim(lang, "abcdefghijklmnopqrstuvwxyz") == "" {
			all[lang] = text
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func (t *translation) osVersion(field string) string {
	v := t.get(field)
	if v == "" || version.Check(v) == nil {
		return v
	}
	t.note("%s %q is no version and left out", field, v)
	return ""
}

// layouts are the forms of time that are met. One without a zone is the signer's
// local time; nothing says which.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

func (t *translation) time(field string) string {
	v := t.get(field)
	if v == "" {
		return ""
	}
	for i, layout := range layouts {
		at, err := time.Parse(layout, v)
		if err != nil || at.Year() < 1 || at.Year() > 9999 {
			continue
		}
		if i > 0 {
			t.note("%s %q has no zone; it is taken as UTC", field, v)
		}
		return at.UTC().Format("2006-01-02T15:04:05Z")
	}
	t.note("%s %q is no time and left out", field, v)
	return ""
}

// schedule translates "60", which are minutes, "2h", "1d", "1w".
func (t *translation) schedule() string {
	v := strings.ToLower(t.get("audit_schedule"))
	if v == "" {
		return ""
	}
	unit := v[len(v)-1:]
	digits := strings.TrimSpace(strings.TrimSuffix(v, unit))
	if strings.Contains("0123456789", unit) {
		unit, digits = "m", v
	}
	n, err := strconv.Atoi(digits)
	if err == nil && unit == "m" && n > 9999 {
		n, unit = n/60, "h"
	}
	if err != nil || n < 1 || n > 9999 || !strings.Contains("mhdw", unit) {
		t.note("audit_schedule %q is left out", v)
		return ""
	}
	return strconv.Itoa(n) + unit
}

// relation translates "name(>=1.2)".
func (t *translation) relation(s string) (control.Relation, error) {
	name, bound, bounded := strings.Cut(s, "(")
	name = t.name(name)
	if err := control.CheckName(name); err != nil || !bounded {
		return control.Relation{Name: name}, err
	}
	return control.ParseRelation(name + " (" + strings.TrimSuffix(strings.TrimSpace(bound), ")") + ")")
}

func (t *translation) depends() []control.Dependency {
	var all []control.Dependency
	for _, s := range split(t.get("depends")) {
		r, err := t.relation(s)
		if err != nil {
			t.note("depends: %q cannot be read and is left out: %v", s, err)
			continue
		}
		all = append(all, control.Dependency{r})
	}
	return all
}

func (t *translation) conflicts() []control.Relation {
	var all []control.Relation
	for _, s := range split(t.get("conflicts")) {
		r, err := t.relation(s)
		if err != nil {
			t.note("conflicts: %q cannot be read and is left out: %v", s, err)
			continue
		}
		all = append(all, r)
	}
	if len(all) > 0 {
		t.note("conflicts: WAPT removes them by force; here a plan says so first, or refuses")
	}
	return all
}

// split cuts at commas.
func split(s string) []string {
	var all []string
	for part := range strings.SplitSeq(s, ",") {
		if part = oneLine(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// list is the entries of a list that a control can have.
func list(s string) []string {
	var all []string
	for _, part := range split(strings.NewReplacer("(", " ", ")", " ", "\n", ",").Replace(s)) {
		if !slices.Contains(all, part) && len(all) < 200 {
			all = append(all, part)
		}
	}
	return all
}

// maxText bounds what is taken over, in bytes.
const maxText = 4000

// clean makes foreign text fit for a recipe: "${" would be a parameter there.
func clean(s string) string { return strings.ReplaceAll(s, "${", "$ {") }

// oneLine is text of one line, of characters that print.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == '\u2028' || r == '\u2029' || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxText {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:maxText], ""))
	}
	return s
}

// lines is text of several lines.
func lines(s string) string {
	var all []string
	for l := range strings.SplitSeq(s, "\n") {
		if l = oneLine(l); l == "." {
			l = ""
		}
		if all = append(all, l); len(all) == 100 {
			break
		}
	}
	return strings.TrimSpace(strings.Join(all, "\n"))
}
