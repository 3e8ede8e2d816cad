package selfservice

import (
	"bytes"
	"embed"
	"fmt"
	"hash/fnv"
	"net/http"
	"path"
	"unicode"
	"unicode/utf8"

	"muster"
)

//go:embed static
var files embed.FS

var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	data, err := files.ReadFile("static/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kinds[path.Ext(name)])
	w.Write(data)
}

// picture answers with a picture that may be of somebody else's making: opened by
// itself it is in a sandbox in which nothing runs and nothing is fetched.
func picture(w http.ResponseWriter, kind string, data []byte) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	w.Write(data)
}

// icon is that of a package: what is no PNG is taken for SVG.
func (v *visit) icon(w http.ResponseWriter) error {
	data, err := v.site.agent.Icon(v.request.Context(), v.request.PathValue("sha256"))
	if err != nil {
		return err
	}
	kind := "image/svg+xml"
	if bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		kind = "image/png"
	}
	picture(w, kind, data)
	return nil
}

// colours of tiles; white on each has a contrast of at least 4.5.
var colours = []string{"#2457c5", "#1a7440", "#8a5a00", "#8d2f8f", "#b3261e", "#0b6e7a", "#5b4bb7", "#5b6470"}

// tile stands for the icon of a package that has none: the first letter, always in the
// same colour.
func (v *visit) tile(w http.ResponseWriter) error {
	name := v.request.PathValue("name")
	if len(name) > 128 {
		return muster.Errorf(muster.Invalid, "the name is too long")
	}
	picture(w, "image/svg+xml", []byte(tileOf(name)))
	return nil
}

func tileOf(name string) string {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	letter, _ := utf8.DecodeRuneInString(name)
	if !unicode.IsLetter(letter) && !unicode.IsDigit(letter) {
		letter = '·'
	}
	return render(el("svg", at("xmlns", "http://www.w3.org/2000/svg", "viewBox", "0 0 48 48"),
		el("rect", at("width", "48", "height", "48", "rx", "10", "fill", colours[sum.Sum32()%uint32(len(colours))])),
		el("text", at("x", "24", "y", "33", "font-size", "26", "font-family", "system-ui, sans-serif", "text-anchor", "middle", "fill", "#fff"),
			text(fmt.Sprintf("%c", unicode.ToUpper(letter))))))
}
