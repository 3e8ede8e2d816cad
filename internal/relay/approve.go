package relay

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
	"muster/sign"
)

// Approve replaces the message of an action that is held by one with a further
// signature. From then on that many have signed, the hosts are given it.
func (r *Relay) Approve(ctx context.Context, id string, in api.ActionApproval) (api.Action, error) {
	m, err := r.open(in.Message)
	if err != nil {
		return api.Action{}, err
	}
	if m.Action.ID != id {
		return api.Action{}, muster.Errorf(muster.Invalid, "the message is that of action %s", m.Action.ID)
	}
	err = r.write(ctx, func(tx *db.Tx) error { return r.approve(tx, m, in) })
	if err != nil {
		return api.Action{}, err
	}
	return r.Action(ctx, id, nil)
}

func (r *Relay) approve(tx *db.Tx, m *action.Message, in api.ActionApproval) error {
	var num int64
	var state api.ActionState
	var sum, old []byte
	err := tx.QueryRow("SELECT num, state, sum, message FROM relay_action WHERE id = ?", m.Action.ID).Scan(&num, &state, &sum, &old)
	if muster.KindOf(err) == muster.NotFound {
		return unknown(m.Action.ID)
	}
	if err != nil {
		return err
	}
	switch {
	case hex.EncodeToString(sum) == m.SHA256:
		return nil // sent again
	case state != api.ActionHeld:
		return muster.Errorf(muster.Conflict, "action %s is %s: it needs no more signatures", m.Action.ID, state)
	case hex.EncodeToString(sum) != in.Of:
		return muster.WithHint(muster.Errorf(muster.Conflict, "somebody else has approved action %s meanwhile", m.Action.ID), "muster action approve %s", m.Action.ID)
	}
	if err := r.adds(m, in.Message, old); err != nil {
		return err
	}
	if sign.Persons(m.Signers) >= r.need(m.Action.Kind) {
		state = api.ActionOpen
	}
	changed, err := tx.Next("relay_number", "change", 1)
	if err != nil {
		return err
	}
	names, err := json.Marshal(signers(m))
	if err != nil {
		return err
	}
	if sum, err = hex.DecodeString(m.SHA256); err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE relay_action SET state = ?, changed = ?, signers = ?, sum = ?, message = ? WHERE num = ?", state, changed, names, sum, in.Message, num)
	return err
}

// adds reports, as an error, that der, opened as m, is not the old message with more
// signatures that count. A signature that does not, or no more as its signer was
// revoked, stays and is passed over: the action would be held for ever.
func (r *Relay) adds(m *action.Message, der, old []byte) error {
	was, sigs, err := action.Inspect(old)
	if err != nil {
		return err
	}
	if err := same(was, m.Action); err != nil {
		return err
	}
	_, now, err := action.Inspect(der)
	if err != nil {
		return err
	}
	for _, s := range sigs {
		if !slices.ContainsFunc(now, func(t sign.Signature) bool { return t.Signer.Equal(s.Signer) }) {
			return muster.Errorf(muster.Conflict, "the signature of %s is missing", sign.Describe(s.Signer))
		}
	}
	counted, err := r.counted(old)
	if err == nil && len(m.Signers) <= counted {
		err = muster.Errorf(muster.Invalid, "there is no further signature of somebody who may sign it")
	}
	return err
}

// same reports, as an error, that b is another action than a.
func same(a, b *action.Action) error {
	x, err := a.Encode()
	if err != nil {
		return err
	}
	y, err := b.Encode()
	if err == nil && string(x) != string(y) {
		err = muster.Errorf(muster.Conflict, "there is another action %s", b.ID)
	}
	return err
}

// counted is how many signatures of a message count now.
func (r *Relay) counted(der []byte) (int, error) {
	m, err := r.open(der)
	if muster.KindOf(err) == muster.Denied {
		return 0, nil // of those who signed nobody is believed any more
	}
	if err != nil {
		return 0, err
	}
	return len(m.Signers), nil
}
