package relay

import (
	"slices"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
)

// stop ends, on the hosts that a cancel names, the action that it is about, and
// returns those that need not be told. Who cancels may not be whom hosts obey, and
// hosts may be away until a cancel is over: while some may still begin the action,
// or have it, others may cancel it again.
func (p *posting) stop(tx *db.Tx) (needless map[string]bool, err error) {
	if p.m.Action.Kind != action.Cancel {
		return nil, nil
	}
	x, err := readStopped(tx, p.m.Action.Arguments["id"])
	if err != nil {
		return nil, err
	}
	needless = map[string]bool{}
	for _, host := range p.hosts {
		f, is := x.hosts[host]
		if !is {
			return nil, muster.Errorf(muster.Invalid, "host %q is none of those that action %s is for", host, x.id)
		}
		if !x.given(p.at) || f.over() {
			needless[host] = true
		}
	}
	if x.state == api.ActionCancelled && len(needless) == len(p.hosts) {
		return nil, muster.Errorf(muster.Conflict, "action %s is cancelled already", x.id)
	}
	if x.state != api.ActionHeld && x.state != api.ActionOpen {
		return needless, nil
	}
	if x.isLeft(p.hosts) {
		return needless, p.stopSome(tx, x.num)
	}
	return needless, p.r.end(tx, x.num, api.ActionCancelled, api.TargetCancelled)
}

// stopSome has the named hosts not be given an action that others still are.
func (p *posting) stopSome(tx *db.Tx, num int64) error {
	changed, err := tx.Next("relay_number", "change", 1)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(p.hosts, chunk) {
		args := []any{api.TargetCancelled, changed, p.at, num, api.TargetQueued}
		for _, host := range some {
			args = append(args, host)
		}
		_, err := tx.Exec("UPDATE relay_target SET state = ?, changed = ?, at = ? WHERE action = ? AND state = ? AND host IN "+db.In(len(some)), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// A stopped is an action that a cancel is about.
type stopped struct {
	id          string
	num, begins int64
	state       api.ActionState
	hosts       map[string]fate
}

// A fate is what has become of an action on one host.
type fate struct {
	state  string
	signed bool // the host says so
	never  bool // it was cancelled before it was given
}

func readStopped(tx *db.Tx, id string) (*stopped, error) {
	x := &stopped{id: id, hosts: map[string]fate{}}
	err := tx.QueryRow("SELECT num, state, begins FROM relay_action WHERE id = ?", id).Scan(&x.num, &x.state, &x.begins)
	if muster.KindOf(err) == muster.NotFound {
		return nil, unknown(id)
	}
	if err != nil {
		return nil, err
	}
	const fates = "SELECT host, state, CASE WHEN result IS NULL THEN 0 ELSE 1 END FROM relay_target WHERE action = ?"
	err = tx.Each(fates, []any{x.num}, func(scan db.Scan) error {
		var host string
		var f fate
		var signed int
		err := scan(&host, &f.state, &signed)
		f.signed = signed == 1
		x.hosts[host] = f
		return err
	})
	if err != nil {
		return nil, err
	}
	return x, x.readEarlier(tx)
}

// readEarlier learns from earlier cancels on which hosts they came in time.
func (x *stopped) readEarlier(tx *db.Tx) error {
	const spared = "SELECT t.host FROM relay_action c JOIN relay_target t ON t.action = c.num WHERE c.num > ? AND c.stops = ? AND t.state = ?"
	return tx.Each(spared, []any{x.num, x.id, api.TargetNeedless}, func(scan db.Scan) error {
		var host string
		err := scan(&host)
		f := x.hosts[host]
		f.never = true
		x.hosts[host] = f
		return err
	})
}

// given reports whether hosts may have been given the action.
func (x *stopped) given(at int64) bool {
	return x.state != api.ActionHeld && (x.state != api.ActionOpen || x.begins <= at)
}

// isLeft reports whether hosts other than these may still do the action.
func (x *stopped) isLeft(but []string) bool {
	for host, f := range x.hosts {
		if _, named := slices.BinarySearch(but, host); !named && f.open() {
			return true
		}
	}
	return false
}

// open reports whether the host may be given the action, or has it.
func (f fate) open() bool {
	return f.state == api.TargetQueued || f.state == api.TargetDelivered || f.state == string(action.Started)
}

// over reports whether the host is over with the action, or never had it. What was
// cancelled or expired here may have been given to it before.
func (f fate) over() bool {
	return !f.open() && (f.signed || f.never)
}
