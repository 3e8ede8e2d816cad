package relay

import (
	"slices"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
)

// stop ends the action that a cancel is about, and returns the hosts that need not
// be told: those that are over with it, and all where none can have been given it.
func (p *posting) stop(tx *db.Tx) (needless map[string]bool, err error) {
	if p.m.Action.Kind != action.Cancel {
		return nil, nil
	}
	id := p.m.Action.Arguments["id"]
	var num, begins int64
	var state api.ActionState
	err = tx.QueryRow("SELECT num, state, begins FROM relay_action WHERE id = ?", id).Scan(&num, &state, &begins)
	if muster.KindOf(err) == muster.NotFound {
		return nil, unknown(id)
	}
	if err != nil {
		return nil, err
	}
	hosts, err := readHosts(tx, num)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(hosts, p.hosts) {
		return nil, muster.Errorf(muster.Invalid, "the hosts to cancel %s on are others than those that it is for", id)
	}
	if state == api.ActionCancelled {
		return nil, muster.Errorf(muster.Conflict, "action %s is cancelled already", id)
	}
	given := state == api.ActionOver || state == api.ActionOpen && begins <= p.at
	needless = map[string]bool{}
	err = each(tx, "SELECT host, state FROM relay_target WHERE action = ?", []any{num}, func(scan scanner) error {
		var host, state string
		err := scan(&host, &state)
		if !given || state != api.TargetQueued && state != api.TargetDelivered && state != string(action.Started) && state != api.TargetExpired {
			needless[host] = true
		}
		return err
	})
	if err != nil || state == api.ActionOver {
		return needless, err
	}
	return needless, p.r.end(tx, num, api.ActionCancelled, api.TargetCancelled)
}
