package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"muster"
	"muster/internal/durable"
)

// A Journal is the folder that holds one folder for each change, named by its
// number, with change.json and what its tasks keep. The owner of the root's
// lock writes it.
type Journal struct {
	Dir  string
	Disk *durable.Disk
}

const (
	maxRecord = 64 << 20 // bytes of change.json
	maxID     = 1 << 30  // a folder of a higher number is not ours
)

// Folder is where change id keeps its files.
func (j *Journal) Folder(id int) string { return filepath.Join(j.Dir, fmt.Sprintf("%06d", id)) }

func (j *Journal) file(id int) string { return filepath.Join(j.Folder(id), "change.json") }

// Create gives c the next number and records it.
func (j *Journal) Create(c *Change) error {
	ids, err := j.IDs()
	if err != nil {
		return err
	}
	c.ID = 1
	if len(ids) > 0 {
		c.ID = ids[len(ids)-1] + 1
	}
	c.State = Preparing
	if err := j.Disk.MkdirAll(j.Folder(c.ID), 0o755); err != nil {
		return fmt.Errorf("cannot record change %d: %w", c.ID, err)
	}
	return j.Save(c)
}

// Save makes the state of c durable.
func (j *Journal) Save(c *Change) error {
	data, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("cannot record change %d: %w", c.ID, err)
	}
	if err := j.Disk.WriteFile(j.file(c.ID), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot record change %d: %w", c.ID, err)
	}
	return nil
}

// Load reads the record of change id.
func (j *Journal) Load(id int) (*Change, error) {
	info, err := os.Stat(j.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.Errorf(muster.NotFound, "there is no change %d", id)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRecord {
		return nil, muster.Errorf(muster.Invalid, "%q is larger than %d bytes", j.file(id), maxRecord)
	}
	data, err := os.ReadFile(j.file(id))
	if err != nil {
		return nil, err
	}
	c := new(Change)
	if err := json.Unmarshal(data, c); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", j.file(id), err)
	}
	if err := c.check(id); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", j.file(id), err)
	}
	return c, nil
}

func (c *Change) check(id int) error {
	if c.ID != id {
		return fmt.Errorf("it holds change %d", c.ID)
	}
	if c.Commit < 0 || c.Commit > len(c.Tasks) {
		return fmt.Errorf("commit point %d is not among %d tasks", c.Commit, len(c.Tasks))
	}
	if c.Undoes < 0 || c.Undoes >= id || c.UndoneBy != 0 && c.UndoneBy <= id {
		return fmt.Errorf("it undoes %d and is undone by %d", c.Undoes, c.UndoneBy)
	}
	if !slices.Contains([]State{Preparing, Committed, Reverting, Done, Failed}, c.State) {
		return fmt.Errorf("state %q is unknown", c.State)
	}
	for i, t := range c.Tasks {
		if t == nil || t.Attempts < 0 || !slices.Contains([]State{Waiting, Doing, Done, Undone}, t.State) {
			return fmt.Errorf("task %d is empty, or its state is unknown", i)
		}
	}
	return nil
}

// IDs lists the numbers of all changes, oldest first. Without a journal there
// are none.
func (j *Journal) IDs() ([]int, error) {
	entries, err := os.ReadDir(j.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the journal: %w", err)
	}
	var ids []int
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err == nil && id > 0 && id <= maxID && e.IsDir() && e.Name() == filepath.Base(j.Folder(id)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Changes reads all changes, newest first. A folder without a record is
// passed over: a crash came before anything was done.
func (j *Journal) Changes() ([]*Change, error) {
	ids, err := j.IDs()
	if err != nil {
		return nil, err
	}
	var all []*Change
	for _, id := range slices.Backward(ids) {
		c, err := j.Load(id)
		if muster.KindOf(err) == muster.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Unfinished returns the change that was being carried out when the program
// stopped, or nil. There is at most one: a root is locked, and the next change
// begins by finishing it.
func (j *Journal) Unfinished() (*Change, error) {
	ids, err := j.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(ids) {
		c, err := j.Load(id)
		if muster.KindOf(err) == muster.NotFound {
			continue
		}
		if err != nil || c.Finished() {
			return nil, err
		}
		return c, nil
	}
	return nil, nil
}
