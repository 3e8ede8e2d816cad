package python

// binds adds to bound the names that s gives a value.
func (s *stmt) binds(bound map[string]bool) {
	h := s.head
	switch {
	case s.starts("def") || s.starts("class"):
		if len(h) > 1 {
			bound[h[1].text] = true
		}
		return // what is inside is its own
	case s.starts("for"):
		for i := 1; i < len(h) && !h[i].leaf("in"); i++ {
			targets(h[i:i+1], bound)
		}
	case s.starts("import") || s.starts("from"):
		for _, i := range parseImport(s) {
			bound[i.local] = true
		}
	case !s.block:
		assigned(h, bound)
	}
	for i := range h {
		if h[i].leaf("as") && i+1 < len(h) {
			targets(h[i+1:i+2], bound)
		}
	}
	for _, b := range s.body {
		b.binds(bound)
	}
}

// assigned adds what stands left of an assignment.
func assigned(h []node, bound map[string]bool) {
	start := 0
	for i := range h {
		if n := &h[i]; n.kind != op || n.shut.kind != 0 || n.text[len(n.text)-1] != '=' || comparisons[n.text] {
			continue
		}
		if i > start && !h[i-1].bracket("[") && (i < 2 || !h[i-2].leaf(".")) {
			targets(h[start:i], bound)
		}
		start = i + 1
	}
}

var comparisons = map[string]bool{"==": true, "!=": true, "<=": true, ">=": true}

// targets adds names, also those in tuples.
func targets(nodes []node, bound map[string]bool) {
	for i := range nodes {
		if nodes[i].shut.kind != 0 {
			targets(nodes[i].kids, bound)
		} else if nodes[i].isName() && (i == 0 || !nodes[i-1].leaf(".")) {
			bound[nodes[i].text] = true
		}
	}
}

// globals adds the names that s declares global, with their lines.
func (s *stmt) globals(found map[string]int) {
	if s.starts("global") {
		for _, n := range s.head[1:] {
			if n.isName() {
				found[n.text] = s.line
			}
		}
	}
	for _, b := range s.body {
		b.globals(found)
	}
}

// uses adds the names that stand anywhere in s, but for attributes.
func (s *stmt) uses(found map[string]bool) {
	for n := range namesIn(s.head) {
		found[n] = true
	}
	for _, b := range s.body {
		b.uses(found)
	}
}

// namesIn is the names that stand in nodes, those in f-strings too.
func namesIn(nodes []node) map[string]bool {
	found := map[string]bool{}
	collect(nodes, found)
	return found
}

func collect(nodes []node, found map[string]bool) {
	for i := range nodes {
		n := &nodes[i]
		switch {
		case n.shut.kind != 0:
			collect(n.kids, found)
		case n.kind == text:
			collectFormat(n, found)
		case n.isName() && (i == 0 || !nodes[i-1].leaf(".")):
			found[n.text] = true
		}
	}
}

func collectFormat(n *node, found map[string]bool) {
	l := parseLiteral(&n.token)
	if !l.format {
		return
	}
	_, args, err := fields(&l)
	if err != nil {
		return // told when the string is converted
	}
	for _, a := range args {
		collect(a, found)
	}
}
