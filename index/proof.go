package index

import (
	"strings"

	"muster"
	"muster/control"
	"muster/deb822"
	"muster/pkgfile"
	"muster/version"
)

// A prover tells of most stanzas, by their values alone, that they are what they
// print as when read, and break no rule: without reading them into an entry
// and printing that. It says so only where [parseEntry] agrees; of
// others it says that it does not know.
//
// Short values repeat much in an index, so each is put to the test of package
// control once.
type prover struct {
	known [fieldCount]map[string]bool
	path  []byte // scratch
}

// maxKnown bounds the values of one field that are remembered.
const maxKnown = 100_000

// proves reports whether the stanza of these fields is certainly right.
func (p *prover) proves(f *fields) bool {
	return control.CheckName(f[fieldPackage]) == nil && version.Check(f[fieldVersion]) == nil &&
		p.provesWords(f) && p.provesRelations(f) && p.provesTexts(f) && p.provesFacts(f)
}

// provesWords is about values of which there are few.
func (p *prover) provesWords(f *fields) bool {
	for _, i := range [...]int{fieldKind, fieldOS, fieldArchitecture} {
		if f[i] == "" {
			return false // printed always
		}
	}
	if f[fieldRollout] != "" && f[fieldKind] == string(muster.Rollout) {
		return false
	}
	for _, i := range [...]int{fieldKind, fieldOS, fieldArchitecture, fieldMinOSVersion, fieldMaxOSVersion,
		fieldMaturity, fieldLocale, fieldKeywords, fieldValidFrom, fieldValidUntil, fieldRollout} {
		if f[i] != "" && !p.knows(i, f[i]) {
			return false
		}
	}
	return true
}

// knows puts the value of one field to the test of package control, in a stanza
// that has nothing else but what it needs. No rule there joins these fields.
func (p *prover) knows(field int, value string) bool {
	if ok, seen := p.known[field][value]; seen {
		return ok
	}
	text := "package: x\nversion: 1\n" + fieldPrefixes[field] + value + "\n"
	ok := false
	for s, err := range deb822.Stanzas(text) {
		if err != nil {
			break
		}
		c, err := control.Parse(s)
		name, _ := strings.CutSuffix(fieldPrefixes[field], ": ")
		ok = err == nil && c.Stanza().Get(name) == value
	}
	remember(&p.known[field], value, ok)
	return ok
}

func remember(m *map[string]bool, value string, ok bool) {
	if *m == nil || len(*m) == maxKnown {
		*m = map[string]bool{}
	}
	(*m)[value] = ok
}

func (p *prover) provesRelations(f *fields) bool {
	for _, i := range [...]int{fieldDepends, fieldConflicts, fieldProvides} {
		if f[i] != "" && !p.provesList(i, f[i]) {
			return false
		}
	}
	return true
}

// maxRelations is the length of a list that package control may find too long.
const maxRelations = 4096

// provesList is about a list of relations, joined by a comma and a space.
func (p *prover) provesList(field int, list string) bool {
	for n := 0; ; n++ {
		part, rest, more := cutRelation(list)
		if n == maxRelations || !p.provesRelation(field, part) {
			return false
		}
		if list = rest; !more {
			return true
		}
	}
}

// cutRelation cuts list at the first comma and space outside parentheses.
func cutRelation(list string) (part, rest string, more bool) {
	inside := false
	for i := range len(list) {
		switch list[i] {
		case '(':
			inside = true
		case ')':
			inside = false
		case ',':
			if !inside && i+1 < len(list) && list[i+1] == ' ' {
				return list[:i], list[i+2:], true
			}
		}
	}
	return list, "", false
}

// provesRelation is about one entry of a list. Most are of a form that needs no
// test.
func (p *prover) provesRelation(field int, part string) bool {
	plain := isDependency(part, field == fieldDepends)
	if field == fieldProvides && strings.Contains(part, "(") {
		plain = plain && strings.Contains(part, " (= ")
	}
	return plain || p.knows(field, part)
}

// maxPlainAlternatives is fewer than a dependency may have.
const maxPlainAlternatives = 16

// isDependency reports whether s is "name" or "name (op version)", or where
// alternatives are allowed, some of those joined by bars.
func isDependency(s string, alternatives bool) bool {
	for n := 0; n < maxPlainAlternatives; n++ {
		one, rest, more := strings.Cut(s, " | ")
		if !isRelation(one) || more && !alternatives {
			return false
		}
		if s = rest; !more {
			return true
		}
	}
	return false
}

