package advisory

import (
	"fmt"
	"slices"
	"strings"
)

func (c *csafReader) vulnerability() error {
	if len(c.vulns) == maxVulns {
		return c.j.fail(fmt.Errorf("more than %d vulnerabilities", maxVulns))
	}
	v := vuln{statuses: map[string][]int32{}, noFix: map[int32]string{}, impact: map[int32]Severity{}}
	err := c.j.object(func(key string) error {
		switch key {
		case "cve":
			cve, err := c.j.text()
			c.a.Aliases = appendBounded(c.a.Aliases, cve)
			return err
		case "product_status":
			return c.j.object(func(status string) error {
				if !slices.Contains(fixedStatuses, status) && !slices.Contains(openStatuses, status) {
					return c.j.skip()
				}
				list, err := c.numbered()
				v.statuses[status] = append(v.statuses[status], list...)
				return err
			})
		case "remediations":
			return c.j.array(func() error { return c.remediation(&v) })
		case "threats":
			return c.j.array(func() error { return c.threat(&v) })
		case "scores":
			return c.j.array(c.score)
		case "references":
			return c.j.array(c.reference)
		}
		return c.j.skip()
	})
	c.vulns = append(c.vulns, v)
	return err
}

// numbered reads a list of products.
func (c *csafReader) numbered() (list []int32, err error) {
	err = c.j.array(func() error {
		id, err := c.j.text()
		if err != nil {
			return err
		}
		if c.listed++; c.listed > maxListed {
			return c.j.fail(fmt.Errorf("products are listed more than %d times", maxListed))
		}
		n, err := c.number(id)
		list = append(list, n)
		return err
	})
	return list, err
}

// said reads what is said of products: what kind of thing, and in which words.
func (c *csafReader) said() (category, details string, products []int32, err error) {
	err = c.j.object(func(key string) (err error) {
		switch key {
		case "category":
			err = c.j.into(&category)
		case "details":
			err = c.j.into(&details)
		case "product_ids":
			products, err = c.numbered()
		default:
			err = c.j.skip()
		}
		return err
	})
	return category, details, products, err
}

// remediation notes for which products there will be no fix.
func (c *csafReader) remediation(v *vuln) error {
	category, details, products, err := c.said()
	if category != "no_fix_planned" {
		return err
	}
	status := StatusWillNotFix
	if details == "Out of support scope" {
		status = StatusEndOfLife
	}
	for _, n := range products {
		v.noFix[n] = status
	}
	return err
}

// threat notes how bad it is for which products, and whether the catalogue of
// exploited vulnerabilities is named.
func (c *csafReader) threat(v *vuln) error {
	category, details, products, err := c.said()
	switch category {
	case "impact":
		if len(products) == 0 {
			products = []int32{0}
		}
		for _, n := range products {
			v.impact[n] = severityOf(details)
		}
	case "exploit_status":
		if strings.HasPrefix(details, "CISA") || strings.Contains(details, "known-exploited") {
			c.a.Exploited = true
		}
	}
	return err
}

// score keeps the vector of the first score, of the newest version of CVSS in it.
func (c *csafReader) score() error {
	vectors := map[string]string{}
	err := c.j.object(func(key string) error {
		if !strings.HasPrefix(key, "cvss_") {
			return c.j.skip()
		}
		return c.j.object(func(field string) error {
			if field != "vectorString" {
				return c.j.skip()
			}
			vector, err := c.j.text()
			vectors[key] = vector
			return err
		})
	})
	for _, version := range []string{"cvss_v4", "cvss_v3", "cvss_v2"} {
		if c.a.CVSS == "" {
			c.a.CVSS = vectors[version]
		}
	}
	return err
}
