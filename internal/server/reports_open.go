package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"muster"
	"muster/api"
	"muster/internal/sites"
	"muster/sign"
	"muster/sitereport"
)

// A finder knows what is published against packages, for reporters that want to hear.
type finder interface {
	// Found lists what is published against the packages of a report.
	Found(ctx context.Context, r *sitereport.Report) ([]sitereport.Found, error)
}

// A collector opens reports and keeps them.
type collector struct {
	sites  *sites.Sites
	id     *sign.Identity // nil: the key is elsewhere
	clear  bool           // takes what is not sealed
	site   string         // of reports that name none
	finder finder         // nil: nothing is known
	now    func() time.Time

	keys   chan struct{}       // operations with the private key at once
	weight *semaphore.Weighted // bytes of memory for reports that are taken apart and kept at once, roughly
}

// Bounds of the work for reports: a quarter of a machine of four processors opens some
// 300 a second, and the others are for hosts and people.
const (
	maxReportWeight = 256 << 20
	oneReportWeight = textWeight * maxReportBody
	textWeight      = 4  // times a report as it is unpacked: itself, its texts, and what is looked up of each package
	glpiWeight      = 16 // of a package in 13 bytes of JSON
)

func newCollector(s *sites.Sites, now func() time.Time) *collector {
	return &collector{sites: s, now: now, keys: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/4)), weight: semaphore.NewWeighted(maxReportWeight)}
}

// A letter is a report as it came.
type letter struct {
	body    []byte
	at      time.Time
	address netip.Addr
}

// A message is a letter that was opened.
type message struct {
	report *sitereport.Report
	form   string // native, pakiti4, pakiti5, glpi
	proven string // the site that a key or certificate proves
	whole  bool   // nobody on the way can have changed it
	first  bool   // it asks what is published, for the first time
	bytes  int
	done   func() // gives back the memory that it was let have; once it is kept and answered
}

// errNotOpened is the one answer to whatever is wrong with a sealed message that may
// have been changed on the way: different answers would tell who changes it, and
// watches, what is in it.
var errNotOpened = muster.Errorf(muster.Denied, "cannot open the report: it is not sealed to this collector's certificate, was changed, or proves nothing")

// open takes a letter apart, from the outside in: seal, compression, signature or
// proof, report. Who gets a message has to end it with done.
func (c *collector) open(ctx context.Context, l letter) (*message, error) {
	if !isSealed(l.body) {
		if !c.clear {
			return nil, muster.WithHint(muster.Errorf(muster.Denied, "the report is not sealed"), "seal it to the collector's certificate: GET %s", api.RouteReportCert)
		}
		return c.weighed(ctx, l, l.body, true) // as whole as it can be
	}
	plain, whole, err := c.unseal(ctx, l.body)
	if err != nil {
		return nil, err
	}
	m, err := c.weighed(ctx, l, plain, whole)
	return m, oneAnswer(err, whole)
}

// weighed reads a message when there is memory for all that comes out of it.
func (c *collector) weighed(ctx context.Context, l letter, data []byte, whole bool) (*message, error) {
	done, err := c.weigh(ctx, data, textWeight)
	if err != nil {
		return nil, err
	}
	m, err := c.read(ctx, l, data)
	if err != nil {
		done()
		return nil, err
	}
	m.whole, m.done = whole, done
	return m, nil
}

// weigh waits until there is memory for what data becomes, so many times of it.
func (c *collector) weigh(ctx context.Context, data []byte, times int64) (done func(), err error) {
	weight := min(times*int64(sitereport.Unpacked(data)), oneReportWeight)
	if err := c.weight.Acquire(ctx, weight); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	return func() { c.weight.Release(weight) }, nil
}

// oneAnswer replaces an error that depends on what is in a message that may have been
// changed.
func oneAnswer(err error, whole bool) error {
	switch muster.KindOf(err) {
	case muster.Invalid, muster.Denied, muster.NotFound, muster.Conflict:
		if !whole {
			return errNotOpened
		}
	}
	return err
}

// unseal uses the private key. Few do so at once: it is the most work that a stranger
// can ask for.
func (c *collector) unseal(ctx context.Context, body []byte) (plain []byte, whole bool, err error) {
	if c.id == nil {
		return nil, false, muster.Errorf(muster.Unavailable, "this server has no key to open reports")
	}
	select {
	case c.keys <- struct{}{}:
		defer func() { <-c.keys }()
	case <-ctx.Done():
		return nil, false, muster.WithKind(muster.Unavailable, ctx.Err())
	}
	plain, whole, err = sign.OpenAny(body, c.id)
	if muster.KindOf(err) == muster.Denied {
		err = errNotOpened
	}
	return plain, whole, err
}

