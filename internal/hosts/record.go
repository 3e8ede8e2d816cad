package hosts

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

// A record is a host in a transaction that decides about it.
type record struct {
	num     int64
	id      string
	state   api.State
	spki    []byte
	expires int64
	name    string
	named   bool
	unit    string
	wake    int64
	alarm   string
}

const selectRecord = "SELECT num, id, state, spki, expires, name, named, unit, wake, alarm FROM hosts_host WHERE "

func (r *record) scan(scan db.Scan) error {
	var named int
	err := scan(&r.num, &r.id, &r.state, &r.spki, &r.expires, &r.name, &named, &r.unit, &r.wake, &r.alarm)
	r.named = named != 0
	return err
}

// readRecord reads the host whose column has the value; NotFound without one.
func readRecord(tx *db.Tx, column string, value any) (*record, error) {
	r := new(record)
	return r, r.scan(tx.QueryRow(selectRecord+column+" = ?", value).Scan)
}

// readRecords reads those of some hosts that there are, in the order of their numbers.
func readRecords(tx *db.Tx, nums []int64) (all []*record, err error) {
	err = inChunks(anyOf(nums), func(in string, nums []any) error {
		return tx.Each(selectRecord+"num IN "+in+" ORDER BY num", nums, func(scan db.Scan) error {
			r := new(record)
			all = append(all, r)
			return r.scan(scan)
		})
	})
	return all, err
}

// anyOf are numbers as arguments of a statement.
func anyOf(nums []int64) []any {
	all := make([]any, len(nums))
	for i, n := range nums {
		all[i] = n
	}
	return all
}

// certificate reads the host's certificate; nil without one.
func (r *record) certificate(tx *db.Tx) (*x509.Certificate, error) {
	var raw []byte
	if err := tx.QueryRow("SELECT cert FROM hosts_host WHERE num = ?", r.num).Scan(&raw); err != nil || raw == nil {
		return nil, err
	}
	return readCertificate(raw)
}

// become changes the state, and counts it.
func (r *record) become(tx *db.Tx, s api.State) error {
	if r.state == s {
		return nil
	}
	if err := total(tx, "state", string(r.state), -1); err != nil {
		return err
	}
	if err := total(tx, "state", string(s), 1); err != nil {
		return err
	}
	r.state = s
	if _, err := tx.Exec("UPDATE hosts_host SET state = ? WHERE num = ?", string(s), r.num); err != nil {
		return err
	}
	return touch(tx, r.num)
}

// touch has servers read hosts again.
func touch(tx *db.Tx, nums ...any) error { return mark(tx, "edited = ?", nums) }

// nudge has hosts look for news, and servers read them again.
func nudge(tx *db.Tx, nums ...any) error { return mark(tx, "wake = wake + 1, edited = ?", nums) }

func mark(tx *db.Tx, set string, nums []any) error {
	if len(nums) == 0 {
		return nil
	}
	n, err := tx.Next("hosts_number", "change", 1)
	if err != nil {
		return err
	}
	return inChunks(nums, func(in string, nums []any) error {
		_, err := tx.Exec("UPDATE hosts_host SET "+set+" WHERE num IN "+in, append([]any{n}, nums...)...)
		return err
	})
}

// A newHost is a host to be.
type newHost struct {
	id       string
	state    api.State
	spki     []byte
	token    int64
	unit     string
	facts    api.Facts
	at       int64
	enrolled int64 // 0: at
	signed   int64
	from     string
}

// insert makes the host's rows in all tables that have one for every host.
func (n *newHost) insert(tx *db.Tx) (*record, error) {
	num, err := tx.Next("hosts_number", "host", 1)
	if err != nil {
		return nil, err
	}
	facts, err := json.Marshal(n.facts)
	if err != nil {
		return nil, err
	}
	r := &record{num: num, id: n.id, state: n.state, spki: n.spki, name: cmp.Or(n.facts.Name, n.facts.Hostname), unit: n.unit}
	named := 0
	if n.facts.Name != "" {
		named = 1
	}
	err = tx.Insert("hosts_host", []string{"num", "id", "state", "edited", "wake", "enrolled", "spki", "expires", "token", "named",
		"name", "unit", "agent", "facts", "alarm"}, [][]any{{num, n.id, string(n.state), 0, 0, cmp.Or(n.enrolled, n.at), n.spki, 0, n.token, named,
		r.name, n.unit, cut(n.facts.Agent, 60), facts, ""}})
	if err != nil {
		return nil, err
	}
	if err := tx.Insert("hosts_seen", seenColumns, [][]any{{num, n.at, 0, n.signed, n.from, 0, 0, 0}}); err != nil {
		return nil, err
	}
	f := factsOfEnrolment(n.facts)
	if err := f.insert(tx, num); err != nil {
		return nil, err
	}
	if err := total(tx, "state", string(n.state), 1); err != nil {
		return nil, err
	}
	return r, touch(tx, num)
}

// clean makes what a host says of itself fit to be kept and shown.
func clean(f api.Facts) api.Facts {
	for _, s := range []*string{&f.Name, &f.Hostname, &f.FQDN, &f.OS, &f.OSName, &f.Arch, &f.MachineID, &f.Serial, &f.Hardware, &f.Agent} {
		*s = cut(inventory.Text(*s), 190)
	}
	f.FQDN = strings.TrimSuffix(strings.ToLower(f.FQDN), ".")
	return f
}

// cut shortens s to n characters. Blanks at the end go, for some engines take
// texts that differ in them alone for the same key.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			s = s[:i]
			break
		}
		n--
	}
	return strings.TrimRight(s, " ")
}

// lower is s as it is searched for, at most n characters.
func lower(s string, n int) string { return cut(strings.ToLower(s), n) }

// fingerprint names a key, as sign.KeyFingerprint does.
func fingerprint(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

// hexSum prints a hash; "" for none.
func hexSum(sum []byte) string { return hex.EncodeToString(sum) }

// checkID refuses what is no UUID in lower case.
func checkID(id string) error {
	ok := len(id) == 36 && utf8.ValidString(id)
	for i := 0; ok && i < len(id); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			ok = id[i] == '-'
			continue
		}
		ok = strings.IndexByte("0123456789abcdef", id[i]) >= 0
	}
	if !ok {
		return muster.Errorf(muster.Invalid, "%q is no id of a host", cut(id, 64))
	}
	return nil
}

// inChunks calls f with as many values as one IN takes.
func inChunks(nums []any, f func(in string, nums []any) error) error {
	for len(nums) > 0 {
		n := min(len(nums), chunk)
		if err := f(db.In(n), nums[:n:n]); err != nil {
			return err
		}
		nums = nums[n:]
	}
	return nil
}
