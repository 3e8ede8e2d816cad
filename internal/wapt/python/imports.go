package python

import "strings"

// An imported name: "from os import path as p" has local p and full os.path.
type imported struct {
	local, full string
	star        bool
	line        int
}

func (i imported) module() string {
	module, _, _ := strings.Cut(i.full, ".")
	return module
}

// known reports whether what is imported can be used here, in part at least.
func (i imported) known() bool {
	return helperModules[i.module()] || knownModules[i.module()] || i.module() == "__future__"
}

// parseImport reads an import statement.
func parseImport(s *stmt) []imported {
	h := s.head[1:]
	from := ""
	if s.starts("from") {
		at := 0
		for at < len(h) && !h[at].leaf("import") {
			from += h[at].text
			at++
		}
		h = h[min(at+1, len(h)):]
		if len(h) == 1 && h[0].bracket("(") {
			h = h[0].kids
		}
		if len(h) == 1 && h[0].leaf("*") {
			return []imported{{full: from, star: true, line: s.line}}
		}
		from += "."
	}
	var all []imported
	for _, part := range split(h) {
		all = append(all, importedAs(part, from, s.line))
	}
	return all
}

// importedAs reads "a.b as c". Without "as", "import a.b" binds a.
func importedAs(part []node, from string, line int) imported {
	full := from
	i := 0
	for ; i < len(part) && !part[i].leaf("as"); i++ {
		full += part[i].text
	}
	if i+1 < len(part) {
		return imported{local: part[i+1].text, full: full, line: line}
	}
	local, _, _ := strings.Cut(strings.TrimPrefix(full, from), ".")
	if from == "" {
		full = local
	}
	return imported{local: local, full: full, line: line}
}

// imported converts an import in a block: the names are in scope anyway.
func (c *converter) imported(s *stmt) ([]*stmt, error) {
	for _, i := range parseImport(s) {
		if !i.known() {
			return nil, problem(s.line, "import of %s: there is no such module here", i.full)
		}
		c.learn(i)
	}
	return nil, nil
}

// learn notes what a name of the file means.
func (c *converter) learn(i imported) {
	if !i.star && i.local != "" && i.module() != "__future__" {
		c.imports[i.local] = i.full
	}
}
