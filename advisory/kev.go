package advisory

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"muster"
)

// A Catalogue lists vulnerabilities that are known to be exploited, by CVE.
type Catalogue struct {
	Version string
	Entries map[string]Exploit
}

// An Exploit is an entry of a [Catalogue].
type Exploit struct {
	Added      int64 // Unix seconds
	Due        int64 // Unix seconds: by when the catalogue's publisher wants it mended; 0 unknown
	Ransomware bool  // known to be used by extortionists
	Name       string
}

// Bounds of a catalogue; the real one has some 1,600 entries in 1.5 MB.
const (
	maxCatalogueBytes = 64 << 20
	maxExploits       = 100_000
)

// ParseKEV reads CISA's catalogue of known exploited vulnerabilities, in JSON.
// An entry that names no CVE, and one whose days are none, goes to
// [Options.Skip].
func ParseKEV(r io.Reader, o Options) (*Catalogue, error) {
	var doc struct {
		Version         string `json:"catalogVersion"`
		Vulnerabilities []struct {
			CVE        string `json:"cveID"`
			Name       string `json:"vulnerabilityName"`
			Added      string `json:"dateAdded"`
			Due        string `json:"dueDate"`
			Ransomware string `json:"knownRansomwareCampaignUse"`
		} `json:"vulnerabilities"`
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = maxCatalogueBytes
	}
	dec := json.NewDecoder(o.bounded(r))
	if err := dec.Decode(&doc); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", o.Name, err)
	}
	if doc.Vulnerabilities == nil || len(doc.Vulnerabilities) > maxExploits {
		return nil, muster.Errorf(muster.Invalid, "%q is no catalogue of exploited vulnerabilities", o.Name)
	}
	c := &Catalogue{Version: Summarize(doc.Version), Entries: make(map[string]Exploit, len(doc.Vulnerabilities))}
	for _, v := range doc.Vulnerabilities {
		e := Exploit{Name: Summarize(v.Name), Ransomware: v.Ransomware == "Known"}
		var err error
		if e.Added, err = unixDay(v.Added); err == nil {
			e.Due, err = unixDay(v.Due)
		}
		if !strings.HasPrefix(v.CVE, "CVE-") || len(v.CVE) > maxText {
			err = muster.Errorf(muster.Invalid, "%.40q is no CVE", v.CVE)
		}
		if err != nil {
			if err := o.skip(v.CVE, err); err != nil {
				return nil, err
			}
			continue
		}
		c.Entries[strings.Clone(v.CVE)] = e
	}
	return c, nil
}

// unixDay reads a day; "" is 0.
func unixDay(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, muster.Errorf(muster.Invalid, "%.40q is no day", text)
	}
	return t.Unix(), nil
}

// Find is the entry that an advisory is about, by its ID or an alias; of several
// the first that was added.
func (c *Catalogue) Find(a *Advisory) (e Exploit, found bool) {
	e, found = c.Entries[a.ID]
	for _, alias := range a.Aliases {
		if f, ok := c.Entries[alias]; ok && (!found || f.Added < e.Added) {
			e, found = f, true
		}
	}
	return e, found
}

// Mark says in an advisory whether the catalogue has it.
func (c *Catalogue) Mark(a *Advisory) { _, a.Exploited = c.Find(a) }
