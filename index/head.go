package index

import (
	"fmt"
	"net/url"
	"strings"

	"muster"
	"muster/control"
	"muster/internal/canon"
	"muster/rollout"
	"muster/version"
)

// HeadType is the type of the heads that this package reads and writes.
const HeadType = "muster-head/1"

// Limits of a head.
const (
	MaxHead    = 64 << 10 // bytes of the signed file
	MaxMirrors = 64
	MaxGates   = 128     // one for each rollout that nobody has signed off
	maxSerial  = 1 << 40 // seconds: some 35,000 years
)

// MaxRollouts is how many rollouts an index may list: hosts read each of them.
const MaxRollouts = 256

// A Head names everything that one publication consists of. Fields are in the
// order of their JSON names.
type Head struct {
	// Bins lists tables of small indexes, of host and unit packages, by the first
	// digit of the prefix.
	Bins []Bin `json:"bins,omitempty"`
	Date int64 `json:"date"` // when it was signed, Unix seconds
	// Expires is when the repository becomes stale unless a newer head has
	// been seen, Unix seconds.
	Expires int64 `json:"expires"`
	// Gates says how far rollouts have come, by the name of their packages. One
	// without a gate has not begun.
	Gates map[string]rollout.Gate `json:"gates,omitempty"`
	Index List                    `json:"index"`
	// MinVersions maps package names to the lowest version that may still be
	// installed.
	MinVersions map[string]string `json:"min-versions,omitempty"`
	// Mirrors lists the base URLs of copies, the preferred first.
	Mirrors    []string `json:"mirrors,omitempty"`
	Repository string   `json:"repository"` // its id: see [CheckID]
	// Serial is Date, or one more than the serial before where that is higher.
	Serial int64   `json:"serial"`
	Trust  LinkRef `json:"trust"` // the newest link of the chain
	Type   string  `json:"type"`
}

// A List says where an index is and what its bytes are.
type List struct {
	Compressed Blob `json:"compressed"` // by-hash/<sha256>, one zstd frame
	Raw        Blob `json:"raw"`
	// Serial is that of the head that listed this index first; changes/ are
	// named after it. A head that is only signed again keeps it.
	Serial int64 `json:"serial"`
}

// A Blob is bytes that are known before they are fetched.
type Blob struct {
	SHA256 string `json:"sha256"` // lower-case hexadecimal
	Size   int64  `json:"size"`
}

// A LinkRef names trust/<Number>.p7m.
type LinkRef struct {
	Number int    `json:"number"` // from 1
	SHA256 string `json:"sha256"` // of the signed file
}

// ParseHead reads a head in its only encoding and checks it.
func ParseHead(data []byte) (*Head, error) {
	if len(data) > MaxHead {
		return nil, muster.Errorf(muster.Invalid, "head of %d bytes is larger than %d", len(data), MaxHead)
	}
	var h Head
	if err := canon.Unmarshal(data, &h); err != nil {
		return nil, muster.Errorf(muster.Invalid, "head: %w", err)
	}
	if err := h.Check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "head: %w", err)
	}
	return &h, nil
}

// Encode writes h in its only encoding.
func (h *Head) Encode() ([]byte, error) { return canon.Marshal(h) }

// Check reports the first rule that h breaks, or nil.
func (h *Head) Check() error {
	if h.Type != HeadType {
		return fmt.Errorf("type is %.40q, not %q", h.Type, HeadType)
	}
	if err := CheckID(h.Repository); err != nil {
		return err
	}
	if err := checkBins("", h.Bins); err != nil {
		return err
	}
	if h.Date <= 0 || h.Serial < h.Date || h.Serial > maxSerial || h.Expires <= h.Date || h.Expires > maxSerial {
		return fmt.Errorf("date %d, serial %d or expiry %d is out of range", h.Date, h.Serial, h.Expires)
	}
	if err := h.Index.check(h.Serial); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if h.Trust.Number < 1 || h.Trust.Number > MaxLinks || !isSHA256(h.Trust.SHA256) {
		return fmt.Errorf("trust: number or sha256 is out of range")
	}
	if err := h.checkMinVersions(); err != nil {
		return fmt.Errorf("min-versions: %w", err)
	}
	if err := CheckGates(h.Gates); err != nil {
		return err
	}
	return CheckMirrors(h.Mirrors)
}

func (l *List) check(newest int64) error {
	if l.Serial <= 0 || l.Serial > newest {
		return fmt.Errorf("serial %d is out of range", l.Serial)
	}
	if !isSHA256(l.Raw.SHA256) || l.Raw.Size < 0 || l.Raw.Size > MaxText {
		return fmt.Errorf("raw: size %d is out of range, or no sha256", l.Raw.Size)
	}
	if !isSHA256(l.Compressed.SHA256) || l.Compressed.Size <= 0 || l.Compressed.Size > MaxText+MaxText/128+1024 {
		return fmt.Errorf("compressed: size %d is out of range, or no sha256", l.Compressed.Size)
	}
	return nil
}

func (h *Head) checkMinVersions() error {
	for name, v := range h.MinVersions {
		if err := control.CheckName(name); err != nil {
			return err
		}
		if err := version.Check(v); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

// CheckGates reports why gates are none, or nil.
func CheckGates(gates map[string]rollout.Gate) error {
	if len(gates) > MaxGates {
		return fmt.Errorf("%d gates of rollouts, more than %d", len(gates), MaxGates)
	}
	for id, g := range gates {
		if err := control.CheckName(id); err != nil {
			return fmt.Errorf("gates: %w", err)
		}
		if err := g.Check(); err != nil {
			return fmt.Errorf("gate of %q: %w", id, err)
		}
	}
	return nil
}

// CheckMirrors reports why list is not a list of mirrors, or nil. A mirror is
// a URL http(s)://host/path without user, query or fragment.
func CheckMirrors(list []string) error {
	if len(list) > MaxMirrors {
		return fmt.Errorf("more than %d mirrors", MaxMirrors)
	}
	for _, m := range list {
		u, err := url.Parse(m)
		if err != nil || len(m) > 1024 || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
			u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(m, "#") {
			return fmt.Errorf("mirror %.80q is not a URL such as https://host/path", m)
		}
	}
	return nil
}

// CheckID reports why id is not the id of a repository, or nil. An id is of 1
// to 64 characters of [a-z0-9-] and starts with a letter or digit.
func CheckID(id string) error {
	if id == "" || len(id) > 64 || id[0] == '-' || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%.80q is not a repository id: write 1 to 64 of a-z, 0-9 and hyphens", id)
	}
	return nil
}
