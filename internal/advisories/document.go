package advisories

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"muster"
	"muster/advisory"
)

// Bounds of what is kept of one advisory.
const (
	maxDocument = 16 << 20 // bytes of JSON
	maxNames    = 1000
	maxAffected = 100_000
	maxText     = 190 // characters of a name, as columns have room
)

// A document is an advisory on its way into the database.
type document struct {
	*advisory.Advisory
	sum  []byte
	body []byte // JSON
	num  int64  // of the advisory; 0: it has none yet
}

// newDocument checks and encodes an advisory. What is too large for the tables is an
// error: better an entry that is reported than one that is cut.
func (a *Advisories) newDocument(in *advisory.Advisory) (*document, error) {
	if in.ID == "" || !fits(in.ID, maxText) || len(in.Aliases) > maxNames || len(in.Affected) > maxAffected {
		return nil, muster.Errorf(muster.Invalid, "advisory %.50q has no ID, a longer one than %d characters, more than %d aliases, or more than %d packages", in.ID, maxText, maxNames, maxAffected)
	}
	for i := range in.Affected {
		f := &in.Affected[i]
		if f.Ecosystem == "" || f.Name == "" || !fits(f.Ecosystem, 40) || !fits(f.Release, 60) || !fits(f.Name, maxText) {
			return nil, muster.Errorf(muster.Invalid, "advisory %q speaks of package %.50q of %.50q %.50q, which cannot be kept", in.ID, f.Name, f.Ecosystem, f.Release)
		}
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot keep advisory %q: %w", in.ID, err)
	}
	if len(plain) > maxDocument {
		return nil, muster.Errorf(muster.Invalid, "advisory %q takes %d bytes, more than %d", in.ID, len(plain), maxDocument)
	}
	sum := sha256.Sum256(plain)
	return &document{Advisory: in, sum: sum[:], body: plain}, nil
}

// read undoes newDocument.
func (a *Advisories) read(body []byte) (*advisory.Advisory, error) {
	plain, err := a.unpack.DecodeAll(body, nil)
	if err != nil {
		return nil, muster.Errorf(muster.Internal, "the database holds an advisory that is damaged: %w", err)
	}
	out := new(advisory.Advisory)
	if err := json.Unmarshal(plain, out); err != nil {
		return nil, muster.Errorf(muster.Internal, "the database holds an advisory that is damaged: %w", err)
	}
	return out, nil
}

// names are all by which an advisory is called.
func (d *document) names() []string {
	all := []string{d.ID}
	for _, n := range d.Aliases {
		if n != "" && fits(n, maxText) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fits reports whether s goes into a column of so many characters.
func fits(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// cut makes text fit a column.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "?"), "")
}
