package advisory

import (
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
	if o.MaxBytes == 0 {
		o.MaxBytes = maxCatalogueBytes
	}
	text, end, err := o.document(r)
	if err != nil {
		return nil, err
	}
	defer end()
	j := newJSONReader(o.Name, text)
	c := &Catalogue{}
	err = j.object(func(key string) error {
		switch key {
		case "catalogVersion":
			return j.into(&c.Version)
		case "vulnerabilities":
			c.Entries = map[string]Exploit{}
			return j.array(func() error { return c.entry(j, &o) })
		}
		return j.skip()
	})
	if err == nil {
		err = j.end()
	}
	if err == nil && c.Entries == nil {
		err = muster.Errorf(muster.Invalid, "%q is no catalogue of exploited vulnerabilities", o.Name)
	}
	if err != nil {
		return nil, err
	}
	c.Version = Summarize(c.Version)
	return c, nil
}

// entry reads one vulnerability.
func (c *Catalogue) entry(j *jsonReader, o *Options) error {
	var cve, name, added, due, ransomware string
	fields := map[string]*string{
		"cveID": &cve, "vulnerabilityName": &name, "dateAdded": &added, "dueDate": &due, "knownRansomwareCampaignUse": &ransomware,
	}
	err := j.object(func(key string) error {
		if field := fields[key]; field != nil {
			return j.into(field)
		}
		return j.skip()
	})
	if err != nil {
		return err
	}
	e := Exploit{Name: Summarize(name), Ransomware: ransomware == "Known"}
	if e.Added, err = unixDay(added); err == nil {
		e.Due, err = unixDay(due)
	}
	switch {
	case err != nil:
	case !strings.HasPrefix(cve, "CVE-") || checkText("CVE", cve) != nil:
		err = muster.Errorf(muster.Invalid, "%.40q is no CVE", cve)
	case len(c.Entries) == maxExploits:
		return muster.Errorf(muster.Invalid, "%q has more than %d entries", o.Name, maxExploits)
	default:
		c.Entries[cve] = e
		return nil
	}
	return o.skip(cve, err)
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
