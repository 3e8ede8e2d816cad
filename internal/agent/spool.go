package agent

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/durable"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/internal/task"
)

// What the server has not acknowledged waits in results/, a file each, named so
// that their order is that of time. A host that is away for long keeps the newest.
const (
	maxSpool   = 4096 // files
	maxResults = 64   // in one check-in
)

// put keeps a result until the server has acknowledged it. The same id again
// replaces it.
func (h *Home) put(r *api.Result) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return h.Disk.WriteFile(h.file(filepath.Join("results", resultName(r))), data, 0o600)
}

func resultName(r *api.Result) string { return fmt.Sprintf("%012d-%s.json", r.Ended, r.ID) }

// spooled returns the oldest results, and how many more there are.
func (h *Home) spooled(max int) (results []api.Result, more int, err error) {
	entries, err := os.ReadDir(h.file("results"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool {
		return durable.IsTemp(e.Name()) || !strings.HasSuffix(e.Name(), ".json")
	})
	for _, e := range entries[:max0(len(entries)-maxSpool)] {
		if err := h.Disk.Remove(h.file(filepath.Join("results", e.Name()))); err != nil {
			return nil, 0, err
		}
	}
	entries = entries[max0(len(entries)-maxSpool):]
	for _, e := range entries[:min(max, len(entries))] {
		var r api.Result
		if err := h.readJSON(filepath.Join("results", e.Name()), &r); err != nil || r.ID == "" {
			// A file that a power cut or a person damaged says nothing any more.
			if err := h.Disk.Remove(h.file(filepath.Join("results", e.Name()))); err != nil {
				return nil, 0, err
			}
			continue
		}
		results = append(results, r)
	}
	return results, max0(len(entries) - max), nil
}

func max0(n int) int { return max(n, 0) }

// acknowledged removes results that the server has.
func (h *Home) acknowledged(results []api.Result) error {
	for i := range results {
		if err := h.Disk.Remove(h.file(filepath.Join("results", resultName(&results[i])))); err != nil {
			return err
		}
	}
	return nil
}

// gather spools every change of the root that is over and was not spooled yet,
// whoever made it. The journal is what has recorded them, so that a crash between
// a change and its report loses none; the id follows from the change, so that one
// that is spooled twice is told once.
func (h *Home) gather(e *engine.Engine, id *Identity, k *known) error {
	j := e.Root.Journal()
	ids, err := j.IDs()
	if err != nil {
		return err
	}
	for _, n := range ids {
		if n <= k.Change {
			continue
		}
		c, err := j.Load(n)
		if err != nil {
			continue // damaged, and said so by muster check
		}
		if !c.Finished() {
			break
		}
		if err := h.put(resultOf(c, id.ID)); err != nil {
			return err
		}
		k.Change = n
	}
	return h.saveKnown(k)
}

// resultOf says a change of the root as the server wants it.
func resultOf(c *task.Change, host string) *api.Result {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d", host, c.ID, c.Created.UnixNano()))
	r := &api.Result{ID: formatUUID([16]byte(sum[:16]), 8), Kind: c.Kind, Started: c.Created.Unix(), Ended: c.Ended.Unix(),
		By: by(c.User), Error: cut(c.Error, 4<<10)}
	steps, err := install.Steps(c)
	if err != nil {
		return r
	}
	status := muster.OK
	if c.State == task.Failed {
		status = muster.Error
	}
	blamed, _ := install.FailedPackage(c) // where one is at fault, the others of the change are not
	for _, s := range steps[:min(len(steps), 1000)] {
		step := api.Change{Op: s.Op, Name: s.Name, From: s.From, To: s.To, Status: status}
		if status == muster.Error && s.Name == blamed {
			step.Error = cut(c.Error, 1000)
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}

// by says who asked for a change: the agent itself, or a person.
func by(user string) string {
	if user == "" || user == "schedule" || user == "agent" || strings.HasPrefix(user, "action ") {
		return cut(user, 200)
	}
	return "user " + cut(user, 200)
}
