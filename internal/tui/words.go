package tui

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"muster"
	"muster/internal/install"
)

//go:embed lang/fr.json
var langs embed.FS

// words are the texts of the screens by their English form. A test holds them to those
// that are used.
var words = map[string]map[string]string{"fr": readWords("fr")}

func readWords(lang string) (all map[string]string) {
	data, _ := langs.ReadFile("lang/" + lang + ".json")
	json.Unmarshal(data, &all) //nolint:errcheck // the same test
	return all
}

// Language is the one in which a person wants to read: "fr", or "" for English. asked is
// what they said, "" for nothing; then the environment decides, as it does for other
// programs (POSIX, LC_MESSAGES), and then system, which are the languages of the system in
// the order of what the person likes.
func Language(asked string, env func(string) string, system []string) (string, error) {
	switch asked {
	case "en":
		return "", nil
	case "fr":
		return "fr", nil
	case "":
	default:
		return "", muster.Errorf(muster.Invalid, "the language %q is none of en, fr", asked)
	}
	set := cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG"))
	if set == "" && len(system) > 0 {
		set = system[0]
	}
	// fr, fr_CA.UTF-8, fr-FR
	if tag, _, _ := strings.Cut(strings.NewReplacer("-", "_", ".", "_", "@", "_").Replace(set), "_"); strings.EqualFold(tag, "fr") {
		return "fr", nil
	}
	return "", nil
}

// t is a text in the language of the screen, English where there is none.
func (s *screen) t(text string, args ...any) string {
	if other := words[s.lang][text]; other != "" {
		text = other
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

func (s *screen) translated(all []line) (out []line) {
	for _, l := range all {
		l.text = s.t(l.text)
		out = append(out, l)
	}
	return out
}

// facts are lines of a name and a value, below each other: at least so many columns for
// names. What has no value is left out.
func (s *screen) facts(columns int, all [][2]string) (lines []line) {
	for _, f := range all {
		columns = max(columns, len([]rune(f[0]))+2)
	}
	for _, f := range all {
		if strings.TrimSpace(f[1]) != "" {
			lines = append(lines, line{text: fit(f[0], columns) + f[1]})
		}
	}
	return lines
}

var frenchSizes = strings.NewReplacer(".", ",", "iB", "io", "byte", "octet")

// size is a number of bytes.
func (s *screen) size(n int64) string {
	if s.lang == "fr" {
		return frenchSizes.Replace(install.BytesText(n))
	}
	return install.BytesText(n)
}

// meaning is what an error means to a person.
func meaning(err error) string {
	switch muster.KindOf(err) {
	case muster.Denied:
		return "You may not do this here. Ask your administrator."
	case muster.Busy:
		return "Something else is going on just now. Try again in a moment."
	case muster.Unavailable:
		return "What is needed cannot be reached just now."
	case muster.Stale:
		return "The list of software is too old to install from."
	case muster.NotFound:
		return "It is not there any more."
	case muster.Conflict:
		return "It does not go together with what is installed."
	case muster.Invalid:
		return "This cannot be understood."
	}
	return "It did not work. Everything is as it was before."
}
