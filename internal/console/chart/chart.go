// Package chart draws plots as SVG, for pages that work without a script.
//
// Start with [Share], [Donut], [Bars], [Spark] and [Lines]: each takes numbers and
// returns one svg element, for use within HTML. What a plot shows is also in its
// label, in words, for those who hear the page; each part has a title, which
// browsers show under the pointer.
//
// Nothing in a plot says a colour: parts have the classes c1 to c8, or the one
// that they are given, and the page's style has the rest, light and dark. There are
// no inline styles, which a strict Content-Security-Policy refuses.
//
// # Promise
//
// The same numbers give the same bytes. Texts are escaped. NaN is a gap, what no
// one counts (above 1e15) is a gap too; nothing panics, whatever comes.
package chart

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// A Part is a named number: a slice, or a bar.
type Part struct {
	Name  string
	Value float64 // below 0 counts as 0
	Class string  // of CSS; "" is c1 to c8 in turn
	Href  string  // where it leads; "" is nowhere
	Text  string  // the value as people read it; "" is the number
}

func (p Part) class(i int) string {
	if p.Class != "" {
		return p.Class
	}
	return "c" + strconv.Itoa(i%8+1)
}

func (p Part) size() float64 {
	if !known(p.Value) || p.Value < 0 {
		return 0
	}
	return p.Value
}

func (p Part) text() string {
	if p.Text != "" {
		return p.Text
	}
	return Number(p.size())
}

func (p Part) label() string { return p.Name + ": " + p.text() }

// Number writes a number short: 950, 12.3 k, 4 M.
func Number(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e4, " k"}} {
		if math.Abs(v) >= u.size {
			if u.size == 1e4 {
				u.size = 1e3
			}
			return trimmed(v/u.size, 1) + u.name
		}
	}
	return trimmed(v, 1)
}

// trimmed writes v with at most so many decimals, and no zeros at their end.
func trimmed(v float64, decimals int) string {
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// known reports whether v is a number that can be drawn: beyond what one counts,
// sums and quotients would be none.
func known(v float64) bool { return math.Abs(v) <= 1e15 }

// A drawing is an svg element in the making.
type drawing struct{ strings.Builder }

// draw begins a drawing of a width and height, in units that the page scales.
func draw(kind string, width, height float64, label string) *drawing {
	d := new(drawing)
	d.add(`<svg class="chart %s" viewBox="0 0 %s %s" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		kind, px(width), px(height), label)
	return d
}

// add writes a format whose texts are escaped. What is drawn is of type raw.
func (d *drawing) add(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case raw:
			args[i] = string(a)
		case string:
			args[i] = html.EscapeString(strings.ToValidUTF8(a, "\uFFFD"))
		}
	}
	fmt.Fprintf(d, format, args...)
}

// raw is text that was made here, of numbers.
type raw string

// end closes the drawing. One with links is no image: what is within an image cannot be
// reached by who does not see it.
func (d *drawing) end() template.HTML {
	d.WriteString("</svg>")
	text := d.String()
	if strings.Contains(text, "<a ") {
		text = strings.Replace(text, `role="img"`, `role="group"`, 1)
	}
	return template.HTML(text)
}

// link draws what leads to href, or only what draw draws.
func (d *drawing) link(href string, draw func()) {
	if href == "" {
		draw()
		return
	}
	d.add(`<a href="%s">`, safe(href))
	draw()
	d.WriteString("</a>")
}

// safe keeps addresses of the page's own server, and drops all others: names of
// software come from hosts.
func safe(href string) string {
	if strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "//") && !strings.Contains(href, `\`) || strings.HasPrefix(href, "?") || strings.HasPrefix(href, "#") {
		return href
	}
	return "#"
}

// px writes a length, with at most two decimals.
func px(v float64) raw { return raw(trimmed(v, 2)) }

// listing is what a plot of parts says to those who do not see it.
func listing(title string, parts []Part) string {
	var b strings.Builder
	b.WriteString(title)
	for i, p := range parts {
		switch {
		case i == 0:
			b.WriteString(": ")
		default:
			b.WriteString(", ")
		}
		if i == maxListed {
			fmt.Fprintf(&b, "and %d more", len(parts)-i)
			break
		}
		b.WriteString(p.Name + " " + p.text())
	}
	return b.String()
}

// maxListed bounds what is read aloud.
const maxListed = 12
