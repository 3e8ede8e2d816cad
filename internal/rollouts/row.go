package rollouts

import (
	"context"
	"encoding/json"
	"unicode/utf8"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/rollout"
)

// A row is one of rollouts_rollout.
type row struct {
	id, version     string
	listed          bool
	state           rollout.State
	ring            int
	since           int64
	why             string
	name, target    string
	created, looked int64
	waits           string
	counts          []rollout.Counts
	peopled         int64 // 0: nobody yet
}

const columns = "id, version, listed, state, ring, since, why, name, target, created, looked, waits, counts, peopled"

func scan(from db.Scan) (*row, error) {
	r := &row{}
	var listed int64
	var counts []byte
	err := from(&r.id, &r.version, &listed, &r.state, &r.ring, &r.since, &r.why, &r.name, &r.target, &r.created, &r.looked, &r.waits, &counts, &r.peopled)
	r.listed = listed != 0
	r.counts = readCounts(counts)
	return r, err
}

// readCounts reads what was counted; what is damaged is counted anew at the next look.
func readCounts(data []byte) (all []rollout.Counts) {
	if json.Unmarshal(data, &all) != nil || len(all) > rollout.MaxRings {
		return nil
	}
	return all
}

// rows lists rollouts, the newest first.
func (r *Rollouts) rows(ctx context.Context, where string, args ...any) (all []*row, err error) {
	err = r.DB.Read(ctx, func(tx *db.Tx) error {
		all = nil
		return tx.Each("SELECT "+columns+" FROM rollouts_rollout WHERE "+where+" ORDER BY created DESC, id", args, func(s db.Scan) error {
			one, err := scan(s)
			all = append(all, one)
			return err
		})
	})
	return all, err
}

func read(tx *db.Tx, id string) (*row, error) {
	one, err := scan(tx.QueryRow("SELECT "+columns+" FROM rollouts_rollout WHERE id = ?", id).Scan)
	if muster.KindOf(err) == muster.NotFound {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "there is no rollout %q", id), "muster rollout list")
	}
	return one, err
}

// A change is what becomes of a rollout.
type change struct {
	state rollout.State
	ring  int
	why   string
	who   string // "": the server by itself
}

// step writes a change of what row is, and the step that tells of it. Row is as it
// was read in the same transaction. Since never goes back, whatever the clock does:
// by it a gate in the head is told from an older one.
func (r *Rollouts) step(tx *db.Tx, was *row, c change) (s api.RolloutStep, err error) {
	now := r.Now().Unix()
	s = api.RolloutStep{Time: now, Who: cut(c.who, 190), State: string(c.state), Ring: c.ring, Why: cut(c.why, 500)}
	_, err = tx.Exec("UPDATE rollouts_rollout SET state = ?, ring = ?, since = ?, why = ?, waits = '' WHERE id = ?",
		c.state, c.ring, max(now, was.since), s.Why, was.id)
	if err != nil {
		return s, err
	}
	if s.Number, err = tx.Next("rollouts_number", "step", 1); err != nil {
		return s, err
	}
	return s, tx.Insert("rollouts_step", []string{"number", "rollout", "happened", "who", "state", "ring", "why"},
		[][]any{{s.Number, was.id, now, s.Who, c.state, c.ring, s.Why}})
}

// cut bounds a text in characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}
