package selfservice

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"muster"
	"muster/internal/agent"
	"muster/settings"
)

// catalogue lists what the person may have.
func (v *visit) catalogue(w http.ResponseWriter) error {
	c, err := v.site.agent.Catalogue(v.request.Context())
	if err != nil {
		return err
	}
	q := v.request.URL.Query()
	f := filter{text: cut(q.Get("q")), category: cut(q.Get("category")), installed: q.Get("show") == "installed"}
	var cards nodes
	for _, o := range c.Offers {
		if f.takes(&o, v.lang) {
			cards = append(cards, v.card(&o))
		}
	}
	var list node = el("ul", at("class", "cards"), cards...)
	switch {
	case len(c.Offers) == 0:
		list = el("p", at("class", "calm"), text(v.t("There is nothing that you may install here. Your administrator decides what is offered.")))
	case len(cards) == 0:
		list = el("p", at("class", "calm"), text(v.t("Nothing matches.")))
	}
	heading := el("h1", at("class", "hidden"), text(v.t("Software")))
	v.page(w, "", v.t("Software"), nodes{heading, v.finder(f), v.categories(c.Offers, f), list})
	return nil
}

// A filter is what a person looks for.
type filter struct {
	text, category string
	installed      bool
}

func cut(s string) string { return s[:min(len(s), 100)] }

