package selfservice

import (
	"html"
	"strings"
)

// A node is a piece of a page. Text and attributes are escaped by what writes them: a
// page is made of nodes only, never of strings put together.
//
// This is less than html/template does, and all that these pages need; that package
// keeps the linker from leaving out what is not called, which a program on every host
// should not pay for.
type node interface{ write(*strings.Builder) }

type text string

func (t text) write(b *strings.Builder) { b.WriteString(html.EscapeString(string(t))) }

// An element has attributes in pairs of name and value.
type element struct {
	tag   string
	attrs []string
	nodes []node
}

// nodes are several, one behind the other.
type nodes []node

func (all nodes) write(b *strings.Builder) {
	for _, n := range all {
		if n != nil {
			n.write(b)
		}
	}
}

func at(pairs ...string) []string { return pairs }

func el(tag string, attrs []string, children ...node) node { return element{tag, attrs, children} }

// void are the elements without an end.
var void = map[string]bool{"meta": true, "link": true, "img": true, "input": true, "br": true}

func (e element) write(b *strings.Builder) {
	b.WriteString("<" + e.tag)
	for i := 0; i+1 < len(e.attrs); i += 2 {
		b.WriteString(" " + e.attrs[i] + `="` + html.EscapeString(e.attrs[i+1]) + `"`)
	}
	b.WriteString(">")
	if void[e.tag] {
		return
	}
	nodes(e.nodes).write(b)
	b.WriteString("</" + e.tag + ">")
}

// render writes nodes.
func render(n node) string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

// document is a whole page. folder is where its style and script lie, "" for none.
func document(lang, title, folder string, head []node, body ...node) node {
	all := nodes{el("meta", at("charset", "utf-8")), el("meta", at("name", "viewport", "content", "width=device-width, initial-scale=1")),
		el("title", nil, text(title))}
	if folder != "" {
		all = append(all, el("link", at("rel", "stylesheet", "href", folder+"static/page.css")), el("link", at("rel", "icon", "href", folder+"static/mark.svg")),
			el("script", at("src", folder+"static/page.js", "defer", "")))
	}
	all = append(all, head...)
	return nodes{raw("<!doctype html>"), el("html", at("lang", lang), el("head", nil, all...), el("body", nil, body...))}
}

// raw is markup of this package itself.
type raw string

func (r raw) write(b *strings.Builder) { b.WriteString(string(r)) }
