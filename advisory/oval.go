package advisory

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"muster"
)

// Bounds on OVAL, by which a hostile document takes some 500 MB. The largest
// known ones are Ubuntu's of a release: 150 MB, some 500,000 items.
const (
	maxOvalItems = 2_000_000 // definitions, tests, objects, states and variables
	maxOvalNodes = 4_000_000
	maxOvalNames = 5_000   // names of packages that one variable lists
	maxOvalArchs = 32      // architectures that one state lists
	maxOvalHeld  = 500_000 // rows of criteria inside of each other
	maxOvalKept  = 500_000 // rows of tests, and of definitions that others extend
	maxOvalDepth = 50      // definitions that extend each other
	maxOvalCheck = 200     // bytes of the expression of a release
)

// OVAL reads a document of the Open Vulnerability and Assessment Language,
// version 5: those in which Red Hat, SUSE, Oracle, Debian, Ubuntu and others say
// which packages are vulnerable.
//
// A definition of class patch or vulnerability is an advisory. Its criteria are
// brought into rows of release, package and versions, by what its tests test,
// not by what their comments say: see [ovalDocument.expand]. Where criteria say
// what no row can, as that two packages are installed together, the definition
// goes to [Options.Skip] and what can be said is kept.
func OVAL(r io.Reader, o Options, yield func(*Advisory) error) error {
	text, end, err := o.document(r)
	if err != nil {
		return err
	}
	defer end()
	d := newOval(&o, text)
	if err := d.read(); err != nil {
		return err
	}
	d.same()
	for i := range d.definitions {
		f := &d.definitions[i]
		if f.class != "patch" && f.class != "vulnerability" {
			continue
		}
		if err := d.advisory(f, yield); err != nil {
			return err
		}
		f.criteria = ovalNode{}
	}
	return nil
}

// An ovalDocument is a document as read. Items refer to each other by number:
// the ids of a document are long, and each stands there many times.
type ovalDocument struct {
	o           *Options
	x           *xmlReader
	numbers     map[string]int32
	ids         []string
	definitions []ovalDefinition
	byID        map[int32]int // place in definitions
	tests       map[int32]ovalTest
	objects     map[int32]ovalObject
	states      map[int32]ovalState
	variables   map[int32][]string
	nodes       int
	found       bool
	names       map[string]string // each text once
	atoms       map[int32]ovalTerm
	onItself    map[int32]bool
	extended    map[int32]ovalTerm
	sameID      map[int32][]int // other definitions of the same ID, by the first
	kept        int             // rows of atoms and extended
	held        int             // rows of the criteria that are being joined
	wrong       error           // what ends the document: it becomes too much
}

// An ovalDefinition is a definition before its tests are known.
type ovalDefinition struct {
	id       int32
	class    string
	a        Advisory
	cpes     []string
	systems  []string // platforms, as they are called for people
	criteria ovalNode
}

// An ovalNode is a criteria with nodes inside, or a criterion, which is a test,
// or another definition.
type ovalNode struct {
	operator string // "" AND
	negated  bool
	test     int32 // else 0
	extends  int32 // else 0
	inside   []ovalNode
}

// An ovalTest joins an object and states.
type ovalTest struct {
	kind      string // element: rpminfo_test
	check     string
	existence string
	operator  string // of states
	object    int32
	states    []int32
}

// An ovalObject says what a test looks at.
type ovalObject struct {
	entities []ovalEntity
	complex  bool // it has sets or filters, or is a set
}

// An ovalState says what a test looks for.
type ovalState struct {
	entities []ovalEntity
	operator string
}

// An ovalEntity is an element of an object or a state.
type ovalEntity struct {
	name, operation, value string
	variable               int32 // its values are those of a variable; else 0
}

func newOval(o *Options, text io.Reader) *ovalDocument {
	return &ovalDocument{
		o: o, x: newXMLReader(o.Name, text), numbers: map[string]int32{}, ids: make([]string, 1), byID: map[int32]int{},
		tests: map[int32]ovalTest{}, objects: map[int32]ovalObject{}, states: map[int32]ovalState{},
		variables: map[int32][]string{}, names: map[string]string{}, atoms: map[int32]ovalTerm{}, onItself: map[int32]bool{},
		extended: map[int32]ovalTerm{}, sameID: map[int32][]int{},
	}
}

// number is the number of an id; 0 that of none.
func (d *ovalDocument) number(id string) (int32, error) {
	if id == "" {
		return 0, nil
	}
	if n, ok := d.numbers[id]; ok {
		return n, nil
	}
	if len(d.ids) >= maxOvalItems {
		return 0, d.x.fail(fmt.Errorf("more than %d items", maxOvalItems))
	}
	n := int32(len(d.ids))
	d.numbers[id] = n
	d.ids = append(d.ids, id)
	return n, nil
}

// once is the one copy of a text.
func (d *ovalDocument) once(s string) string {
	if t, ok := d.names[s]; ok {
		return t
	}
	d.names[s] = s
	return s
}