func (f filter) takes(o *agent.Offer, lang string) bool {
	if f.installed && o.Installed == "" || f.category != "" && !slices.Contains(o.Categories, f.category) {
		return false
	}
	all := strings.ToLower(strings.Join(append([]string{o.Name, o.Title, describe(o, lang)}, o.Categories...), "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(f.text)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

func describe(o *agent.Offer, lang string) string {
	return cmp.Or(o.Descriptions[lang], o.Descriptions[""])
}

func (f filter) query(category string) string {
	q := url.Values{}
	if f.text != "" {
		q.Set("q", f.text)
	}
	if category != "" {
		q.Set("category", category)
	}
	if f.installed {
		q.Set("show", "installed")
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (v *visit) finder(f filter) node {
	fields := nodes{el("label", at("class", "hidden", "for", "q"), text(v.t("Search"))),
		el("input", at("type", "search", "id", "q", "name", "q", "value", f.text, "placeholder", v.t("Search"))),
		el("select", at("name", "show", "aria-label", v.t("Show")), v.option("", v.t("Everything"), f.installed == false),
			v.option("installed", v.t("Installed"), f.installed))}
	if f.category != "" {
		fields = append(fields, el("input", at("type", "hidden", "name", "category", "value", f.category)))
	}
	fields = append(fields, el("button", at("class", "main"), text(v.t("Search"))))
	return el("form", at("class", "search", "role", "search", "action", v.path("")), fields...)
}

func (v *visit) option(value, label string, chosen bool) node {
	attrs := at("value", value)
	if chosen {
		attrs = append(attrs, "selected", "")
	}
	return el("option", attrs, text(label))
}

// maxCategories is how many categories are shown, those with most packages.
const maxCategories = 12

// categories are the words that several packages have in common.
func (v *visit) categories(offers []agent.Offer, f filter) node {
	count := map[string]int{}
	var names []string
	for _, o := range offers {
		for _, c := range o.Categories {
			if count[c]++; count[c] == 2 || c == f.category && count[c] == 1 {
				names = append(names, c)
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	slices.SortStableFunc(names, func(a, b string) int { return count[b] - count[a] })
	names = names[:min(len(names), maxCategories)]
	if len(names) == 0 {
		return nil
	}
	all := nodes{v.category(v.t("All"), "", f)}
	for _, c := range names {
		all = append(all, v.category(c, c, f))
	}
	return el("nav", at("class", "chips", "aria-label", v.t("Categories")), el("ul", nil, all...))
}

func (v *visit) category(label, name string, f filter) node {
	attrs := at("href", v.path("")+f.query(name))
	if name == f.category {
		attrs = append(attrs, "aria-current", "true")
	}
	return el("li", nil, el("a", attrs, text(label)))
}

// title is what people call a package.
func title(o *agent.Offer) string { return cmp.Or(o.Title, o.Name) }

func (v *visit) image(o *agent.Offer) node {
	src := v.path("tile/" + url.PathEscape(o.Name))
	if o.Icon != "" {
		src = v.path("icon/" + o.Icon)
	}
	return el("img", at("src", src, "alt", "", "width", "48", "height", "48", "loading", "lazy"))
}

func (v *visit) card(o *agent.Offer) node {
	line, _, _ := strings.Cut(describe(o, v.lang), "\n")
	return el("li", at("class", "card"), v.image(o),
		el("div", nil, el("h2", nil, el("a", at("href", v.path("package/"+url.PathEscape(o.Name))), text(title(o)))),
			el("p", at("class", "quiet"), text(line)), v.status(o)),
		v.buttons(o))
}

// status says in a word how a package is.
func (v *visit) status(o *agent.Offer) node {
	word, class := "", ""
	switch {
	case o.Problem != "":
		word, class = v.t("Did not work"), "error"
	case newer(o):
		word, class = v.t("Update to %s", o.Version), "need"
	case o.Installed != "":
		word, class = v.t("Installed"), "ok"
	default:
		facts := o.Version
		if o.Download > 0 {
			facts += " · " + v.size(o.Download)
		}
		return el("p", at("class", "quiet"), text(facts))
	}
	return el("p", nil, el("span", at("class", "badge "+class), text(word)))
}

// newer reports whether there is another version of what is installed.
func newer(o *agent.Offer) bool {
	return o.Installed != "" && o.Version != "" && o.Version != o.Installed
}

// buttons are what the person may do with a package now.
func (v *visit) buttons(o *agent.Offer) node {
	var all nodes
	if o.Installed == "" && slices.Contains(o.May, settings.Install) {
		all = append(all, v.button("install", o, v.t("Install"), "main"))
	}
	if newer(o) && slices.Contains(o.May, settings.Upgrade) {
		all = append(all, v.button("update", o, v.t("Update"), "main"))
	}
	if o.Installed != "" && slices.Contains(o.May, settings.Remove) {
		all = append(all, v.button("remove", o, v.t("Remove"), ""))
	}
	return el("div", at("class", "buttons"), all...)
}

func (v *visit) button(op string, o *agent.Offer, label, class string) node {
	attrs := at("class", class, "aria-label", label+" "+title(o))
	if v.site.current() != nil {
		attrs = append(attrs, "disabled", "")
	}
	return v.post("do", el("input", at("type", "hidden", "name", "op", "value", op)),
		el("input", at("type", "hidden", "name", "name", "value", o.Name)), el("button", attrs, text(label)))
}

// post is a form that comes back to the page it is on.
func (v *visit) post(to string, fields ...node) node {
	here := strings.TrimPrefix(v.request.URL.RequestURI(), v.site.folder)
	return el("form", at("method", "post", "action", v.path(to)), append(nodes{el("input", at("type", "hidden", "name", "back", "value", here))}, fields...)...)
}

// onePackage tells all of one package.
func (v *visit) onePackage(w http.ResponseWriter) error {
	c, err := v.site.agent.Catalogue(v.request.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.Offers, func(o agent.Offer) bool { return o.Name == v.request.PathValue("name") })
	if i < 0 {
		return muster.Errorf(muster.NotFound, "there is no such package for you")
	}
	o := &c.Offers[i]
	first, rest, _ := strings.Cut(describe(o, v.lang), "\n")
	body := nodes{el("div", at("class", "head"), v.image(o), el("div", nil, el("h1", nil, text(title(o))), el("p", at("class", "quiet"), text(first)), v.status(o)), v.buttons(o))}
	if o.Problem != "" {
		body = append(body, el("div", at("class", "problem"), el("p", nil, text(v.t("The last change of it did not work."))), v.details(o.Problem)))
	}
	if rest = strings.TrimSpace(rest); rest != "" {
		body = append(body, el("p", at("class", "lines"), text(rest)))
	}
	v.page(w, "", title(o), append(body, el("section", at("class", "panel"), v.facts(o))))
	return nil
}

func (v *visit) facts(o *agent.Offer) node {
	var all nodes
	add := func(name, value string) {
		if value != "" {
			all = append(all, el("dt", nil, text(v.t(name))), el("dd", nil, text(value)))
		}
	}
	add("Version", o.Version)
	add("Installed version", o.Installed)
	if o.Download > 0 {
		add("Download", v.size(o.Download))
	}
	if o.Size > 0 {
		add("Space on the disk", v.size(o.Size))
	}
	add("Categories", strings.Join(o.Categories, ", "))
	add("Closes these programs", strings.Join(o.Closes, ", "))
	add("Licence", o.Licence)
	if u, err := url.Parse(o.Homepage); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		all = append(all, el("dt", nil, text(v.t("Website"))), el("dd", nil, el("a", at("href", o.Homepage, "rel", "noreferrer noopener", "target", "_blank"), text(u.Host))))
	}
	return el("dl", at("class", "facts"), all...)
}

// details hold what only some want to read.
func (v *visit) details(s string) node {
	return el("details", nil, el("summary", nil, text(v.t("Details"))), el("pre", nil, text(s)))
}
