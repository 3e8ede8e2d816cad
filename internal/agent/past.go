package agent

import (
	"slices"
	"time"

	"muster/internal/install"
	"muster/internal/task"
)

// A Past is a change of the root, as people see it.
type Past struct {
	ID     int               `json:"id"`
	Time   time.Time         `json:"time"`
	By     string            `json:"by,omitempty"` // "" is somebody else
	State  task.State        `json:"state"`
	Error  string            `json:"error,omitempty"`
	Undoes int               `json:"undoes,omitempty"`
	Steps  []install.Summary `json:"steps,omitempty"`
	More   int               `json:"more,omitempty"` // steps that are not listed
}

// Bounds of what is kept of the past.
const (
	maxPast  = 50
	maxSteps = 20
)

// pastOf lists the newest changes of the root, newest first. Those that were over when
// old was made are taken from there: a record may be large.
func pastOf(root *install.Root, old []Past) ([]Past, error) {
	j := root.Journal()
	ids, err := j.IDs()
	if err != nil {
		return nil, err
	}
	var all []Past
	for _, id := range slices.Backward(ids[max(0, len(ids)-maxPast):]) {
		if i := slices.IndexFunc(old, func(p Past) bool { return p.ID == id && (p.State == task.Done || p.State == task.Failed) }); i >= 0 {
			all = append(all, old[i])
			continue
		}
		c, err := j.Load(id)
		if err != nil {
			continue // what cannot be read is for 'muster history' to say
		}
		all = append(all, onePast(c))
	}
	return all, nil
}

func onePast(c *task.Change) Past {
	p := Past{ID: c.ID, Time: c.Created, By: c.User, State: c.State, Error: cut(c.Error, 500), Undoes: c.Undoes}
	p.Steps, _ = install.Steps(c)
	if len(p.Steps) > maxSteps {
		p.More = len(p.Steps) - maxSteps
		p.Steps = p.Steps[:maxSteps]
	}
	return p
}

// automatic is the user of changes that the agent makes by itself.
const automatic = "schedule"

// seenBy are the changes as that peer may see them: who else uses the machine is no
// matter of theirs.
func seenBy(p *Peer, all []Past) []Past {
	seen := slices.Clone(all)
	for i := range seen {
		if by := seen[i].By; !p.Admin && by != p.Name && by != automatic {
			seen[i].By, seen[i].Error = "", ""
		}
	}
	return seen
}
