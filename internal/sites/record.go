package sites

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"muster"
	"muster/internal/db"
)

// A Site is the record of a site: who may report for it, how much, and for how long
// it is remembered.
type Site struct {
	ID      int64
	Name    string
	Note    string
	Created int64
	// Open lets in reports that prove nothing, as those of Pakiti: whoever can reach the
	// server from one of Addresses can say anything of hosts of this site.
	Open      bool
	Addresses []netip.Prefix // none: from anywhere
	// Forget is after how long a host that does not report is forgotten. 0: never.
	Forget time.Duration
	// Past is how long history is kept that is over, and that of hosts that were
	// forgotten. Below 0: for ever.
	Past  time.Duration
	Quota Quota // what is 0 is the server's
	Hosts int64 // how many there are
}

// MaxName is how many characters the name of a site or a tag has at most, and maxHost
// that of a host.
const (
	MaxName = 100
	maxHost = 253
)

// checkName refuses what is no name of a site or host: what people write, without what
// they do not see.
func checkName(what, name string, most int) error {
	bad := func(r rune) bool { return !unicode.IsGraphic(r) || r == utf8.RuneError }
	if name == "" || utf8.RuneCountInString(name) > most || strings.ContainsFunc(name, bad) || strings.TrimSpace(name) != name {
		return muster.Errorf(muster.Invalid, "%q is no name of a %s", cut(name, 60), what)
	}
	return nil
}

// SiteName is a name as records have it: of what looks alike, as an accented letter that
// is one character or two, the one form that Unicode calls NFC.
func SiteName(name string) string { return norm.NFC.String(name) }

// alike reports whether rules, for which case does not count, would take one name for the
// other. Letters are folded there as ToLower does; some others are equal to EqualFold.
func alike(a, b string) bool {
	return strings.EqualFold(a, b) || strings.ToLower(a) == strings.ToLower(b)
}

const siteColumns = "num, name, note, created, open, addresses, forget, past, hosts, most_hosts, most_reports, most_bytes, most_packages"

func siteFrom(scan db.Scan) (s Site, err error) {
	var open, forget, past int64
	var addresses string
	q := &s.Quota
	if err := scan(&s.ID, &s.Name, &s.Note, &s.Created, &open, &addresses, &forget, &past, &s.Hosts, &q.Hosts, &q.Reports, &q.Bytes, &q.Packages); err != nil {
		return s, err
	}
	s.Open, s.Forget, s.Past = open != 0, time.Duration(forget)*time.Second, time.Duration(past)*time.Second
	for word := range strings.FieldsSeq(addresses) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return s, muster.Errorf(muster.Internal, "the database holds %q as a network", word)
		}
		s.Addresses = append(s.Addresses, p)
	}
	return s, nil
}

// Sites lists the records of all sites, by name.
func (s *Sites) Sites(ctx context.Context) (all []Site, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		return tx.Each("SELECT "+siteColumns+" FROM sites_site ORDER BY name", nil, func(scan db.Scan) error {
			one, err := siteFrom(scan)
			all = append(all, one)
			return err
		})
	})
	return all, err
}

// Site reads one record.
func (s *Sites) Site(ctx context.Context, name string) (one Site, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		one, err = readSite(tx, name)
		return err
	})
	return one, err
}

// readSite reads the record with exactly this name: who may see a site was decided by the
// name as it was asked for.
func readSite(tx *db.Tx, name string) (one Site, err error) {
	bad := checkName("site", name, MaxName)
	if bad == nil {
		one, err = siteFrom(tx.QueryRow("SELECT "+siteColumns+" FROM sites_site WHERE name = ?", name).Scan)
	}
	if bad != nil || none(err) {
		err = muster.WithHint(muster.Errorf(muster.NotFound, "there is no site %q", cut(name, 60)), "'muster sites list' lists them")
	}
	return one, err
}

