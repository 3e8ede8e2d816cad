package auditlog

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"muster"
	"muster/api"
	"muster/internal/durable"
)

// A Witness is what somebody keeps of a server's log, to see that it only grows.
// The zero value has seen nothing; what it sees first it believes.
type Witness struct {
	Key  string `json:"key"`  // verifier key
	Note string `json:"note"` // the newest checkpoint
}

// Size is that of the log when it was last seen.
func (w *Witness) Size() int64 {
	key, err := ParseKey(w.Key)
	if err != nil {
		return 0
	}
	t, err := OpenCheckpoint(w.Note, key)
	if err != nil {
		return 0
	}
	return t.N
}

// See takes a newer checkpoint of the server. An error of kind Conflict is an alarm,
// see [Advance]; then w stays as it was.
func (w *Witness) See(server string, c api.Checkpoint) error {
	if w.Key != "" && c.Key != w.Key {
		return alarm("the audit log is signed with another key than it was")
	}
	key, err := ParseKey(c.Key)
	if err != nil {
		return err
	}
	if key.Name() != Origin(server) {
		return muster.Errorf(muster.Denied, "the audit log is that of %q, not of %q", key.Name(), Origin(server))
	}
	if _, err := Advance(w.Note, c, key); err != nil {
		return err
	}
	w.Key, w.Note = c.Key, c.Note
	return nil
}

// ReadWitness reads what [Witness.Write] wrote. Where nothing can be read, nothing
// was seen.
func ReadWitness(name string) (*Witness, error) {
	w := &Witness{}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err == nil && info.Size() > 4*maxCheckpoint {
		return w, muster.Errorf(muster.Invalid, "%q has %d bytes, and is no checkpoint", name, info.Size())
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return w, muster.WithKind(muster.Unavailable, err)
	}
	if err := json.Unmarshal(data, w); err != nil {
		return &Witness{}, muster.WithHint(muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err), "remove the file")
	}
	return w, nil
}

// Write keeps the witness in a file.
func (w *Witness) Write(disk *durable.Disk, name string) error {
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return muster.WithKind(muster.Unavailable, disk.WriteFile(name, append(data, '\n'), 0o600))
}
