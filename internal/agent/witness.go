package agent

import (
	"os"
	"path/filepath"
	"time"

	"muster/api"
	"muster/internal/auditlog"
)

// Every host is a witness of the server's audit log: it keeps the newest checkpoint
// that it saw, asks for a newer one once a day, and raises an alarm when the log has
// become shorter or another one. What it has seen then stays, as evidence, and the
// alarm with it, until a person removes the file.
const witnessFile = "auditlog.json"

// witnessEach is how often a host looks at the log.
const witnessEach = 24 * time.Hour

func (r *round) witnessName() string { return filepath.Join(r.home.Dir, witnessFile) }

// witness asks for a checkpoint where it is time for one.
func (r *round) witness(in *api.CheckIn) {
	name := r.witnessName()
	info, err := os.Stat(name)
	if err == nil && r.Now().Sub(info.ModTime()).Abs() < witnessEach {
		return
	}
	w, err := auditlog.ReadWitness(name)
	if err != nil {
		r.fail(err)
		return
	}
	size := w.Size()
	in.Audit = &size
}

// witnessed takes the checkpoint that the server sent.
func (r *round) witnessed(c *api.Checkpoint) error {
	if c == nil {
		return nil
	}
	w, err := auditlog.ReadWitness(r.witnessName())
	if err != nil {
		return nil // said when it was asked for
	}
	if err := w.See(r.link.Identity.Server, *c); err != nil {
		r.fail(err)
		return nil
	}
	return w.Write(r.home.Disk, r.witnessName())
}
