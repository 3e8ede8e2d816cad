package relay

import (
	"context"
	"encoding/hex"
	"strings"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
)

// Report keeps results that a host signed. What is not the host's, or about an
// action that it was not given from here, is passed over and logged: a host would
// send it again and again, and nothing after it.
func (r *Relay) Report(ctx context.Context, host string, reports [][]byte) error {
	var all []report
	for _, der := range reports[:min(len(reports), api.MaxReports)] {
		res, err := action.OpenResult(der, r.Authorities, r.Now())
		if err == nil && res.Host != host {
			err = muster.Errorf(muster.Denied, "it is that of host %q", res.Host)
		}
		if err != nil {
			r.Logger.Warn("a result of an action is refused", "host", host, "error", err.Error())
			continue
		}
		sum, err := hex.DecodeString(res.SHA256)
		if err != nil {
			return err
		}
		all = append(all, report{host, res, sum, der})
	}
	if len(all) == 0 {
		return nil
	}
	var strange []report
	err := r.write(ctx, func(tx *db.Tx) error {
		strange = nil
		for _, rep := range all {
			known, err := rep.keep(tx, r.Now().Unix())
			if err != nil {
				return err
			}
			if !known {
				strange = append(strange, rep)
			}
		}
		return nil
	})
	for _, rep := range strange {
		r.Logger.Warn("a host tells of an action that it was not given from here", "host", host, "action", rep.Action, "sha256", rep.SHA256,
			"state", string(rep.State), "text", cut(rep.Text, 500))
	}
	return err
}

// A report is a result that was verified.
type report struct {
	host string
	*action.Result
	sum []byte
	der []byte
}

// keep puts the result into the row of its host. What a host once said to be over
// stays as it said first.
func (r *report) keep(tx *db.Tx, at int64) (known bool, err error) {
	var num, place int64
	var state string
	var has []byte
	err = tx.QueryRow(`SELECT t.action, t.place, t.state, t.result FROM relay_action a JOIN relay_target t ON t.action = a.num
		WHERE a.sum = ? AND t.host = ?`, r.sum, r.host).Scan(&num, &place, &state, &has)
	if muster.KindOf(err) == muster.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if has != nil && action.State(state).Final() {
		return true, nil
	}
	changed, err := tx.Next("relay_number", "change", 1)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec("UPDATE relay_target SET state = ?, status = ?, note = ?, at = ?, changed = ?, result = ? WHERE action = ? AND place = ?",
		string(r.State), cut(string(r.Status), 20), noteOf(r.Result), at, changed, r.der, num, place)
	return true, err
}

// noteOf is the line of a result that lists show: of what failed the last, where
// errors stand.
func noteOf(r *action.Result) string {
	lines := strings.Split(strings.TrimSpace(r.Text), "\n")
	line := lines[0]
	if r.State == action.Failed {
		line = lines[len(lines)-1]
	}
	return cut(api.Legible(line), 500)
}
