package hosts

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/inventory"
)

// Bounds of a result. What is longer is cut, not refused: a host would send it
// again and again, and nothing after it.
const (
	maxResults = 64
	maxSteps   = 1000
	maxError   = 4 << 10
	maxLog     = 16 << 10

	// Of all steps together. A result packs to almost nothing, and is read unpacked,
	// many at a time.
	maxStepTexts  = 128 << 10
	maxStepErrors = 64 << 10
	leastError    = 100 // of one step, however long those before
)

// A packed result is one as it is kept.
type packedResult struct {
	id     []byte // 16 bytes
	going  bool
	failed bool
	note   string
	ended  int64
	body   []byte
}

// packResults leaves out those without a good id: they could not be told from others.
func (h *Hosts) packResults(all []api.Result) ([]packedResult, error) {
	var out []packedResult
	for _, r := range all[:min(len(all), maxResults)] {
		id, err := hex.DecodeString(strings.ReplaceAll(r.ID, "-", ""))
		if err != nil || len(id) != 16 {
			continue
		}
		trim(&r)
		data, err := json.Marshal(&r)
		if err != nil {
			return nil, err
		}
		note := r.Kind
		if r.Error != "" {
			note += ": " + r.Error
		}
		out = append(out, packedResult{id: id, going: r.Progress, failed: r.Error != "", note: note, ended: r.Ended,
			body: h.pack.EncodeAll(data, nil)})
	}
	return out, nil
}

func trim(r *api.Result) {
	r.Kind, r.By = cut(inventory.Text(r.Kind), 60), cut(inventory.Text(r.By), 190)
	r.Error, r.Output = cut(inventory.Output(r.Error), maxError), cut(inventory.Output(r.Output), maxLog)
	r.Steps = r.Steps[:min(len(r.Steps), maxSteps)]
	texts, errors := maxStepTexts, maxStepErrors
	for i := range r.Steps {
		s := &r.Steps[i]
		s.Op, s.Name = cut(inventory.Text(s.Op), 20), cut(inventory.Text(s.Name), 190)
		s.From, s.To = cut(inventory.Text(s.From), 190), cut(inventory.Text(s.To), 190)
		s.Error = cut(inventory.Output(s.Error), min(maxError, max(errors, leastError)))
		errors -= len(s.Error)
		if texts -= len(s.Op) + len(s.Name) + len(s.From) + len(s.To) + len(s.Status); texts < 0 {
			r.Steps = r.Steps[:i]
			return
		}
	}
}

// keepResults keeps results that are not there yet, or that were not over.
func keepResults(tx *db.Tx, c *Caller, all []packedResult) error {
	for i := range all {
		r := &all[i]
		var number, going int64
		err := tx.QueryRow("SELECT number, going FROM hosts_result WHERE host = ? AND id = ?", c.num, r.id).Scan(&number, &going)
		switch known := muster.KindOf(err) != muster.NotFound; {
		case known && err != nil:
			return err
		case known && going == 0:
			continue // sent again
		case known:
			if _, err := tx.Exec("DELETE FROM hosts_event WHERE number = ?", number); err != nil {
				return err
			}
		}
		number, err = addEvents(tx, event{at: c.at.Unix(), host: c.num, id: c.id, what: "result", failed: r.failed, note: r.note, result: r.body})
		if err != nil {
			return err
		}
		err = tx.Upsert("hosts_result", []string{"host", "id"}, []string{"host", "id", "number", "going"},
			[][]any{{c.num, r.id, number, bit(r.going)}})
		if err != nil {
			return err
		}
	}
	return nil
}
