// Package glpi says what muster knows of a host as GLPI takes it: the native
// inventory of GLPI 10 and 11, one JSON document a host, and reads what GLPI
// answers. It is pure: nothing is sent here.
//
// Start with [Make] and [Inventory.Marshal]; [ParseAnswer] is the way back.
// What maps to what stands in docs/glpi.md.
//
// # Promise
//
// The same facts make the same bytes. What is not known is left out, never
// guessed: GLPI takes an empty value for one that somebody removed. Only members are
// written that the schema of every GLPI since 10.0.0 has, since older ones refuse
// others.
package glpi

import (
	"encoding/json"
	"fmt"

	"muster"
	"muster/inventory"
)

// MaxInventory bounds the bytes of an inventory. GLPI needs some 25 times as much
// memory as it reads, and gives itself 1 GiB.
const MaxInventory = 40 << 20

// A Host is what a server knows of a host beside its inventory.
type Host struct {
	ID    string // deviceid: GLPI knows the agent by it, so that it never changes
	Name  string // where the inventory has none
	Agent string // version of muster on the host
	Tag   string // what GLPI's rules assign entities by
}

// An Inventory is the document that GLPI takes.
type Inventory struct {
	Action   string  `json:"action"`
	Content  Content `json:"content"`
	DeviceID string  `json:"deviceid"`
	ItemType string  `json:"itemtype"`
	Tag      string  `json:"tag,omitempty"`
}

// Make says what a host is and has. Without v what changes by itself is left out:
// free space, who is signed in, when it started.
func Make(h Host, d *inventory.Document, v *inventory.Volatile) *Inventory {
	if v == nil {
		v = new(inventory.Volatile)
	}
	i := &Inventory{Action: "inventory", ItemType: "Computer", DeviceID: h.ID, Tag: h.Tag}
	c := &i.Content
	c.VersionClient = "muster"
	if h.Agent != "" {
		c.VersionClient += "_v" + h.Agent
	}
	c.VersionProvider = Provider{Name: "muster", Version: h.Agent}
	c.system(h, d, v)
	if d.Hardware != nil {
		c.hardware(d.Hardware, d.System)
	}
	if d.Network != nil {
		c.network(d.Network)
	}
	if d.Disks != nil {
		c.disks(d.Disks, v)
	}
	c.users(d.Users, v)
	c.software(d)
	return i
}

// Marshal encodes an inventory, on one line.
func (i *Inventory) Marshal() ([]byte, error) {
	data, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the inventory of host %q for GLPI: %w", i.DeviceID, err)
	}
	if len(data) > MaxInventory {
		return nil, muster.Errorf(muster.Invalid, "the inventory of host %q has %d bytes for GLPI, more than %d", i.DeviceID, len(data), MaxInventory)
	}
	return data, nil
}
