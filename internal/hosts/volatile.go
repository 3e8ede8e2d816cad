package hosts

import (
	"muster/internal/db"
	"muster/inventory"
)

// volatile is what changes by itself, to be kept.
type volatile struct {
	body   []byte // zstd
	free   int64
	values [][2]string
}

// readVolatile reads what a check-in brings; nil for nothing.
func (h *Hosts) readVolatile(data []byte) (*volatile, error) {
	if len(data) == 0 {
		return nil, nil
	}
	v, err := inventory.ParseVolatile(data)
	if err != nil {
		return nil, err
	}
	out := &volatile{body: h.pack.EncodeAll(data, nil), free: -1}
	for _, f := range v.Free {
		if out.free < 0 || f.Free < out.free {
			out.free = f.Free
		}
	}
	for _, s := range v.Sessions {
		out.values = append(out.values, [2]string{"session", lower(s.User, 190)})
	}
	out.values = bounded(out.values)
	return out, nil
}

func (v *volatile) keep(tx *db.Tx, host int64) error {
	if _, err := tx.Exec("UPDATE hosts_fact SET free = ?, volatile = ? WHERE host = ?", v.free, v.body, host); err != nil {
		return err
	}
	return replaceValues(tx, host, []any{"session"}, v.values)
}
