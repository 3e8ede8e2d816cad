package selfservice

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"muster"
)

// page is a page with what all have around it.
func (v *visit) page(w http.ResponseWriter, here, title string, body node) {
	job := v.site.current()
	var head []node
	if job != nil {
		// Without a script the page is asked for again until it is over.
		head = append(head, el("noscript", nil, el("meta", at("http-equiv", "refresh", "content", "2"))))
	}
	v.send(w, http.StatusOK, document(v.lang, title, v.site.folder, head,
		el("a", at("class", "skip", "href", "#main"), text(v.t("To the content"))),
		v.top(here), v.now(job),
		el("main", at("id", "main", "tabindex", "-1"), nodes{v.messages(), body}),
		v.foot()))
}

func (v *visit) top(here string) node {
	var items nodes
	for _, p := range []struct{ path, label string }{{"", "Software"}, {"updates", "Updates"}, {"history", "History"}} {
		attrs := at("href", v.path(p.path))
		if p.path == here {
			attrs = append(attrs, "aria-current", "page")
		}
		items = append(items, el("li", nil, el("a", attrs, text(v.t(p.label)))))
	}
	return el("header", at("class", "top"), el("a", at("class", "mark", "href", v.path("")), el("img", at("src", v.path("static/mark.svg"), "alt", "", "width", "16", "height", "16", "class", "icon")), el("b", nil, text("muster"))),
		el("nav", at("aria-label", v.t("Pages")), el("ul", nil, items...)))
}

func (v *visit) foot() node {
	var choices nodes
	for _, l := range [][2]string{{"en", "English"}, {"fr", "Français"}} {
		if l[0] == v.lang {
			choices = append(choices, el("b", nil, text(l[1])))
			continue
		}
		choices = append(choices, v.post("language", el("input", at("type", "hidden", "name", "lang", "value", l[0])), el("button", at("class", "plain", "lang", l[0]), text(l[1]))))
	}
	return el("footer", nil, el("span", nil, text(v.t("What you may install is decided by your administrator."))),
		el("div", at("class", "switch", "role", "group", "aria-label", v.t("Language")), choices...),
		el("p", at("id", "gone", "class", "problem", "hidden", "", "role", "alert"), text(v.t("This page is over. Open it again from the menu of your system."))))
}

// now shows what is under way.
func (v *visit) now(j *job) node {
	attrs := at("id", "now", "role", "status", "aria-live", "polite")
	if j == nil {
		return el("div", append(attrs, "hidden", ""))
	}
	label := v.doing(j)
	bar := el("progress", at("aria-label", label))
	if share, known := j.progress(); known {
		percent := strconv.Itoa(int(100 * share))
		bar = el("progress", at("aria-label", label, "max", "100", "value", percent), text(percent+" %"))
	}
	return el("div", append(attrs, "class", "working"), el("span", nil, text(label)), bar, el("span", at("class", "quiet"), text(j.text)))
}

func (v *visit) doing(j *job) string {
	switch j.op {
	case "install":
		return v.t("Installing %s", j.name)
	case "update":
		return v.t("Updating %s", j.name)
	case "remove":
		return v.t("Removing %s", j.name)
	}
	return v.t("Installing the updates")
}

// messages are shown once.
func (v *visit) messages() node {
	var all nodes
	for _, m := range v.site.take() {
		all = append(all, v.message(m))
	}
	return all
}

func (v *visit) message(m message) node {
	switch {
	case m.err != nil:
		return v.problem(m.err)
	case m.job == nil:
		return el("p", at("class", "flash", "role", "status"), text(m.text))
	case len(m.done.Steps) == 0:
		return el("p", at("class", "flash", "role", "status"), text(v.t("There was nothing to do.")))
	}
	var steps nodes
	for _, s := range m.done.Steps {
		steps = append(steps, el("li", nil, text(v.change(s.Name, s.From, s.To))))
	}
	for _, n := range m.done.Notes {
		steps = append(steps, el("li", at("class", "quiet"), text(n)))
	}
	if m.done.Reboot {
		steps = append(steps, el("li", nil, text(v.t("The machine has to be restarted to finish what was installed."))))
	}
	return el("div", at("class", "flash", "role", "status"), el("ul", nil, steps...))
}

// problem says in plain words what went wrong; the words of the program are below.
func (v *visit) problem(err error) node {
	return el("div", at("class", "problem", "role", "alert"), el("p", nil, text(v.t(plain(err)))), v.details(err.Error()))
}

// plain is what an error means to a person.
func plain(err error) string {
	switch muster.KindOf(err) {
	case muster.Denied:
		return "You may not do this here. Ask your administrator."
	case muster.Busy:
		return "Something else is going on just now. Try again in a moment."
	case muster.Unavailable:
		return "What is needed cannot be reached just now. Try again later, or when you are on the network."
	case muster.Stale:
		return "The list of software is too old to install from. Try again when you are on the network."
	case muster.NotFound:
		return "It is not there any more."
	case muster.Conflict:
		return "It does not go together with what is installed. Ask your administrator."
	case muster.Invalid:
		return "This cannot be understood."
	}
	return "It did not work. Everything is as it was before."
}

// failed answers with an error alone.
func (v *visit) failed(w http.ResponseWriter, err error) {
	status := map[muster.ErrorKind]int{muster.NotFound: http.StatusNotFound, muster.Invalid: http.StatusBadRequest, muster.Denied: http.StatusForbidden}[muster.KindOf(err)]
	if status == 0 {
		status = http.StatusServiceUnavailable
	}
	v.send(w, status, document(v.lang, v.t("Software"), v.site.folder, nil, v.top("-"), v.now(nil),
		el("main", at("id", "main"), v.problem(err), el("p", nil, el("a", at("href", v.path("")), text(v.t("Go on"))))), v.foot()))
}

// live sends what is under way as it changes, as server-sent events: "now" has a piece
// of the page, "over" has the script ask for the page again.
func (v *visit) live(w http.ResponseWriter) {
	changed, stop := v.site.watch()
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	// The page asks for this once it shows a job: that may be over by then.
	working := v.request.URL.Query().Get("working") != ""
	for {
		j := v.site.current()
		event := "now"
		if working && j == nil {
			event = "over"
		}
		working = j != nil
		data, err := json.Marshal(render(v.now(j)))
		if err == nil {
			_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data)
		}
		if err != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-v.request.Context().Done():
			return
		}
	}
}
