package console

import (
	"crypto/rand"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/api"
)

//go:embed templates/*.html parts/*.html
var sources embed.FS

// A set is the templates of one language, by the name of the page. They are parsed when a
// console is made, not when a program starts: most of what muster does shows no page.
type set struct {
	words words
	pages map[string]*template.Template
}

// parse reads all templates, once for each language.
func (c *console) parse() (map[string]set, error) {
	sets := map[string]set{}
	for _, l := range languages() {
		words, err := readWords(l)
		if err != nil {
			return nil, err
		}
		if sets[l], err = c.parseIn(words); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

func (c *console) parseIn(words words) (set, error) {
	frame := template.New("").Funcs(c.functions(words))
	if err := c.each("parts", func(_, text string) error {
		_, err := frame.Parse(text)
		return err
	}); err != nil {
		return set{}, err
	}
	s := set{words: words, pages: map[string]*template.Template{}}
	return s, c.each("templates", func(name, text string) error {
		page, err := frame.Clone()
		if err == nil {
			s.pages[name], err = page.Parse(text)
		}
		return err
	})
}

// each reads the files of a folder. Their links, which begin with a slash, begin with
// the console's base.
func (c *console) each(dir string, do func(name, text string) error) error {
	files, err := fs.ReadDir(sources, dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := fs.ReadFile(sources, path.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), `="/`, `="`+c.Base+`/`)
		if err := do(strings.TrimSuffix(f.Name(), ".html"), numbered(text)); err != nil {
			return fmt.Errorf("%s/%s: %w", dir, f.Name(), err)
		}
	}
	return nil
}

// posts is a form that changes something, as templates begin it.
var posts = regexp.MustCompile(`<form method="post"(?:[^>{]|\{\{.*?\}\})*>`)

// numbered gives each form that changes something a number: see [visit.act]. Browsers
// that fill in again what a page had are kept from that.
func numbered(text string) string {
	return posts.ReplaceAllString(text, `$0<input type="hidden" name="`+onceField+`" value="{{number}}" autocomplete="off">`)
}

// functions are what templates may call.
func (c *console) functions(w words) template.FuncMap {
	return template.FuncMap{
		"t":      w.say,
		"n":      w.count,
		"num":    func(n int) string { return w.number(n) },
		"ago":    func(t int64) string { return w.ago(seconds(t), c.Now()) },
		"when":   func(t int64) string { return w.when(seconds(t)) },
		"iso":    func(t int64) string { return seconds(t).UTC().Format(time.RFC3339) },
		"static": func(name string) string { return c.Base + "/static/" + name + "?v=" + c.files[name].version() },
		"status": func(s muster.Status) badge { return badgeOf(s, "") },
		"link":   func(path string, pairs ...string) string { return c.Base + address(path, pairs...) },
		"short":  short,
		"bytes":  w.bytes,
		"in":     func(s string, all ...string) bool { return slices.Contains(all, s) },
		"text":   func(b []byte) string { return string(b) },
		"dict":   dict,
		"reason": w.reason,
		"number": rand.Text,
		"wrong":  wrongAt,
		"whole":  func(n int64) int { return int(n) },

		// Names and texts of strangers: what turns the direction of a line is not shown.
		"legible":      api.Legible,
		"legibleLines": api.LegibleLines,
	}
}

// dict gives a part several values: names and values in turn.
func dict(pairs ...any) (map[string]any, error) {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		out[name] = pairs[i+1]
	}
	return out, nil
}

// short is the beginning of an id or a fingerprint.
func short(s string) string {
	if len(s) > 12 {
		return s[:12]
	}
	return s
}

// A badge is a status or a state, as a word and a shape.
type badge struct{ Class, Word string }

// words that badges have, by status and state.
var badges = map[string]badge{
	string(muster.OK):            {"ok", "OK"},
	string(muster.NeedInstall):   {"need", "to install"},
	string(muster.NeedUpgrade):   {"need", "to upgrade"},
	string(muster.NeedDowngrade): {"need", "to downgrade"},
	string(muster.NeedRemove):    {"need", "to remove"},
	string(muster.Running):       {"running", "running"},
	string(muster.Warning):       {"warning", "warning"},
	string(muster.Error):         {"error", "error"},
	string(muster.Postponed):     {"waits", "postponed"},
	string(muster.Revoked):       {"error", "revoked"},
	string(api.Pending):          {"waits", "waits for approval"},
	string(api.Refused):          {"off", "refused"},
	string(api.Cloned):           {"error", "two machines"},
}

// badgeOf is what one looks at first: the state where it needs a person, else the
// status.
func badgeOf(s muster.Status, state api.State) badge {
	if state != "" && state != api.Accepted {
		return badges[string(state)]
	}
	if b, ok := badges[string(s)]; ok {
		return b
	}
	return badge{"off", "not known"}
}
