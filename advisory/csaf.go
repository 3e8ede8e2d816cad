package advisory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds on CSAF. The largest documents are those of kernels: some 100,000
// products, of 40 MB.
const (
	maxProducts   = 1_000_000
	maxVulns      = 10_000     // an update of SUSE's kernel mends some 1,000
	maxListed     = 10_000_000 // of products, by all lists of a document
	maxComponents = 8          // a component of a component of ...
)

// CSAF reads a document of CSAF 2.0 (OASIS), which is one advisory: a vendor's
// security advisory (RHSA, SUSE-SU), or what a vendor says of one CVE (VEX).
//
// Rows are made of the products that a vulnerability has the status fixed,
// recommended, known affected or under investigation for. A product is a package
// (by its purl, or its name, version and architecture) as a component of a
// platform (by its CPE), perhaps by way of a module. Products that are no
// packages of a system, images of containers above all, are passed over. A
// document that was deleted says nothing.
//
// An archive (tar) of documents is read document by document, each with the
// bounds of one; [CSAFFolder] reads a folder of them.
func CSAF(r io.Reader, o Options, yield func(*Advisory) error) error {
	packed := &countingReader{r: r}
	text, end, err := o.plain(packed)
	if err != nil {
		return err
	}
	defer end()
	in := bufio.NewReader(text)
	if head, err := in.Peek(262); err == nil && string(head[257:]) == "ustar" {
		return o.csafTar(&growingReader{r: in, packed: packed, name: o.Name, ctx: o.Context}, yield)
	}
	return o.csaf(in, yield)
}

// csaf reads one document.
func (o *Options) csaf(in io.Reader, yield func(*Advisory) error) error {
	c := newCSAF(o, o.bounded(in))
	if err := c.read(); err != nil {
		return err
	}
	if c.status == "deleted" {
		return nil
	}
	if err := c.check(); err != nil {
		return o.skip(c.a.ID, err)
	}
	if err := c.rows(); err != nil {
		return o.skip(c.a.ID, err)
	}
	if len(c.a.Affected) == 0 {
		return nil
	}
	return o.give(&c.a, yield)
}

// A product is one of the product tree. Products are known by number: a
// document names each many times.
type product struct {
	id, name, purl, cpe string
	component, platform int32 // where it is a relationship; else 0
}

// A vuln is one vulnerability of a document.
type vuln struct {
	statuses map[string][]int32 // products by status
	noFix    map[int32]string   // status of products that will not be mended
	impact   map[int32]Severity // 0 is the one for all products
}

// A csafReader is a document while it is read.
type csafReader struct {
	o        *Options
	j        *jsonReader
	a        Advisory
	version  string // csaf_version
	status   string // of tracking
	self     []string
	external []string
	numbers  map[string]int32
	listed   int
	products []product // products[0] is none
	vulns    []vuln
	resolved map[int32]target // by product
	systems  map[int32]target // by platform
}

func newCSAF(o *Options, text io.Reader) *csafReader {
	return &csafReader{
		o: o, j: newJSONReader(o.Name, text), a: Advisory{Source: "csaf"},
		numbers: map[string]int32{}, products: make([]product, 1),
		resolved: map[int32]target{}, systems: map[int32]target{},
	}
}

func (c *csafReader) read() error {
	err := c.j.object(func(key string) error {
		switch key {
		case "document":
			return c.j.object(c.document)
		case "product_tree":
			return c.j.object(c.tree)
		case "vulnerabilities":
			return c.j.array(c.vulnerability)
		}
		return c.j.skip()
	})
	if err != nil {
		return err
	}
	return c.j.end()
}

// check reports what keeps the document from being an advisory.
func (c *csafReader) check() error {
	switch {
	case !strings.HasPrefix(c.version, "2."):
		return fmt.Errorf("csaf_version is %q, not 2.0", c.version)
	case c.a.ID == "":
		return errors.New("its tracking has no id")
	}
	return nil
}

