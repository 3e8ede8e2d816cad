package selfservice

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed lang/fr.json
var langs embed.FS

// words are the texts of the page by their English form.
var words = map[string]map[string]string{"fr": readWords("fr")}

// readWords reads a file of this package; a test holds it to the texts that are used.
func readWords(lang string) (all map[string]string) {
	data, _ := langs.ReadFile("lang/" + lang + ".json")
	json.Unmarshal(data, &all) //nolint:errcheck // the same
	return all
}

// translate puts a text into a language, English where there is none.
func translate(lang, s string, args ...any) string {
	if other := words[lang][s]; other != "" {
		s = other
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// preferred is the language that a browser likes most of those there are (RFC 9110,
// 12.5.4), English where it likes none.
func preferred(accept string) string {
	best, most := "en", 0.0
	for part := range strings.SplitSeq(accept[:min(len(accept), 1000)], ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64)
		}
		lang, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if (lang == "en" || lang == "fr") && q > most {
			best, most = lang, q
		}
	}
	return best
}

// langCookie is the language that a person chose.
const langCookie = "muster-lang"

func (s *Site) viewerOf(r *http.Request) *visit {
	v := &visit{site: s, request: r, lang: preferred(r.Header.Get("Accept-Language"))}
	if c, err := r.Cookie(langCookie); err == nil && (c.Value == "en" || c.Value == "fr") {
		v.lang = c.Value
	}
	return v
}

// t is a text in the language of who looks.
func (v *visit) t(s string, args ...any) string { return translate(v.lang, s, args...) }

// when is a moment for people: the time of the day where it is today or tomorrow.
func (v *visit) when(t time.Time) string {
	now := time.Now()
	t = t.Local()
	clock := t.Format("15:04")
	switch day := t.YearDay() - now.YearDay(); {
	case t.Year() == now.Year() && day == 0:
		return v.t("today at %s", clock)
	case t.Year() == now.Year() && day == 1:
		return v.t("tomorrow at %s", clock)
	case t.Year() == now.Year() && day == -1:
		return v.t("yesterday at %s", clock)
	}
	return v.t("%[1]d %[2]s at %[3]s", t.Day(), v.t(t.Month().String()), clock)
}

// size is a number of bytes.
func (v *visit) size(n int64) string {
	units := []string{"bytes", "KB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for ; f >= 1000 && i < len(units)-1; i++ {
		f /= 1000
	}
	if i < 2 || f >= 100 {
		return fmt.Sprintf("%.0f %s", f, v.t(units[i]))
	}
	out := fmt.Sprintf("%.1f %s", f, v.t(units[i]))
	if v.lang == "fr" {
		out = strings.Replace(out, ".", ",", 1)
	}
	return out
}
