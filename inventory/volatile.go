package inventory

import (
	"muster"
	"muster/internal/canon"
)

// Volatile is what changes by itself. It travels beside the document, replaces
// what was known, and makes no history. Times are Unix seconds.
type Volatile struct {
	Audited   []Moment  `json:"audited,omitempty"` // by package: when its audit ran last
	Boot      int64     `json:"boot,omitempty"`
	Format    int       `json:"format"`
	Free      []Free    `json:"free,omitempty"`   // by mount
	Leases    []Moment  `json:"leases,omitempty"` // by interface: when its DHCP lease ends
	Load      []int64   `json:"load,omitempty"`   // 1, 5 and 15 minutes, in hundredths
	Memory    int64     `json:"memory,omitempty"` // bytes available without swapping
	Sessions  []Session `json:"sessions,omitempty"`
	Temporary []string  `json:"temporary,omitempty"` // temporary addresses, RFC 8981
	Time      int64     `json:"time"`                // when this was looked at
}

// Moment is when something happened or will happen.
type Moment struct {
	Name string `json:"name"`
	Time int64  `json:"time"`
}

// Free is how much of a mounted file system an ordinary user could still fill.
type Free struct {
	Free   int64  `json:"free"` // bytes
	Target string `json:"target"`
}

// Session is somebody who is signed in.
type Session struct {
	Host  string `json:"host,omitempty"` // from where, when from elsewhere
	Since int64  `json:"since,omitempty"`
	TTY   string `json:"tty,omitempty"` // terminal, display or seat
	User  string `json:"user"`
}

// maxVolatile bounds the bytes of an encoded Volatile.
const maxVolatile = 1 << 20

// ParseVolatile reads what [Volatile.Marshal] wrote.
func ParseVolatile(data []byte) (*Volatile, error) {
	if len(data) > maxVolatile {
		return nil, muster.Errorf(muster.Invalid, "volatile inventory has %d bytes, more than %d", len(data), maxVolatile)
	}
	v := new(Volatile)
	if err := canon.Unmarshal(data, v); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read volatile inventory: %w", err)
	}
	return v, v.check()
}

// Marshal encodes v.
func (v *Volatile) Marshal() ([]byte, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	return canon.Marshal(v)
}

func (v *Volatile) check() error {
	if v.Format != Format {
		return muster.Errorf(muster.Invalid, "volatile inventory has format %d, not %d", v.Format, Format)
	}
	return checkTexts(v)
}
