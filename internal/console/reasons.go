package console

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"muster"
)

// Errors are English: they come from the whole program, and over the network. Pages in
// another language know the most frequent ones by their form, that of fmt, whose
// translation is in lang/errors.LANGUAGE.json. Of others they say of which kind they are,
// in that language, and then what the server says.

// A phrase is the form of an error with its translation.
type phrase struct {
	form *regexp.Regexp
	to   string
}

// verb is one of fmt in a form.
var verb = regexp.MustCompile(`%[-+.0-9]*[a-z]`)

// readPhrases reads those of a language, the longest first: of several forms that a text
// has, the one that says most counts.
func readPhrases(lang string) (all []phrase, err error) {
	data, err := fs.ReadFile(translations, "lang/errors."+lang+".json")
	if err != nil {
		return nil, err
	}
	var texts map[string]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, muster.Errorf(muster.Invalid, "lang/errors.%s.json: %w", lang, err)
	}
	forms := make([]string, 0, len(texts))
	for form := range texts {
		forms = append(forms, form)
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for _, form := range forms {
		p := phrase{to: spaced.Replace(texts[form])}
		if p.form, err = regexp.Compile(formOf(form)); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// formOf is the pattern of the texts that a form of fmt makes.
func formOf(form string) string {
	var b strings.Builder
	b.WriteString(`^(?s)`)
	for rest := form; ; {
		at := verb.FindStringIndex(rest)
		if at == nil {
			b.WriteString(regexp.QuoteMeta(rest) + "$")
			return b.String()
		}
		b.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		switch rest[at[1]-1] {
		case 'd':
			b.WriteString(`(-?[0-9]+)`)
		case 'q':
			b.WriteString(`("(?:[^"\\]|\\.)*")`)
		default:
			b.WriteString(`(.+?)`)
		}
		rest = rest[at[1]:]
	}
}

// translated is an error in the language; what another error in it says, too.
func (w words) translated(text string) (string, bool) {
	for _, p := range w.phrases {
		m := p.form.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		i := 0
		return verb.ReplaceAllStringFunc(p.to, func(verb string) string {
			i++
			if inner, ok := w.translated(m[i]); ok && strings.HasSuffix(verb, "w") {
				return inner
			}
			return m[i]
		}), true
	}
	for _, to := range w.texts {
		if to == text {
			return text, true // it was said in the language
		}
	}
	return "", false
}

// A reason is an error for people: in their language, or of which kind it is with what
// was said in English.
type reason struct{ Text, Foreign, Hint, ForeignHint string }

func (w words) reason(p *problem) reason {
	if p == nil {
		return reason{}
	}
	if w.texts == nil {
		return reason{Text: p.Message, Hint: p.Hint}
	}
	var r reason
	var ok bool
	if r.Text, ok = w.translated(p.Message); !ok {
		r.Text, r.Foreign = w.say(kindWords[p.Kind]), p.Message
	}
	if r.Hint, ok = w.translated(p.Hint); !ok {
		r.ForeignHint = p.Hint
	}
	return r
}

// kindWords say what kind an error is of, before its text.
var kindWords = map[muster.ErrorKind]string{
	muster.Invalid:     "This is not valid:",
	muster.NotFound:    "There is no such thing:",
	muster.Conflict:    "This contradicts what is:",
	muster.Denied:      "This was refused:",
	muster.Busy:        "Not now, try again later:",
	muster.Stale:       "This is too old:",
	muster.Unavailable: "This cannot be reached, try again later:",
	muster.Internal:    "Something is wrong here:",
}
