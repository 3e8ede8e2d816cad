// Package task records changes of a root so that a crash at any point can be
// finished or undone.
//
// A [Change] is a list of tasks, carried out in order. One place in the list
// is the commit point. Until the record that the point was passed is on disk,
// a failure or crash undoes what was done, last task first; after it a crash is
// finished by [Runner.Resume] at the next start, and a failure of a task
// undoes the whole change, which is recorded too before it begins.
//
//	preparing --commit--> committed --last task--> done
//	    |                     |
//	    | failure, crash      | failure
//	    v                     v
//	  failed  <-----------  reverting
//
// Tasks behind the commit point and all undoing are done at least once: a
// crash may repeat them. Their handlers make that right.
//
// Records lie in a [Journal], a folder a person can read.
package task

import (
	"encoding/json"
	"time"
)

// State is the state of a change or task.
type State string

// The states of a change.
const (
	Preparing State = "preparing" // nothing is decided; a crash undoes
	Committed State = "committed" // a crash finishes
	Reverting State = "reverting" // a crash goes on undoing
	Done      State = "done"
	Failed    State = "failed" // everything is as it was before
)

// The states of a task, besides Done and Failed.
const (
	Waiting State = "waiting"
	Doing   State = "doing"  // begun; after a crash it is done again
	Undone  State = "undone" // done, and taken back
)

// A Change is one plan being carried out. Its fields are what history shows;
// what its tasks need stands in their Data.
type Change struct {
	ID       int             `json:"id"`
	Kind     string          `json:"kind"` // "install", "upgrade", "remove", "undo", ...
	Summary  string          `json:"summary"`
	User     string          `json:"user,omitempty"`
	Created  time.Time       `json:"created"`
	Ended    time.Time       `json:"ended,omitzero"`
	State    State           `json:"state"`
	Error    string          `json:"error,omitempty"`
	Undoes   int             `json:"undoes,omitempty"`    // the change that this one takes back
	UndoneBy int             `json:"undone-by,omitempty"` // the change that took this one back
	Data     json.RawMessage `json:"data,omitempty"`      // of the kind
	Commit   int             `json:"commit"`              // index of the first task behind the commit point
	Tasks    []*Task         `json:"tasks"`
}

// A Task is one thing to do, and to undo.
type Task struct {
	Kind     string          `json:"kind"`
	Summary  string          `json:"summary"`
	State    State           `json:"state"`
	Attempts int             `json:"attempts,omitempty"`
	Error    string          `json:"error,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// Finished reports whether nothing is left to do for c.
func (c *Change) Finished() bool { return c.State == Done || c.State == Failed }

// Add appends a task with data, which must encode as JSON.
func (c *Change) Add(kind, summary string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // a defect: only plain structures are given
	}
	c.Tasks = append(c.Tasks, &Task{Kind: kind, Summary: summary, State: Waiting, Data: raw})
}
