package console

import (
	"slices"

	"muster/index"
	"muster/internal/console/chart"
	"muster/internal/steer"
)

// A needed package is one that another depends on.
type needed struct {
	Name     string
	Relation string // as it stands in the package
	Href     string
	Absent   bool // no package of the repository will do
}

// relations has what the package needs, what needs it, and a drawing of both.
func (p *packagePage) relations(v *visit, list *steer.List) error {
	for _, d := range p.Depends {
		one := needed{Name: d[0].Name, Relation: d.String(), Absent: true}
		for _, r := range d {
			if e := provider(list, r.Name); e != nil {
				one.Name, one.Href, one.Absent = e.Name, v.link("/packages/"+e.Name), false
				break
			}
		}
		p.Needs = append(p.Needs, one)
	}
	for _, name := range list.Names() {
		for _, d := range list.Find(name)[0].Depends {
			for _, r := range d {
				if r.Name == p.Name {
					p.Needed = append(p.Needed, needed{Name: name, Relation: d.String(), Href: v.link("/packages/" + name)})
				}
			}
		}
	}
	p.Graph = chart.Graph(v.t("What %s needs, and what needs it", p.Name), p.graph(v, list)...)
	return nil
}

// provider is the newest package of a name, or one that stands for it.
func provider(list *steer.List, name string) *index.Entry {
	if all := list.Find(name); len(all) > 0 {
		return all[0]
	}
	if others := list.Providers(name); len(others) > 0 {
		return list.Find(others[0])[0]
	}
	return nil
}

// Bounds of the drawing: what is further away is in the pages of what is near.
const (
	graphDepth = 4
	graphNodes = 40
)

// graph draws what the package needs, and what that needs; on the other side those that
// need it themselves.
func (p *packagePage) graph(v *visit, list *steer.List) []chart.Node {
	nodes := []chart.Node{{Name: p.Name, Class: "here"}}
	for _, n := range p.Needed {
		if len(nodes) < graphNodes/2 && !slices.ContainsFunc(nodes, func(m chart.Node) bool { return m.Name == n.Name }) {
			nodes = append(nodes, chart.Node{Name: n.Name, Href: n.Href, Needs: []string{p.Name}})
		}
	}
	level := []*index.Entry{p.Entry}
	for range graphDepth {
		var next []*index.Entry
		for _, e := range level {
			at := slices.IndexFunc(nodes, func(n chart.Node) bool { return n.Name == e.Name })
			for _, d := range e.Depends {
				name, found := d[0].Name, provider(list, d[0].Name)
				if found != nil {
					name = found.Name
				}
				if !slices.ContainsFunc(nodes, func(n chart.Node) bool { return n.Name == name }) {
					if len(nodes) >= graphNodes {
						continue
					}
					node := chart.Node{Name: name, Class: "error"}
					if found != nil {
						node.Class, node.Href = "", v.link("/packages/"+name)
						next = append(next, found)
					}
					nodes = append(nodes, node)
				}
				nodes[at].Needs = append(nodes[at].Needs, name)
			}
		}
		level = next
	}
	return nodes
}
