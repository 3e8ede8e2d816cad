package chart

import (
	"html/template"
	"strings"
)

// A Node is one of a graph.
type Node struct {
	Name  string
	Href  string
	Class string
	Needs []string // names of nodes
}

// Sizes of a graph.
const (
	nodeWidth, nodeHeight = 150.0, 24.0
	nodeAcross, nodeDown  = 200.0, 36.0
)

// Graph draws nodes in columns: each stands to the left of all that it needs, unless
// they need one another. What is drawn is also in the label, in words.
func Graph(title string, nodes ...Node) template.HTML {
	at, columns := layout(nodes)
	rows := 1
	for _, c := range columns {
		rows = max(rows, c)
	}
	width, height := nodeAcross*float64(max(1, len(columns)))-(nodeAcross-nodeWidth), nodeDown*float64(rows)
	d := new(drawing) // in its own size: texts are to be read
	d.add(`<svg class="chart graph" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		px(width+2), px(height+2), px(width+2), px(height+2), words(title, nodes))
	place := func(p spot) (x, y float64) {
		return nodeAcross*float64(p.column) + 1, (height-nodeDown*float64(columns[p.column]))/2 + nodeDown*float64(p.row) + (nodeDown-nodeHeight)/2 + 1
	}
	for _, n := range nodes {
		x, y := place(at[n.Name])
		for _, name := range n.Needs {
			to, ok := at[name]
			if !ok {
				continue
			}
			tx, ty := place(to)
			x1, y1, x2, y2 := x+nodeWidth, y+nodeHeight/2, tx, ty+nodeHeight/2
			middle := (x1 + x2) / 2
			d.add(`<path class="edge" fill="none" d="M%s %sC%s %s %s %s %s %s"/>`, px(x1), px(y1), px(middle), px(y1), px(middle), px(y2), px(x2), px(y2))
		}
	}
	for _, n := range nodes {
		x, y := place(at[n.Name])
		d.link(n.Href, func() {
			d.add(`<g class="node %s"><title>%s</title><rect x="%s" y="%s" width="%s" height="%s" rx="5"/>`, n.Class, n.Name, px(x), px(y), px(nodeWidth), px(nodeHeight))
			d.add(`<text x="%s" y="%s" text-anchor="middle">%s</text></g>`, px(x+nodeWidth/2), px(y+16), shorten(n.Name, 20))
		})
	}
	return d.end()
}

// A spot is where a node stands.
type spot struct{ column, row int }

// layout puts each node behind the last of those that need it, and says how many nodes
// each column has. Where nodes need one another the way round is cut: no node moves
// more often than there are nodes.
func layout(nodes []Node) (map[string]spot, []int) {
	depth := map[string]int{}
	for _, n := range nodes {
		depth[n.Name] = 0
	}
	for range nodes {
		moved := false
		for _, n := range nodes {
			for _, to := range n.Needs {
				if d, ok := depth[to]; ok && to != n.Name && d <= depth[n.Name] && depth[n.Name]+1 < len(depth) {
					depth[to], moved = depth[n.Name]+1, true
				}
			}
		}
		if !moved {
			break
		}
	}
	return spots(nodes, depth)
}

// spots leaves out columns that have no node.
func spots(nodes []Node, depth map[string]int) (map[string]spot, []int) {
	used := make([]bool, len(nodes)+1)
	for _, d := range depth {
		used[d] = true
	}
	column, n := make([]int, len(used)), 0
	for d, yes := range used {
		if column[d] = n; yes {
			n++
		}
	}
	at, columns := map[string]spot{}, make([]int, n)
	for _, node := range nodes {
		if _, twice := at[node.Name]; twice {
			continue
		}
		c := column[depth[node.Name]]
		at[node.Name] = spot{c, columns[c]}
		columns[c]++
	}
	return at, columns
}

// words say what a graph says.
func words(title string, nodes []Node) string {
	var b strings.Builder
	b.WriteString(title)
	for i, n := range nodes {
		if len(n.Needs) == 0 || i >= maxListed {
			continue
		}
		b.WriteString("; " + n.Name + " → " + strings.Join(n.Needs[:min(len(n.Needs), maxListed)], ", "))
	}
	return b.String()
}
