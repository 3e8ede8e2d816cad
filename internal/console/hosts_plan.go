package console

import (
	"muster/api"
	"muster/internal/steer"
)

// planFor says what a change of groups or of the unit would do to the packages of hosts,
// by their ids. Other changes do nothing to them.
func (v *visit) planFor(e api.HostEdit, hosts []api.Host) (map[string]previewRow, error) {
	if len(e.AddGroups)+len(e.RemoveGroups) == 0 && e.Unit == nil {
		return nil, nil
	}
	list, err := v.shelf.Look(v.ctx())
	if err != nil {
		return nil, err
	}
	meant := make([]meantHost, len(hosts))
	for i, h := range hosts {
		meant[i] = meantHost{h, steer.Edit{Join: e.AddGroups, Leave: e.RemoveGroups, Unit: e.Unit}}
	}
	p := &preview{}
	if err := p.forecast(v, list, meant); err != nil {
		return nil, err
	}
	rows := map[string]previewRow{}
	for _, r := range p.Rows {
		rows[r.ID] = r
	}
	return rows, nil
}