// read reads the document. oval_definitions is its root, or stands in a
// collection of several or in results.
func (d *ovalDocument) read() error {
	var visit func(e xml.StartElement) error
	visit = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "oval_definitions":
			d.found = true
			return d.x.each(d.section)
		case "results", "system":
			return nil
		}
		return d.x.each(visit)
	}
	err := d.x.each(visit)
	if err == nil && !d.found {
		err = muster.Errorf(muster.Invalid, "%q is no OVAL: it has no oval_definitions", d.o.Name)
	}
	return err
}

func (d *ovalDocument) section(e xml.StartElement) error {
	switch e.Name.Local {
	case "definitions":
		return d.x.each(d.definition)
	case "tests":
		return d.x.each(d.test)
	case "objects":
		return d.x.each(d.object)
	case "states":
		return d.x.each(d.state)
	case "variables":
		return d.x.each(d.variable)
	}
	return nil
}

func (d *ovalDocument) definition(e xml.StartElement) error {
	if e.Name.Local != "definition" {
		return nil
	}
	id, err := d.number(attr(e, "id"))
	if err != nil {
		return err
	}
	f := ovalDefinition{id: id, class: attr(e, "class"), a: Advisory{Source: "oval"}}
	if attr(e, "deprecated") == "true" {
		f.class = "deprecated"
	}
	err = d.x.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "metadata":
			return d.x.each(func(e xml.StartElement) error { return d.metadata(&f, e) })
		case "criteria":
			return d.criteria(&f.criteria, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, twice := d.byID[id]; twice || id == 0 {
		return d.o.skip(attr(e, "id"), errors.New("it has no id of its own"))
	}
	d.byID[id] = len(d.definitions)
	d.definitions = append(d.definitions, f)
	return nil
}

func (d *ovalDocument) metadata(f *ovalDefinition, e xml.StartElement) error {
	switch e.Name.Local {
	case "title":
		title, err := d.x.text()
		f.a.Summary = Summarize(title)
		return err
	case "affected":
		return d.x.each(func(e xml.StartElement) error {
			if e.Name.Local != "platform" {
				return nil
			}
			platform, err := d.x.text()
			f.systems = appendBounded(f.systems, d.once(platform))
			return err
		})
	case "reference":
		d.reference(f, e)
	case "advisory":
		return d.x.each(func(e xml.StartElement) error { return d.statement(f, e) })
	case "debian": // Debian says when it was published
		return d.x.each(func(e xml.StartElement) error {
			if e.Name.Local != "date" {
				return nil
			}
			day, err := d.x.text()
			f.a.Published = parseTime(day)
			return err
		})
	}
	return nil
}

// reference takes the name of the advisory, or its first CVE, from a reference.
// Others are aliases.
func (d *ovalDocument) reference(f *ovalDefinition, e xml.StartElement) {
	id, url := attr(e, "ref_id"), attr(e, "ref_url")
	if i := strings.LastIndexByte(id, ':'); i >= 0 && findCVE(id[i+1:]) != "" {
		id = id[i+1:] // Photon: CVE:00001:CVE-2019-16168
	}
	if cve := findCVE(id); cve != "" && strings.Contains(id, " ") {
		id = cve // SUSE: Mitre CVE-2021-1
	}
	switch {
	case f.a.ID == "":
		f.a.ID = id
	case findCVE(id) != "":
		f.a.Aliases = appendBounded(f.a.Aliases, id)
	}
	if url != "" {
		f.a.References = appendBounded(f.a.References, url)
	}
}

// statement reads what the publisher says beside: severity, days, CVEs, CPEs.
func (d *ovalDocument) statement(f *ovalDefinition, e xml.StartElement) error {
	switch e.Name.Local {
	case "severity":
		word, err := d.x.text()
		f.a.Severity = severityOf(word)
		return err
	case "issued":
		f.a.Published = parseTime(attr(e, "date"))
	case "updated":
		f.a.Modified = parseTime(attr(e, "date"))
	case "public_date":
		day, err := d.x.text()
		f.a.Published = parseTime(day)
		return err
	case "cve":
		if vector := attr(e, "cvss3"); f.a.CVSS == "" {
			if _, v, ok := strings.Cut(vector, "/"); ok && strings.HasPrefix(v, "CVSS:") {
				f.a.CVSS = v
			}
		}
		cve, err := d.x.text()
		f.a.Aliases = appendBounded(f.a.Aliases, findCVE(cve))
		return err
	case "affected_cpe_list":
		return d.x.each(func(e xml.StartElement) error {
			cpe, err := d.x.text()
			f.cpes = appendBounded(f.cpes, d.once(cpe))
			return err
		})
	}
	return nil
}

func (d *ovalDocument) criteria(n *ovalNode, e xml.StartElement) (err error) {
	if d.nodes++; d.nodes > maxOvalNodes {
		return d.x.fail(fmt.Errorf("more than %d criteria", maxOvalNodes))
	}
	n.negated = attr(e, "negate") == "true"
	switch e.Name.Local {
	case "criterion":
		n.test, err = d.number(attr(e, "test_ref"))
		return err
	case "extend_definition":
		n.extends, err = d.number(attr(e, "definition_ref"))
		return err
	}
	n.operator = d.once(attr(e, "operator"))
	return d.x.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "criteria", "criterion", "extend_definition":
			n.inside = append(n.inside, ovalNode{})
			return d.criteria(&n.inside[len(n.inside)-1], e)
		}
		return nil
	})
}
