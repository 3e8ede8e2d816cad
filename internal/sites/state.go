package sites

import (
	"context"
	"strconv"

	"muster"
	"muster/internal/db"
)

// State names what a host has: hosts with the same have the same packages of the same
// system, and run the same kernel. It stays good as long as the set does; another set
// never gets its number.
func (h *Host) State() string {
	return strconv.FormatInt(h.set, 10) + " " + h.System.Kernel
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
