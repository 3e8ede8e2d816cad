package chart

import (
	"html/template"
)

// Share draws how parts make up a whole, as one bar. total is the whole; what
// parts leave of it stays empty. A total below their sum is their sum.
func Share(title string, total float64, parts ...Part) template.HTML {
	const width, height = 400, 14
	d := draw("share", width, height, listing(title, parts))
	d.add(`<rect class="rest" width="%s" height="%s" rx="3"/>`, px(width), px(height))
	if whole := sum(parts); !known(total) || total < whole {
		total = whole
	}
	at := 0.0
	for i, p := range parts {
		if p.size() == 0 {
			continue
		}
		w := p.size() / total * width
		d.link(p.Href, func() {
			d.add(`<rect class="%s" x="%s" width="%s" height="%s"><title>%s</title></rect>`, p.class(i), px(at), px(w), px(height), p.label())
		})
		at += w
	}
	return d.end()
}

func sum(parts []Part) (all float64) {
	for _, p := range parts {
		all += p.size()
	}
	return all
}

// Bars draws parts as bars below each other, each with its name and value.
func Bars(title string, parts ...Part) template.HTML {
	const width, row, names, values = 600.0, 22.0, 200.0, 70.0
	d := draw("bars", width, max(row, row*float64(len(parts))), listing(title, parts))
	largest := 0.0
	for _, p := range parts {
		largest = max(largest, p.size())
	}
	for i, p := range parts {
		y, w := row*float64(i), 0.0
		if largest > 0 {
			w = p.size() / largest * (width - names - values)
		}
		d.link(p.Href, func() {
			d.add(`<g><title>%s</title><text class="name" x="%s" y="%s" text-anchor="end">%s</text>`, p.label(), px(names-8), px(y+15), shorten(p.Name, 30))
			d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, p.class(i), px(names), px(y+4), px(w), px(row-8))
			d.add(`<text class="value" x="%s" y="%s">%s</text></g>`, px(names+w+6), px(y+15), p.text())
		})
	}
	return d.end()
}

// shorten cuts a name that is longer than so many characters.
func shorten(name string, n int) string {
	runes := []rune(name)
	if len(runes) <= n {
		return name
	}
	return string(runes[:n-1]) + "…"
}
