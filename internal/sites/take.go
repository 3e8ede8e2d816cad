package sites

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"muster"
	"muster/internal/db"
	"muster/sitereport"
)

// A Sender is who sent a report, and how.
type Sender struct {
	Proven  string     // the site that a key or certificate has proved; "": none
	Form    string     // "native", "pakiti5", "pakiti4", "glpi", "agent"
	Address netip.Addr // that it came from
	Bytes   int64      // as it came
	Came    time.Time  // when it came, where it waited since; zero: as it is taken
	// Agent is the id of a host under an agent, which is of no site: nothing else is
	// asked of it.
	Agent string
}

// An Outcome is what became of a report.
type Outcome struct {
	Host     int64
	New      bool // the host was not known
	Changed  bool // it is or has something else than before
	Packages int  // that no host had before
}

// Take keeps a report. When it returns nil, the report is on disk. Quotas are those of the
// day of now; its age, and since when what it says is so, are by when it came, as a
// report may have waited for days for the key that opens it.
//
// It is Denied when the sender has not proved to be of the site and that is not open;
// those who prove nothing are told the same of sites that are not there. It is Conflict
// when this report came before, or a newer one of the host did; Invalid when the clock
// of the host is wrong; Busy when a quota is used up.
func (s *Sites) Take(ctx context.Context, now time.Time, r *sitereport.Report, from Sender) (Outcome, error) {
	t := newTaking(s, now, r, from)
	if err := t.begin(ctx); err != nil {
		return Outcome{}, err
	}
	// Another report of the same host, or set, may come between reading and writing.
	for range 4 {
		err := t.once(ctx)
		if err == nil {
			t.remember()
			return t.out, nil
		}
		if !errors.Is(err, errMoved) {
			return Outcome{}, cmp.Or(t.attempt(ctx), err)
		}
	}
	return Outcome{}, muster.Errorf(muster.Busy, "host %q sends several reports at once", cut(r.Host, 60))
}

// errMoved is that the database is not as it was read.
var errMoved = errors.New("the host changed meanwhile")

// A taking is a report on its way into the database.
type taking struct {
	s      *Sites
	day    int64 // of UTC, whose quotas count
	now    int64 // when it came
	r      *sitereport.Report
	from   Sender
	waited bool // for who opens it, elsewhere

	site    *record // nil: under an agent
	siteNum int64
	spent   Quota // of the site, before this
	over    bool  // a quota has no room
	ident   string
	nonce   []byte
	setSum  sum
	osSum   sum
	sum     sum // of all that counts

	was      *hostRow // nil: not known
	at       int64    // since when what it says is so
	same     bool
	platform int64
	has      int64 // number of the set; 0: it is new
	words    []word
	missing  []*word
	weeded   int64 // how often the dictionary was weeded when they were looked up
	added    int   // packages that no host had before
	ids      []int64
	forms    []form
	kept     int64 // number of the set, as it was stored
	out      Outcome
}

func newTaking(s *Sites, now time.Time, r *sitereport.Report, from Sender) *taking {
	came := now
	if !from.Came.IsZero() && from.Came.Before(now) {
		came = from.Came
	}
	return &taking{s: s, day: now.Unix() / 86400, now: came.Unix(), waited: now.Sub(came) > time.Minute, r: r, from: from}
}

// begin checks what needs no host, and names what the report says.
func (t *taking) begin(ctx context.Context) error {
	if err := checkName("host", t.r.Host, maxHost); err != nil {
		return err
	}
	if t.from.Agent != "" {
		t.ident = t.from.Agent
	} else if err := t.admit(ctx); err != nil {
		return err
	} else {
		t.ident = strings.ToLower(t.r.Host)
	}
	if err := t.checkTime(); err != nil {
		return err
	}
	o, set := &t.r.System, t.r.SetHash()
	platform := t.s.words.platformKey(o)
	t.setSum = sumOf(platform, string(set[:]))
	t.osSum = sumOf(platform, o.Name, o.Arch, o.Kernel)
	t.sum = sumOf(string(t.setSum[:]), string(t.osSum[:]), t.r.Host, t.r.Tag, t.from.Form)
	return nil
}

