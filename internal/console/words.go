package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"muster"
)

// The English text of templates is the key of its translations, lang/*.json.
//
//go:embed lang/*.json
var translations embed.FS

// languages are those that pages speak, English first.
func languages() []string { return []string{"en", "fr"} }

// words are the translations of one language.
type words struct {
	language string
	texts    map[string]string // nil: English
	phrases  []phrase          // of errors
}

func readWords(lang string) (words, error) {
	w := words{language: lang}
	if lang == "en" {
		return w, nil
	}
	data, err := fs.ReadFile(translations, "lang/"+lang+".json")
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(data, &w.texts); err != nil {
		return w, muster.Errorf(muster.Invalid, "lang/%s.json: %w", lang, err)
	}
	for text, to := range w.texts {
		w.texts[text] = spaced.Replace(to)
	}
	w.phrases, err = readPhrases(lang)
	return w, err
}

// spaced keeps what French sets apart by a space on one line with it.
var spaced = strings.NewReplacer(" :", "\u00a0:", " ;", "\u00a0;", " ?", "\u00a0?", " !", "\u00a0!", "« ", "«\u00a0", " »", "\u00a0»")

// say is a text in the language; args are those of fmt.Sprintf.
func (w words) say(text string, args ...any) string {
	if to, ok := w.texts[text]; ok {
		text = to
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// count says how many there are: one and many have %s for the number.
func (w words) count(n int, one, many string) string {
	if n == 1 || n == 0 && w.language == "fr" {
		many = one
	}
	return w.say(many, w.number(n))
}

// number writes a number with its thousands apart, as the language does.
func (w words) number(n int) string {
	s, sep := strconv.Itoa(n), ","
	if w.language == "fr" {
		sep = "\u202f"
	}
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + sep + s[i:]
	}
	return s
}

// bytes writes a size as people do: 950 B, 1.2 MB.
func (w words) bytes(n int64) string {
	unit, v := "B", float64(n)
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if v < 1000 {
			break
		}
		unit, v = next, v/1000
	}
	text := strconv.FormatFloat(v, 'f', 1, 64)
	if v >= 10 || unit == "B" {
		text = strconv.FormatFloat(v, 'f', 0, 64)
	}
	if w.language == "fr" {
		text, unit = strings.Replace(text, ".", ",", 1), strings.Replace(unit, "B", "o", 1)
	}
	return text + " " + unit
}

// ago says how long ago t was, or how long it is until then.
func (w words) ago(t, now time.Time) string {
	if t.Unix() == 0 {
		return w.say("never")
	}
	d := now.Sub(t)
	ahead := d < 0
	if ahead {
		d = -d
	}
	text := ""
	switch {
	case d < time.Minute:
		return w.say("just now")
	case d < time.Hour:
		text = w.say("%d min", int(d/time.Minute))
	case d < 48*time.Hour:
		text = w.say("%d h", int(d/time.Hour))
	case d < 90*24*time.Hour:
		text = w.say("%d days", int(d/(24*time.Hour)))
	default:
		return w.when(t)[:10]
	}
	if ahead {
		return w.say("in %s", text)
	}
	return w.say("%s ago", text)
}

// when writes a time as people sort it.
func (w words) when(t time.Time) string {
	if t.Unix() == 0 {
		return w.say("never")
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// t is a text in the language of whoever looks.
func (v *visit) t(text string, args ...any) string { return v.words().say(text, args...) }

func (v *visit) words() words { return v.sets[v.lang].words }

// language is what a cookie says, or what the browser asks for.
func (v *visit) language() string {
	if l := v.cookie(langCookie); l != "" {
		for _, has := range languages() {
			if l == has {
				return l
			}
		}
	}
	header := v.Header.Get("Accept-Language")
	if len(header) > 200 {
		return "en"
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(tags) == 0 {
		return "en"
	}
	_, i, _ := language.NewMatcher([]language.Tag{language.English, language.French}).Match(tags...)
	return languages()[i]
}

// theme is "dark", "light", or "" for what the browser prefers.
func (v *visit) theme() string {
	if t := v.cookie(themeCookie); t == "dark" || t == "light" {
		return t
	}
	return ""
}