func isRelation(s string) bool {
	name, bound, bounded := strings.Cut(s, " (")
	if control.CheckName(name) != nil || !bounded {
		return !bounded && control.CheckName(name) == nil
	}
	op, v, _ := strings.Cut(bound, " ")
	v, closed := strings.CutSuffix(v, ")")
	switch version.Op(op) {
	case version.Less, version.LessEqual, version.Equal, version.GreaterEqual, version.Greater:
		return closed && version.Check(v) == nil
	}
	return false
}

// provesTexts is about what people read. What is not plain ASCII is put to the test.
func (p *prover) provesTexts(f *fields) bool {
	for _, i := range [...]int{fieldTitle, fieldMaintainer, fieldLicence, fieldHomepage} {
		if f[i] != "" && !isPlain(f[i]) && !p.knows(i, f[i]) {
			return false
		}
	}
	d := f[fieldDescription]
	return d == "" || isPlainText(d) || p.knows(fieldDescription, d)
}

// isPlain reports whether s is one line of printable ASCII without white space
// at its ends.
func isPlain(s string) bool {
	if len(s) == 0 || len(s) > control.MaxText || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// isPlainText reports whether s is lines of which each is plain, but may be
// indented, or stands for an empty one between others.
func isPlainText(s string) bool {
	if len(s) > control.MaxText {
		return false
	}
	line, rest, more := strings.Cut(s, "\n")
	if !isPlain(line) || line == "." {
		return false
	}
	for more {
		line, rest, more = strings.Cut(rest, "\n")
		line = line[1:] // the space that continues
		if !isPlain(strings.TrimLeft(line, " ")) || line == "." && !more {
			return false
		}
	}
	return true
}

// provesFacts is about the fields behind those of the control.
func (p *prover) provesFacts(f *fields) bool {
	kind := muster.Kind(f[fieldKind])
	if Binned(kind) {
		return false // it does not belong into the index
	}
	if code := f[fieldNeedsCode]; code != "yes" && (code != "" || kind.NeedsCode()) {
		return false
	}
	if icon := f[fieldIcon]; icon != "" && !isSHA256(icon) {
		return false
	}
	return p.provesPath(f) && isSHA256(f[fieldSHA256]) && isSHA256(f[fieldManifestSHA256]) &&
		f[fieldSize] != "0" && isSize(f[fieldSize]) && isSize(f[fieldInstalledSize]) && provesSigners(f[fieldSigners])
}

// isSize reports whether s is a number as it is printed, at most that of the
// largest package.
func isSize(s string) bool {
	n := int64(0)
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' || i == 1 && s[0] == '0' || n > pkgfile.MaxSize/10 {
			return false
		}
		n = 10*n + int64(c-'0')
	}
	return s != "" && n <= pkgfile.MaxSize
}

// provesSigners is about fingerprints, joined by a comma and a space, sorted.
func provesSigners(list string) bool {
	last := ""
	for n := 1; n <= MaxSigners; n++ {
		one, rest, more := strings.Cut(list, ", ")
		if !isSHA256(one) || one <= last {
			return false
		}
		if !more {
			return true
		}
		last, list = one, rest
	}
	return false
}

// provesPath is about the file name: see [Pool]. Of the characters that versions
// and platforms have, the colon alone is escaped.
func (p *prover) provesPath(f *fields) bool {
	name := f[fieldPackage]
	path := append(append(p.path[:0], "pool/"...), name[0], '/')
	path = append(append(append(path, name...), '/'), name...)
	path = append(path, '_')
	for i := range len(f[fieldVersion]) {
		if c := f[fieldVersion][i]; c == ':' {
			path = append(path, "%3a"...)
		} else {
			path = append(path, c)
		}
	}
	path = appendJoined(append(path, '_'), f[fieldOS])
	path = appendJoined(append(path, '_'), f[fieldArchitecture])
	p.path = append(path, ".mpk"...)
	return f[fieldFilename] == string(p.path)
}

// appendJoined appends words with a plus sign in place of a comma and a space.
func appendJoined(dst []byte, words string) []byte {
	for i := range len(words) {
		switch c := words[i]; c {
		case ',':
			dst = append(dst, '+')
		case ' ':
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
