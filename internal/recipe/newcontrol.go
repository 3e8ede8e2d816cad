package recipe

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster"
	"muster/control"
	"muster/version"
)

// maxGuess bounds the texts that are taken over from foreign files, in bytes.
const maxGuess = 2000

// controlHead stands at the top of a control that New writes.
const controlHead = `# What the package is. Lines that start with # are comments; docs/reference/recipes.md
# lists the fields.
`

// writeControl writes what is known, and comments for what a person adds.
func (d *draft) writeControl() error {
	if d.Version == "" {
		d.prepareVersion()
	}
	c := &control.Control{
		Name: d.Name, Version: packageVersion(d.Version), Kind: d.opts.Kind,
		OS: platforms(d.OS, muster.OSes), Architecture: platforms(d.Arch, muster.Arches),
		Title: oneLine(d.Title), Maintainer: oneLine(d.opts.Maintainer),
		Description: d.describe(), Licence: oneLine(d.Licence), Homepage: oneLine(d.Homepage),
	}
	if c.Maintainer == "" {
		c.Maintainer = defaultMaintainer()
	}
	if err := c.Check(); err != nil {
		return muster.WithKind(muster.Invalid, err)
	}
	text := controlHead + c.Stanza().String() + "\n" + hints(c.Kind)
	return os.WriteFile(filepath.Join(d.dir, "control"), []byte(text), 0o644)
}

// hints are fields to fill in by hand.
func hints(kind muster.Kind) string {
	switch kind {
	case muster.Base:
		return baseHints
	case muster.Host:
		return "# The name of the package is the id of the host.\n" + dependsHint + conflictsHint
	case muster.Unit:
		return "# The name of the package is that of the unit: paris, paris.lab.\n" + dependsHint + conflictsHint
	case muster.Profile:
		return "# The name of the package is that of a group of the directory, or else: who gets it.\n" +
			appliesHint + dependsHint + conflictsHint
	case muster.Group:
		return "# Hosts of the server's group of that name get it; others too, that you describe here:\n" + appliesHint + dependsHint
	}
	return "# What it says stands in the file policy. Who gets it: hosts whose packages depend\n# on it, and those that you describe here:\n" + appliesHint
}

const (
	dependsHint   = "# The packages that belong to it, with the versions that will do:\n# depends: age (>= 1.3), shfmt\n"
	conflictsHint = "# What may not be there, whoever assigns it:\n# conflicts: game\n"
	appliesHint   = "# applies-to: os:windows memory<4G\n"
	baseHints     = `# What else a recipe may say:
# depends: ca-bundle, age (>= 1.3)
# config-files: etc/tool/*.conf
# build-params: version=1.2.3
# impacted-processes: tool.exe
`
)

// defaultMaintainer is the builder's own name as Git and Debian's tools know it.
func defaultMaintainer() string {
	for _, pair := range [][2]string{{"DEBFULLNAME", "DEBEMAIL"}, {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"}} {
		name, mail := oneLine(os.Getenv(pair[0])), oneLine(os.Getenv(pair[1]))
		if name != "" && mail != "" {
			return name + " <" + mail + ">"
		}
	}
	return "Your Name <you@example.org>"
}

// describe is the description that the file gives, or one to replace.
func (d *draft) describe() string {
	summary := oneLine(d.Summary)
	if summary == "" {
		summary = oneLine(d.Title)
	}
	if summary == "" {
		summary = "what " + d.Name + " does, in one line"
	}
	var lines []string
	for line := range strings.SplitSeq(d.Description, "\n") {
		line = strings.TrimSpace(line)
		if line == "." {
			line = ""
		}
		lines = append(lines, oneLine(line))
	}
	text := strings.Join(lines, "\n")
	return strings.TrimSpace(summary + "\n" + text[:cutAt(text, maxGuess)])
}

// oneLine makes foreign text fit for a field: UTF-8, one line, nothing that
// does not print.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == '\u2028' || r == '\u2029' || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	return strings.TrimSpace(s[:cutAt(s, maxGuess)])
}

// cutAt is the largest index up to limit at which s may be cut.
func cutAt(s string, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return limit
}

// notInVersion are characters that a version cannot have.
var notInVersion = regexp.MustCompile(`[^A-Za-z0-9.+~:-]+`)

// prepareVersion makes the version of the software one that can be written.
func (d *draft) prepareVersion() {
	d.Version = strings.Trim(notInVersion.ReplaceAllString(strings.TrimSpace(d.Version), "."), ".-")
	if version.Check(d.Version) != nil {
		d.Version = "1.0"
	}
}

// packageVersion adds our own revision to a version that has none.
func packageVersion(v string) string {
	if strings.Contains(v, "-") || version.Check(v+"-1") != nil {
		return v
	}
	return v + "-1"
}