// PutSite adds a site, or changes the record of the one that has the name, in the form of
// [SiteName]. A name that differs from that of another site by case alone is a Conflict:
// a right over the one would be one over both.
func (s *Sites) PutSite(ctx context.Context, now time.Time, in Site) error {
	in.Name = SiteName(in.Name)
	if err := checkName("site", in.Name, MaxName); err != nil {
		return muster.WithField(err, "name")
	}
	if utf8.RuneCountInString(in.Note) > 500 {
		return muster.WithField(muster.Errorf(muster.Invalid, "the note of site %q has more than 500 characters", in.Name), "/note")
	}
	for field, n := range map[string]int64{"/forget": int64(in.Forget), "/quota/hosts": in.Quota.Hosts, "/quota/reports": in.Quota.Reports, "/quota/bytes": in.Quota.Bytes, "/quota/packages": in.Quota.Packages} {
		if n < 0 {
			return muster.WithField(muster.Errorf(muster.Invalid, "site %q cannot have a limit below 0", in.Name), field)
		}
	}
	var addresses []string
	for _, p := range in.Addresses {
		addresses = append(addresses, p.String())
	}
	past := int64(in.Past / time.Second)
	if in.Past < 0 {
		past = -1
	}
	defer s.records.drop()
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		args := []any{in.Note, in.Open, strings.Join(addresses, " "), int64(in.Forget / time.Second), past, in.Quota.Hosts, in.Quota.Reports, in.Quota.Bytes, in.Quota.Packages}
		num, err := findOr(tx, "SELECT num FROM sites_site WHERE name = ?", []any{in.Name}, func() (int64, error) { return 0, nil })
		if err != nil {
			return err
		}
		if num != 0 {
			_, err := tx.Exec("UPDATE sites_site SET note = ?, open = ?, addresses = ?, forget = ?, past = ?, most_hosts = ?, most_reports = ?, most_bytes = ?, most_packages = ? WHERE num = ?", append(args, num)...)
			return err
		}
		if err := refuseAlike(tx, in.Name); err != nil {
			return err
		}
		if num, err = tx.Next("sites_number", "site", 1); err != nil {
			return err
		}
		return tx.Insert("sites_site", []string{"num", "name", "created", "hosts", "note", "open", "addresses", "forget", "past", "most_hosts", "most_reports", "most_bytes", "most_packages"},
			[][]any{append([]any{num, in.Name, now.Unix(), 0}, args...)})
	})
}

func refuseAlike(tx *db.Tx, name string) error {
	return tx.Each("SELECT name FROM sites_site", nil, func(scan db.Scan) error {
		var other string
		if err := scan(&other); err != nil {
			return err
		}
		if alike(name, other) {
			err := muster.WithHint(muster.Errorf(muster.Conflict, "there is a site %q, which %q would be taken for", other, name), "choose a name that differs in more than case")
			return muster.WithField(err, "name")
		}
		return nil
	})
}

// A record is a site as memory has it.
type record struct {
	Site
	until time.Time // read again after that
}

// records are those of sites that reported, for as long as a change by another server
// may take to be seen.
type records struct {
	mu     sync.Mutex
	byName map[string]*record
}

const (
	maxRecords   = 20_000
	recordsFresh = 2 * time.Second
)

func newRecords() *records { return &records{byName: map[string]*record{}} }

func (r *records) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.byName)
}

// record returns the record of a site; nil: there is none.
func (s *Sites) record(ctx context.Context, name string) (*record, error) {
	s.records.mu.Lock()
	r := s.records.byName[name]
	s.records.mu.Unlock()
	if r != nil && time.Now().Before(r.until) {
		return r, nil
	}
	r = &record{until: time.Now().Add(recordsFresh)}
	var err error
	if r.Site, err = s.Site(ctx, name); none(err) {
		return nil, nil // strangers fill no memory
	}
	if err != nil {
		return nil, err
	}
	r.Quota = r.Quota.or(s.Quota)
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	if len(s.records.byName) >= maxRecords {
		clear(s.records.byName)
	}
	s.records.byName[name] = r
	return r, nil
}

// lets reports whether who proves nothing may report from an address.
func (r *record) lets(from netip.Addr) bool {
	return r.Open && (len(r.Addresses) == 0 || slices.ContainsFunc(r.Addresses, func(p netip.Prefix) bool { return p.Contains(from.Unmap()) }))
}