// once reads what there is and writes what is new.
func (t *taking) once(ctx context.Context) error {
	t.out = Outcome{}
	if err := t.s.DB.Read(ctx, t.read); err != nil {
		return err
	}
	if len(t.missing) > 0 {
		if err := t.addWords(ctx); err != nil {
			return err
		}
		if err := t.s.DB.Read(ctx, t.read); err != nil {
			return err
		}
	}
	if len(t.missing) > 0 {
		return errMoved
	}
	if t.same && t.from.Agent != "" {
		return nil // who was seen when, those know who speak with agents
	}
	if t.same {
		return t.s.DB.Write(ctx, t.keepSeen)
	}
	return t.s.DB.Write(ctx, t.store)
}

// read finds out what is known, beside the database's only writer.
func (t *taking) read(tx *db.Tx) (err error) {
	t.missing = nil
	if t.was, err = readHost(tx, t.siteNum, t.ident); err != nil {
		return err
	}
	if err := t.fresh(t.was); err != nil {
		return err
	}
	if err := t.room(tx); err != nil {
		return err
	}
	if t.same = t.was != nil && t.was.gone == 0 && bytes.Equal(t.was.sum, t.sum[:]); t.same {
		t.out.Host = t.was.num
		return nil
	}
	if t.platform, err = t.s.words.platform(tx, &t.r.System); err != nil {
		return err
	}
	if t.has, err = setNumbered(tx, t.setSum); err != nil || t.has != 0 {
		return err
	}
	return t.readWords(tx)
}

func (t *taking) chargeReport(tx *db.Tx) error {
	return t.charge(tx, Quota{Reports: 1, Bytes: t.from.Bytes})
}

// keepSeen notes that a host said what it said before.
func (t *taking) keepSeen(tx *db.Tx) error {
	if err := t.chargeReport(tx); err != nil {
		return err
	}
	r, err := tx.Exec("UPDATE sites_seen SET seen = ?, sent = ?, nonce = ?, reports = reports + 1, "+atAddress+" WHERE host = ? AND sum = ? AND sent = ? AND reports = ?",
		max(t.now, t.was.seen), t.sent(), t.nonceBytes(), t.address(), t.now, t.address(), t.was.num, t.sum[:], t.was.sent, t.was.reports)
	return moved(r, err)
}

func (t *taking) nonceBytes() []byte {
	if t.nonce == nil {
		return []byte{}
	}
	return t.nonce
}

func (t *taking) address() string {
	if !t.from.Address.IsValid() {
		return ""
	}
	return cut(t.from.Address.Unmap().WithZone("").String(), 45)
}

// moved is errMoved where a statement found nothing to change.
func moved(r interface{ RowsAffected() (int64, error) }, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = errMoved
	}
	return err
}

// store writes what the host says now, in the transaction that has the database for
// itself.
func (t *taking) store(tx *db.Tx) error {
	was, err := readHost(tx, t.siteNum, t.ident)
	if err != nil {
		return err
	}
	if (was == nil) != (t.was == nil) || was != nil && (was.edited != t.was.edited || was.reports != t.was.reports) {
		return errMoved
	}
	if err := t.chargeReport(tx); err != nil {
		return err
	}
	has, err := t.keepSet(tx)
	if err != nil {
		return err
	}
	t.kept = has
	os, err := t.system(tx)
	if err != nil {
		return err
	}
	t.out.Packages, t.out.Changed, t.out.New = t.added, true, was == nil
	if was == nil {
		t.out.Host, err = t.addHost(tx, os, has)
		return err
	}
	t.out.Host = was.num
	return t.changeHost(tx, was, os, has)
}

// system returns the number of the operating system, which it adds where it is new.
func (t *taking) system(tx *db.Tx) (int64, error) {
	return findOr(tx, "SELECT num FROM sites_system WHERE sum = ?", []any{t.osSum[:]}, func() (int64, error) {
		platform, err := t.s.words.platform(tx, &t.r.System)
		if err != nil {
			return 0, err
		}
		num, err := tx.Next("sites_number", "system", 1)
		if err != nil {
			return 0, err
		}
		o := &t.r.System
		return num, tx.Insert("sites_system", []string{"num", "sum", "platform", "name", "arch", "kernel"},
			[][]any{{num, t.osSum[:], platform, cut(o.Name, 190), cut(o.Arch, 64), cut(o.Kernel, 190)}})
	})
}

// remember has memory know what is on disk now.
func (t *taking) remember() {
	if t.same {
		return
	}
	if t.words != nil && t.has == 0 {
		t.s.words.keep(t.words, t.weeded)
	}
	if t.platform != 0 && t.out.Changed {
		t.s.sets.used(t.platform, t.kept)
	}
}