func (c *csafReader) document(key string) error {
	switch key {
	case "csaf_version":
		return c.j.into(&c.version)
	case "title":
		title, err := c.j.text()
		c.a.Summary = Summarize(title)
		return err
	case "aggregate_severity":
		return c.j.object(func(key string) error {
			if key != "text" {
				return c.j.skip()
			}
			word, err := c.j.text()
			c.a.Severity = severityOf(word)
			return err
		})
	case "references":
		return c.j.array(c.reference)
	case "tracking":
		return c.j.object(c.tracking)
	}
	return c.j.skip()
}

func (c *csafReader) tracking(key string) error {
	text := ""
	switch key {
	case "id":
		return c.j.into(&c.a.ID)
	case "status":
		return c.j.into(&c.status)
	case "initial_release_date":
		err := c.j.into(&text)
		c.a.Published = parseTime(text)
		return err
	case "current_release_date":
		err := c.j.into(&text)
		c.a.Modified = parseTime(text)
		return err
	}
	return c.j.skip()
}

// reference keeps addresses; that of a page of the publisher comes first.
func (c *csafReader) reference() error {
	var category, url string
	err := c.j.object(func(key string) error {
		switch key {
		case "category":
			return c.j.into(&category)
		case "url":
			return c.j.into(&url)
		}
		return c.j.skip()
	})
	switch {
	case url == "":
	case category == "self" && !strings.HasSuffix(url, ".json"):
		c.self = appendBounded(c.self, url)
	case category != "self":
		c.external = appendBounded(c.external, url)
	}
	return err
}

// number is the number of a product, new or known.
func (c *csafReader) number(id string) (int32, error) {
	if n, ok := c.numbers[id]; ok {
		return n, nil
	}
	if len(c.products) >= maxProducts {
		return 0, c.j.fail(fmt.Errorf("more than %d products", maxProducts))
	}
	n := int32(len(c.products))
	c.numbers[id] = n
	c.products = append(c.products, product{id: id})
	return n, nil
}

func (c *csafReader) tree(key string) error {
	switch key {
	case "branches":
		return c.j.array(c.branch)
	case "full_product_names":
		return c.j.array(func() error { _, err := c.product(); return err })
	case "relationships":
		return c.j.array(c.relationship)
	}
	return c.j.skip()
}

// branch reads a node of the tree: branches of its own, or a product.
func (c *csafReader) branch() error {
	return c.j.object(func(key string) error {
		switch key {
		case "branches":
			return c.j.array(c.branch)
		case "product":
			_, err := c.product()
			return err
		}
		return c.j.skip()
	})
}

// product reads a full product name and returns its number.
func (c *csafReader) product() (int32, error) {
	var p product
	err := c.j.object(func(key string) error {
		switch key {
		case "product_id":
			return c.j.into(&p.id)
		case "name":
			return c.j.into(&p.name)
		case "product_identification_helper":
			return c.j.object(func(key string) error {
				switch key {
				case "cpe":
					return c.j.into(&p.cpe)
				case "purl":
					return c.j.into(&p.purl)
				}
				return c.j.skip()
			})
		}
		return c.j.skip()
	})
	if err != nil || p.id == "" {
		return 0, err
	}
	n, err := c.number(p.id)
	if err == nil {
		q := &c.products[n]
		q.name, q.purl, q.cpe = p.name, p.purl, p.cpe
	}
	return n, err
}

// relationship reads a product that is another as a component of a third,
// whatever the kind of the relationship.
func (c *csafReader) relationship() error {
	var whole, component, platform int32
	refer := func(n *int32) error {
		id, err := c.j.text()
		if err == nil && id != "" {
			*n, err = c.number(id)
		}
		return err
	}
	err := c.j.object(func(key string) (err error) {
		switch key {
		case "full_product_name":
			whole, err = c.product()
		case "product_reference":
			err = refer(&component)
		case "relates_to_product_reference":
			err = refer(&platform)
		default:
			err = c.j.skip()
		}
		return err
	})
	if err == nil && whole != 0 {
		c.products[whole].component, c.products[whole].platform = component, platform
	}
	return err
}
