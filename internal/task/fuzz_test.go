package task

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"muster"
)

// FuzzLoad: a record that is read, whatever damaged it, saves as one that reads
// the same; and carrying it on ends it, doing no task twice, none behind the
// commit point that was not passed, and undoing none that was not begun.
func FuzzLoad(f *testing.F) {
	c := &Change{ID: 1, Kind: "install", Summary: "install a", Created: time.Unix(1700000000, 0).UTC(), Commit: 2, State: Committed,
		Data: json.RawMessage(`{"steps":[]}`)}
	for _, name := range []string{"a", "b", "c", "d"} {
		c.Add("t", name, map[string]string{"package": name})
	}
	for _, state := range []State{Preparing, Committed, Reverting, Done, Failed} {
		c.State = state
		for i, s := range []State{Done, Done, Doing, Waiting} {
			c.Tasks[i].State = s
		}
		data, err := json.MarshalIndent(c, "", " ")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte(`{"id":1,"state":"done","undoes":1,"undone-by":1}`))
	f.Add([]byte(`{"id":1,"state":"reverting","commit":1,"tasks":[{"state":"done"},{"state":"lost","attempts":-9}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j := &Journal{Dir: t.TempDir()}
		if err := os.Mkdir(j.Folder(1), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(j.file(1), data, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := j.Load(1)
		if err != nil {
			if muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "change.json") {
				t.Fatalf("kind %s: %v", muster.KindOf(err), err)
			}
			return
		}
		if c.Undoes >= c.ID && c.Undoes != 0 || c.UndoneBy <= c.ID && c.UndoneBy != 0 {
			t.Fatalf("change %d undoes %d and is undone by %d", c.ID, c.Undoes, c.UndoneBy)
		}
		if err := j.Save(c); err != nil {
			t.Fatal(err)
		}
		again, err := j.Load(1)
		if err != nil || !reflect.DeepEqual(compact(again), compact(c)) {
			t.Fatalf("saved %+v, read %+v, %v", c, again, err)
		}
		if !c.Finished() {
			carryOn(t, j, again, c)
		}
	})
}

// compact gives the raw parts of a record one spelling, and times too.
func compact(c *Change) string {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// carryOn resumes c, which was as before says.
func carryOn(t *testing.T, j *Journal, c, before *Change) {
	did := map[*Task]int{}
	index := map[*Task]int{}
	kinds := map[string]Handler{}
	for i, task := range c.Tasks {
		index[task] = i
		kinds[task.Kind] = Handler{
			Do: func(_ context.Context, _ *Change, task *Task) error {
				i := index[task]
				if did[task]++; did[task] > 1 || before.State != Committed || before.Tasks[i].State == Done {
					t.Fatalf("task %d, %s, of a change that was %s is done", i, before.Tasks[i].State, before.State)
				}
				return nil
			},
			Undo: func(_ context.Context, _ *Change, task *Task) error {
				i := index[task]
				if before.State == Committed || before.State == Preparing && i >= before.Commit || before.Tasks[i].State == Undone ||
					i >= before.Commit && before.Tasks[i].State == Waiting {
					t.Fatalf("task %d, %s, of a change that was %s is undone", i, before.Tasks[i].State, before.State)
				}
				return nil
			},
		}
	}
	r := &Runner{Journal: j, Handlers: kinds, Now: func() time.Time { return time.Unix(1700000000, 0) }}
	err := r.Resume(context.Background(), c)
	if err != nil || !c.Finished() || (c.State == Done) != (before.State == Committed) {
		t.Fatalf("a change that was %s is %s: %v", before.State, c.State, err)
	}
	if left, err := j.Unfinished(); err != nil || left != nil {
		t.Fatalf("left: %+v, %v", left, err)
	}
}

// FuzzIDs: whatever folders lie in the journal, each number stands once, has
// its own folder, and the next change gets one that is free.
func FuzzIDs(f *testing.F) {
	f.Add("000001", "000002", "x")
	f.Add("1", "000001", "+00001")
	f.Add("-00001", "999999", "1000000")
	f.Add("9223372036854775807", "0", "000002.tmp")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		j := &Journal{Dir: t.TempDir()}
		for _, name := range []string{a, b, c} {
			if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\:`) {
				continue
			}
			_ = os.Mkdir(filepath.Join(j.Dir, name), 0o755) // twice the same, or no name at all
		}
		ids, err := j.IDs()
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			if _, err := os.Stat(j.Folder(id)); err != nil || id < 1 || i > 0 && id <= ids[i-1] {
				t.Fatalf("numbers %v: %v", ids, err)
			}
		}
		change := &Change{Kind: "test"}
		if err := j.Create(change); err != nil {
			t.Fatal(err)
		}
		got, err := j.Load(change.ID)
		if err != nil || got.ID != change.ID {
			t.Fatalf("after %v: %+v, %v", ids, got, err)
		}
	})
}