// read reads what was sealed.
func (c *collector) read(ctx context.Context, l letter, data []byte) (*message, error) {
	plain, err := sitereport.Unpack(data)
	if err != nil {
		return nil, err
	}
	m := &message{form: "native", bytes: len(l.body)}
	if sitereport.IsPakiti5(plain) {
		m.form = "pakiti5"
		m.report, err = sitereport.ParsePakiti5(plain)
		return m, err
	}
	if isSigned(plain) {
		return m, c.verify(ctx, l, plain, m)
	}
	proof, text, err := sitereport.CutProof(plain)
	if err != nil {
		return nil, err
	}
	if proof != nil {
		if m.proven, err = c.prove(ctx, l.at, proof, text); err != nil {
			return nil, err
		}
	}
	m.report, err = sitereport.Parse(text)
	return m, err
}

// errFalseProof does not say whether the key is not there, or the proof false.
var errFalseProof = muster.WithHint(muster.Errorf(muster.Denied, "the proof of the report is not by a key of any site"), "ask those who run the collector for the key")

// prove returns the site of the key by which a report is proved.
func (c *collector) prove(ctx context.Context, now time.Time, p *sitereport.Proof, text []byte) (site string, err error) {
	site, hash, err := c.sites.Secret(ctx, now, p.Key)
	switch {
	case muster.KindOf(err) == muster.NotFound:
		return "", errFalseProof
	case err != nil:
		return "", err
	case !p.ByHash(hash, text):
		return "", errFalseProof
	}
	return site, nil
}

// verify reads a report that is signed by a certificate of its site. A report that does
// not name it is of the site that the certificate itself was given to.
func (c *collector) verify(ctx context.Context, l letter, der []byte, m *message) error {
	sigs, text, err := sign.Inspect(der)
	if err != nil {
		return err
	}
	if m.report, err = sitereport.Parse(text); err != nil {
		return err
	}
	site := m.report.Site
	if site == "" && len(sigs) > 0 {
		if site, err = c.sites.SiteOf(ctx, sigs[0].Signer); err != nil {
			return err
		}
	}
	certs, err := c.sites.Certs(ctx, l.at, site)
	if err != nil {
		return err
	}
	trust := &sign.Trust{Anchors: append([]*x509.Certificate(nil), certs...)}
	if _, _, err := sign.VerifyAttached(der, trust, sign.Policy{Now: l.at}); err != nil {
		return muster.Errorf(muster.Denied, "the report is not signed by a certificate of its site: %w", err)
	}
	m.proven = site
	return nil
}

// keep stores what a message says, or, where it is asked for what is published alone,
// finds out whether it would.
func (c *collector) keep(ctx context.Context, l letter, m *message, mode sitereport.Mode) (out sites.Outcome, err error) {
	if m.report.Site == "" { // what the site ignores is not published against it
		m.report.Site = cmp.Or(m.proven, c.site)
	}
	from := sites.Sender{Proven: m.proven, Form: m.form, Address: l.address, Bytes: int64(m.bytes), Came: l.at}
	if mode.Stores() {
		out, err = c.sites.Take(ctx, c.now(), m.report, from)
	} else {
		m.first, err = c.sites.Ask(ctx, c.now(), m.report, from)
	}
	// Who has proved a site cannot have been changed on the way.
	return out, oneAnswer(err, m.whole || m.proven != "")
}

// Content types of CMS: RFC 5652 and RFC 5083.
var (
	oidSigned       = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}
	oidEnveloped    = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03}
	oidAuthEnvelope = []byte{0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17}
)

// isSealed reports whether data begins as a sealed message: what it is, the reader of
// it says.
func isSealed(data []byte) bool { return isCMS(data, oidEnveloped) || isCMS(data, oidAuthEnvelope) }

func isSigned(data []byte) bool { return isCMS(data, oidSigned) }

// isCMS looks for the type behind the tag and the length of a sequence.
func isCMS(data, oid []byte) bool {
	if len(data) < 2 || data[0] != 0x30 {
		return false
	}
	skip := 2
	if data[1] > 0x80 {
		skip += int(data[1] & 0x7f)
	}
	return len(data) > skip && skip < 8 && bytes.HasPrefix(data[skip:], oid)
}
