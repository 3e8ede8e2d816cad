// Package inventory is the document of what a host is and has: its system,
// hardware, network, disks and users, the packages of every package manager
// on it, those of muster, how these stand, and what their audits said.
//
// Start with [Document] and [Parse]; [Diff] makes the [Delta] that a host
// sends when the reader knows its last document, [Delta.Apply] is its inverse.
//
// A document is canonical JSON (internal/canon): there is one encoding of it.
// It falls into sections, each with a SHA-256 of its own; the SHA-256 over
// those names the whole ([Hashes.Set]), so two sides know from 32 bytes that
// they agree. What changes by itself (uptime, free space, sessions) is in
// [Volatile], beside the document, and makes no history.
//
// docs/formats/inventory.md says all of it for a second implementation. A
// field may be added under a higher format number; none changes its meaning.
package inventory

import (
	"fmt"

	"muster"
	"muster/internal/canon"
)

// Format is the number of the format that this package writes and reads.
const Format = 1

// MaxDocument bounds the bytes of an encoded document or delta. A desktop
// with 3,000 packages has about 600 kB.
const MaxDocument = 32 << 20

// A Document is what a host is and has. Sections that are nil were not looked
// at or do not exist on the host.
type Document struct {
	Audits   []Audit              `json:"audits,omitempty"` // sorted by package
	Disks    *Disks               `json:"disks,omitempty"`
	Format   int                  `json:"format"`
	Hardware *Hardware            `json:"hardware,omitempty"`
	Muster   []Installed          `json:"muster,omitempty"` // sorted by name, then root
	Network  *Network             `json:"network,omitempty"`
	Packages map[string][]Package `json:"packages,omitempty"` // by source: see [Sources]
	Status   []Status             `json:"status,omitempty"`   // sorted by name, then root
	System   *System              `json:"system,omitempty"`
	Users    *Users               `json:"users,omitempty"`
}

// Parse reads a document. It refuses what [Document.Marshal] would not have
// written.
func Parse(data []byte) (*Document, error) {
	if len(data) > MaxDocument {
		return nil, muster.Errorf(muster.Invalid, "inventory has %d bytes, more than %d", len(data), MaxDocument)
	}
	d := new(Document)
	if err := canon.Unmarshal(data, d); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read inventory: %w", err)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	return d, nil
}

// Marshal encodes a document after [Document.Check].
func (d *Document) Marshal() ([]byte, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	data, err := canon.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("cannot encode inventory: %w", err)
	}
	if len(data) > MaxDocument {
		return nil, muster.Errorf(muster.Invalid, "inventory has %d bytes, more than %d", len(data), MaxDocument)
	}
	return data, nil
}

// New returns an empty document.
func New() *Document { return &Document{Format: Format} }
