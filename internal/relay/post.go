package relay

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/db"
	"muster/sign"
)

// Post takes a signed action that a person brings for exactly these hosts. The
// caller has seen to it that the person may, and that the hosts are there. The same
// again is no error.
func (r *Relay) Post(ctx context.Context, by string, in api.ActionPost) (api.Action, error) {
	m, err := r.open(in.Message)
	if err != nil {
		return api.Action{}, err
	}
	tree, err := action.NewTree(in.Hosts)
	if err != nil {
		return api.Action{}, err
	}
	if err := m.Action.Targets.Same(tree); err != nil {
		return api.Action{}, err
	}
	p := &posting{r: r, m: m, by: by, message: in.Message, hosts: in.Hosts, at: r.Now().Unix()}
	if err := r.post(ctx, p, tree); err != nil {
		return api.Action{}, err
	}
	return r.Action(ctx, m.Action.ID, nil)
}

// post writes p, with its tree at hand for the hosts that wait.
func (r *Relay) post(ctx context.Context, p *posting, tree *action.Tree) error {
	id := p.m.Action.ID
	r.mu.Lock()
	r.posted[id] = tree
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.posted, id)
	}()
	return r.write(ctx, p.write)
}

// open verifies what can be verified of a message here. Hosts do so again.
func (r *Relay) open(der []byte) (*action.Message, error) {
	trust, err := r.Trust()
	if err != nil {
		return nil, err
	}
	now := sign.Floor(r.Now())
	m, err := action.Open(der, trust, now)
	if err != nil {
		return nil, err
	}
	a := m.Action
	if a.Server != r.Server {
		return nil, muster.Errorf(muster.Invalid, "the action is for the hosts of server %q, and this is %q", a.Server, r.Server)
	}
	if now.Unix() > a.NotAfter {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "the time of action %s is over since %s", a.ID, time.Unix(a.NotAfter, 0).UTC().Format(time.RFC3339)),
			"send it anew; if it is new, look at the clocks")
	}
	return m, nil
}

// need is how many persons have to sign. To stop something one is enough.
func (r *Relay) need(kind action.Kind) int {
	if kind == action.Cancel {
		return 1
	}
	return max(1, r.Need[string(kind)])
}

// A posting is an action that is being posted.
type posting struct {
	r       *Relay
	m       *action.Message
	by      string
	message []byte
	hosts   []string
	at      int64
}

func (p *posting) write(tx *db.Tx) error {
	a := p.m.Action
	var sum []byte
	err := tx.QueryRow("SELECT sum FROM relay_action WHERE id = ?", a.ID).Scan(&sum)
	if err == nil && hex.EncodeToString(sum) == p.m.SHA256 {
		return nil // sent again
	}
	if err == nil {
		return muster.Errorf(muster.Conflict, "there is another action %s", a.ID)
	}
	if muster.KindOf(err) != muster.NotFound {
		return err
	}
	needless, err := p.stop(tx)
	if err != nil {
		return err
	}
	num, err := tx.Next("relay_number", "action", 1)
	if err != nil {
		return err
	}
	changed, err := tx.Next("relay_number", "change", 1)
	if err != nil {
		return err
	}
	if err := p.insert(tx, num, changed); err != nil {
		return err
	}
	rows := make([][]any, len(p.hosts))
	for i, host := range p.hosts {
		state := api.TargetQueued
		if needless[host] {
			state = api.TargetNeedless
		}
		rows[i] = []any{num, i, host, changed, p.at, state, "", ""}
	}
	return tx.Insert("relay_target", []string{"action", "place", "host", "changed", "at", "state", "status", "note"}, rows)
}

func (p *posting) insert(tx *db.Tx, num, changed int64) error {
	a := p.m.Action
	state, need := api.ActionOpen, p.r.need(a.Kind)
	if sign.Persons(p.m.Signers) < need {
		state = api.ActionHeld
	}
	names, err := json.Marshal(signers(p.m))
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(p.m.SHA256)
	if err != nil {
		return err
	}
	return tx.Insert("relay_action", []string{"num", "id", "changed", "state", "kind", "title", "reason", "begins", "ends", "created", "sender", "signers", "need", "hosts", "stops", "sum", "message"},
		[][]any{{num, a.ID, changed, state, string(a.Kind), cut(a.String(), 500), cut(a.Reason, 500), a.NotBefore, a.NotAfter, p.at, cut(p.by, 190),
			names, need, len(p.hosts), a.Arguments["id"], sum, p.message}})
}

// signers are the names of those whose signatures count.
func signers(m *action.Message) (names []string) {
	for _, s := range m.Signers {
		names = append(names, s.Signer.Subject.CommonName)
	}
	return names
}

// cut shortens s to n characters, and makes it text that every engine keeps.
func cut(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n])
	}
	return strings.TrimRight(s, " ")
}
