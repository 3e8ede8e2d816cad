package hosts

import (
	"muster/internal/db"
)

// An event is something that happened to a host.
type event struct {
	at     int64
	host   int64
	id     string
	what   string
	failed bool
	note   string
	result []byte // zstd of JSON of api.Result
}

func addEvent(tx *db.Tx, e event) error {
	_, err := addEvents(tx, e)
	return err
}

// addEvents numbers events and returns the first number.
func addEvents(tx *db.Tx, all ...event) (int64, error) {
	n, err := next(tx, "change", int64(len(all)))
	if err != nil {
		return 0, err
	}
	rows := make([][]any, len(all))
	for i, e := range all {
		rows[i] = []any{n + int64(i), e.at, e.host, e.id, e.what, flag(e.failed), cut(e.note, 500), e.result}
	}
	return n, tx.Insert("hosts_event", []string{"number", "happened", "host", "id", "what", "failed", "note", "result"}, rows)
}
