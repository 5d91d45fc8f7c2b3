package plot

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The drawing's measures, in pixels.
const (
	width      = 760
	left       = 88
	right      = 20
	top        = 48
	inset      = 26  // of the first and the last count of tenants from the sides
	bottom     = 330 // of the area that has the lines
	lineHeight = 18
	textWidth  = 118 // characters of a line of conditions
)

// style is for a light page, and dark for a dark one.
const style = `
text{font:12px system-ui,sans-serif;fill:#24292f}
.title{font-size:15px;font-weight:600}
.small{font-size:10.5px;fill:#57606a}
.back{fill:#ffffff}
.grid{stroke:#d8dee4}
.axis{stroke:#57606a;fill:none}
.line{fill:none;stroke-width:2}
.range{stroke-width:1.5}
`

const dark = `text{fill:#e6edf3}
.small{fill:#9aa4af}
.back{fill:#0d1117}
.grid{stroke:#30363d}
.axis{stroke:#9aa4af}
`

// colours of the lines on a light page and on a dark one. The hues are Okabe and Ito's, which people who see
// fewer colours can tell apart; the marks differ, too.
func colours() (light, dark []string) {
	return []string{"#0072b2", "#d55e00", "#007f5f", "#b0568f", "#8a6d00", "#3a8fc4", "#57606a", "#8f2d0a"},
		[]string{"#56b4e9", "#ff9248", "#2fcf9f", "#e59cc6", "#f0d442", "#a9dbff", "#aab4be", "#ff7b5a"}
}

// most is how many lines have a colour of their own.
const most = 8

func css() string {
	var b strings.Builder
	paint := func(colours []string) {
		for i, colour := range colours {
			fmt.Fprintf(&b, ".line.s%[1]d,.range.s%[1]d{stroke:%[2]s}.mark.s%[1]d{fill:%[2]s}\n", i, colour)
		}
	}
	onLight, onDark := colours()
	b.WriteString(style)
	paint(onLight)
	b.WriteString("@media(prefers-color-scheme:dark){\n" + dark)
	paint(onDark)
	b.WriteString("}\n")
	return b.String()
}

// drawing is an SVG in the making.
type drawing struct {
	strings.Builder

	x, y scale
}

func (c *Chart) svg() string {
	conditions := wrap("Conditions: "+strings.Join(c.conditions, "; ")+".", textWidth)
	legend := bottom + 62
	height := legend + lineHeight*len(c.series) + 14*len(conditions) + 22
	d := &drawing{}
	d.x, d.y = c.scales()
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		width, height, width, height, html.EscapeString(c.title))
	d.printf("<style>%s</style>\n", css())
	d.printf(`<rect class="back" width="%d" height="%d"/>`+"\n", width, height)
	d.text(left, 26, "title", "start", c.title)
	d.axes(c)
	for i, s := range c.series {
		d.series(i, s)
	}
	for i, s := range c.series {
		d.legend(i, s, legend+lineHeight*i)
	}
	for i, line := range conditions {
		d.text(left, float64(legend+lineHeight*len(c.series)+14*i+8), "small", "start", line)
	}
	d.printf("</svg>\n")
	return d.String()
}

// scales fit all points. The axis of tenants is logarithmic always.
func (c *Chart) scales() (x, y scale) {
	few, many := math.Inf(1), 1.0
	low, high := math.Inf(1), c.most
	for _, s := range c.series {
		for _, p := range s.points {
			if !s.level {
				few, many = math.Min(few, p.x), math.Max(many, p.x)
			}
			high = math.Max(high, p.high)
			if p.low > 0 {
				low = math.Min(low, p.low)
			}
		}
	}
	if math.IsInf(few, 1) {
		few = 1
	}
	x = logScale(few, many, left+inset, width-right-inset)
	if c.log && !math.IsInf(low, 1) {
		return x, logScale(low, high, bottom, top)
	}
	return x, linearScale(high, bottom, top)
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *drawing) text(x, y float64, class, anchor, text string) {
	d.printf(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(text))
}

func (d *drawing) axes(c *Chart) {
	for _, v := range d.y.marks {
		y := d.y.at(v)
		d.printf(`<path class="grid" d="M%d %.1fH%d"/>`, left, y, width-right)
		d.text(left-8, y+4, "", "end", label(v))
	}
	for _, v := range d.x.marks {
		x := d.x.at(v)
		d.printf(`<path class="grid" d="M%.1f %dV%d"/>`, x, top, bottom)
		d.text(x, bottom+18, "", "middle", label(v))
	}
	d.printf(`<path class="axis" d="M%d %dV%dH%d"/>`, left, top, bottom, width-right)
	d.text((left+width-right)/2, bottom+38, "", "middle", "tenants")
	d.printf(`<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n",
		(top+bottom)/2, html.EscapeString(c.axis))
}

// series draws one line through the medians, a mark at each, and from the lowest to the highest round.
func (d *drawing) series(i int, s series) {
	class := fmt.Sprintf("s%d", i%most)
	if s.level {
		y := d.y.at(s.points[0].y)
		d.printf(`<path class="line %s" stroke-dasharray="8 5" d="M%d %.1fH%d"/>`+"\n", class, left, y, width-right)
		return
	}
	var path strings.Builder
	for n, p := range s.points {
		x, y := d.x.at(p.x), d.y.at(p.y)
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(n, 1)], x, y)
		if p.high > p.low {
			d.printf(`<path class="range %s" d="M%.1f %.1fV%.1f"/>`, class, x, d.y.at(p.low), d.y.at(p.high))
		}
		d.mark(i, x, y)
	}
	dash := ""
	if s.bound {
		dash = ` stroke-dasharray="3 4"`
	}
	d.printf(`<path class="line %s"%s d="%s"/>`+"\n", class, dash, path.String())
}

// legend names a line, and says where it ends.
func (d *drawing) legend(i int, s series, y int) {
	dash := ""
	switch {
	case s.level:
		dash = ` stroke-dasharray="8 5"`
	case s.bound:
		dash = ` stroke-dasharray="3 4"`
	}
	d.printf(`<path class="line s%d"%s d="M%d %dh28"/>`, i%most, dash, left, y-4)
	if !s.level {
		d.mark(i, left+14, float64(y-4))
	}
	last := s.points[len(s.points)-1]
	value := strings.TrimSpace(label(last.y) + " " + s.unit)
	if !s.level {
		value += " at " + label(last.x) + " tenants"
	}
	d.text(left+38, float64(y), "", "start", s.name+": "+value)
}

// mark is a disc, a square, a diamond or a triangle, by the line's number.
func (d *drawing) mark(i int, x, y float64) {
	shapes := []string{"m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "m-3.6-3.6h7.2v7.2h-7.2z", "m0-5l5 5l-5 5l-5-5z", "m0-4.6l4.6 8h-9.2z"}
	d.printf(`<path class="mark s%d" d="M%.1f %.1f%s"/>`, i%most, x, y, shapes[i%len(shapes)])
}

// wrap breaks a text between words.
func wrap(text string, most int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > most {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
