package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// A Series is one line of a plot.
type Series struct {
	Name   string
	Values []float64 // at the times of the plot; NaN where nothing is known
	Class  string    // of CSS; "" is c1 to c8 in turn
}

// A Plot is lines over time.
type Plot struct {
	Title string
	Times []time.Time // increasing
	Lines []Series
	// Stacked puts areas on each other, as for parts of a whole.
	Stacked bool
	// Top is the end of the scale; 0 is one that fits.
	Top  float64
	Unit string // behind the numbers of the scale: "%"
}

// frame is where the lines of a plot are, in its units.
const (
	plotWidth, plotHeight = 720.0, 240.0
	frameLeft, frameRight = 56.0, 708.0
	frameTop, frameBottom = 10.0, 208.0
)

// Lines draws a plot with its scales. A plot with fewer than two times is empty.
func Lines(p Plot) template.HTML {
	d := draw("lines", plotWidth, plotHeight, p.label())
	values := p.heights()
	top := p.top(values)
	d.scale(top, p.Unit)
	if len(p.Times) < 2 {
		d.add(`<text class="empty" x="%s" y="%s" text-anchor="middle">%s</text>`, px((frameLeft+frameRight)/2), px((frameTop+frameBottom)/2), "—")
		return d.end()
	}
	d.dates(p)
	// The last one first: those on top of it cover what is below them.
	for i := len(p.Lines) - 1; i >= 0; i-- {
		class := Part{Class: p.Lines[i].Class}.class(i)
		path, area := p.path(values[i], top), raw("")
		if p.Stacked {
			area = p.area(values, i, top)
		}
		d.add(`<g class="%s"><title>%s</title>`, class, p.Lines[i].Name)
		if area != "" {
			d.add(`<path class="area" d="%s"/>`, area)
		}
		d.add(`<path class="line" fill="none" d="%s"/></g>`, path)
	}
	return d.end()
}

// label says where each line begins and ends.
func (p *Plot) label() string {
	var b strings.Builder
	b.WriteString(p.Title)
	for i, s := range p.Lines {
		if i == maxListed {
			fmt.Fprintf(&b, "; and %d more", len(p.Lines)-i)
			break
		}
		first, last := math.NaN(), math.NaN()
		for _, v := range s.Values {
			if known(v) {
				if !known(first) {
					first = v
				}
				last = v
			}
		}
		if !known(first) {
			continue
		}
		fmt.Fprintf(&b, "; %s: %s%s → %s%s", s.Name, Number(first), p.Unit, Number(last), p.Unit)
	}
	return b.String()
}

// heights are the values of the lines, one on the other where they are stacked,
// as many as there are times.
func (p *Plot) heights() [][]float64 {
	all := make([][]float64, len(p.Lines))
	for i, s := range p.Lines {
		all[i] = make([]float64, len(p.Times))
		for j := range p.Times {
			v := math.NaN()
			if j < len(s.Values) && known(s.Values[j]) {
				v = s.Values[j]
			}
			if p.Stacked {
				below := 0.0
				if i > 0 {
					below = all[i-1][j]
				}
				if !known(v) || v < 0 {
					v = 0
				}
				v += below
			}
			all[i][j] = v
		}
	}
	return all
}

// top is the end of the scale: 1, 2 or 5 times a power of ten.
func (p *Plot) top(values [][]float64) float64 {
	if known(p.Top) && p.Top > 0 {
		return p.Top
	}
	largest := 0.0
	for _, line := range values {
		for _, v := range line {
			if known(v) {
				largest = max(largest, v)
			}
		}
	}
	if largest <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(largest)))
	for _, step := range []float64{1, 2, 5} {
		if largest <= step*power {
			return step * power
		}
	}
	return 10 * power
}

func height(v, top float64) float64 {
	return frameBottom - min(max(v/top, 0), 1)*(frameBottom-frameTop)
}

// scale draws the scale of values.
func (d *drawing) scale(top float64, unit string) {
	const steps = 4
	for i := range steps + 1 {
		v := top * float64(i) / steps
		y := height(v, top)
		d.add(`<line class="grid" x1="%s" x2="%s" y1="%s" y2="%s"/>`, px(frameLeft), px(frameRight), px(y), px(y))
		text := Number(v)
		if v < 10 {
			text = trimmed(v, 2)
		}
		d.add(`<text class="tick" x="%s" y="%s" text-anchor="end">%s%s</text>`, px(frameLeft-6), px(y+4), text, unit)
	}
}

// dates draws the scale of times.
func (d *drawing) dates(p Plot) {
	first, last := p.Times[0], p.Times[len(p.Times)-1]
	layout := "2006-01-02"
	if last.Sub(first) <= 48*time.Hour {
		layout = "01-02 15:04"
	}
	const steps = 4
	for i := range steps + 1 {
		at := first.Add(last.Sub(first) / steps * time.Duration(i))
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case steps:
			anchor = "end"
		}
		d.add(`<text class="tick" x="%s" y="%s" text-anchor="%s">%s</text>`, px(p.place(at)), px(frameBottom+20), anchor, at.Format(layout))
	}
}

// place is where a time is on the scale.
func (p *Plot) place(at time.Time) float64 {
	first, last := p.Times[0], p.Times[len(p.Times)-1]
	span := last.Sub(first)
	if span <= 0 {
		return frameLeft
	}
	share := float64(at.Sub(first)) / float64(span)
	return frameLeft + min(max(share, 0), 1)*(frameRight-frameLeft)
}

// path is a line with gaps.
func (p *Plot) path(values []float64, top float64) raw {
	var b strings.Builder
	pen := "M"
	for j, v := range values {
		if !known(v) {
			pen = "M"
			continue
		}
		b.WriteString(pen + string(px(p.place(p.Times[j]))+" "+px(height(v, top))))
		pen = "L"
	}
	return raw(b.String())
}

// area is what lies between line i and the one below it.
func (p *Plot) area(values [][]float64, i int, top float64) raw {
	var b strings.Builder
	b.WriteString(string(p.path(values[i], top)))
	for j := len(p.Times) - 1; j >= 0; j-- {
		below := 0.0
		if i > 0 {
			below = values[i-1][j]
		}
		b.WriteString("L" + string(px(p.place(p.Times[j]))+" "+px(height(below, top))))
	}
	b.WriteString("Z")
	return raw(b.String())
}

// Spark draws a line without scales, for use beside a number.
func Spark(title string, values ...float64) template.HTML {
	const width, height, margin = 100.0, 24.0, 2.0
	first, low, high := -1, math.Inf(1), math.Inf(-1)
	last := 0
	for i, v := range values {
		if known(v) {
			if first < 0 {
				first = i
			}
			last, low, high = i, min(low, v), max(high, v)
		}
	}
	if first < 0 {
		return draw("spark", width, height, title).end()
	}
	d := draw("spark", width, height, fmt.Sprintf("%s: %s → %s", title, Number(values[first]), Number(values[last])))
	if high == low {
		low, high = low-1, high+1
	}
	x := func(i int) float64 { return margin + float64(i)/float64(max(1, len(values)-1))*(width-2*margin) }
	y := func(v float64) float64 { return height - margin - (v-low)/(high-low)*(height-2*margin) }
	var b strings.Builder
	pen := "M"
	for i, v := range values {
		if !known(v) {
			pen = "M"
			continue
		}
		b.WriteString(pen + string(px(x(i))+" "+px(y(v))))
		pen = "L"
	}
	d.add(`<path class="line" fill="none" d="%s"/><circle cx="%s" cy="%s" r="2"/>`, raw(b.String()), px(x(last)), px(y(values[last])))
	return d.end()
}
