package sites

import (
	"context"
	"strconv"

	"muster"
	"muster/internal/db"
	"muster/sitereport"
)

// State names what a host has: hosts with the same have the same packages of the same
// system, and run the same kernel. It stays good as long as the set does; another set
// never gets its number.
func (h *Host) State() string {
	return strconv.FormatInt(h.set, 10) + " " + h.System.Kernel
}

// RowsSystem is the system of the rows of the dictionary that the host has: see [Known].
// It is less than the system of the host, and until its next report that as it was taken
// when another table said where names decide.
func (h *Host) RowsSystem() sitereport.System {
	return sitereport.System{ID: h.System.ID, Version: h.System.Version, Name: h.named}
}

// HostRows lists the numbers of the packages that a host has now, in their order, for who
// keeps something of each. They are shared: do not change them. NotFound where the host
// is forgotten.
func (s *Sites) HostRows(ctx context.Context, host int64) (ids []int64, h Host, err error) {
	err = s.DB.Read(ctx, func(tx *db.Tx) error {
		if h, err = hostNumbered(tx, host); err != nil {
			return err
		}
		if h.Gone != 0 {
			return muster.Errorf(muster.NotFound, "host %q is forgotten", h.Name)
		}
		set, err := s.set(tx, h.set)
		if err == nil {
			ids = set.ids
		}
		return err
	})
	return ids, h, err
}
