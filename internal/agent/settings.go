package agent

import (
	"os"
	"reflect"
	"sync"

	"muster"
	"muster/internal/install"
	"muster/settings"
)

// resolve finds the settings that are in force from now on, and leaves them for
// the loop. What is wrong is told, and the rest holds.
func (r *round) resolve() {
	all, err := r.engine.Layers()
	r.fail(err)
	_, _, problems := settings.Resolve(all)
	for _, p := range problems {
		r.fail(muster.Errorf(muster.Invalid, "%s", p.Text))
	}
	if old := r.home.layers(); !reflect.DeepEqual(all, old) {
		r.fail(r.home.make())
		r.fail(r.home.writeJSON("settings.json", all))
	}
}

// layers are those that the last round found; a file that is lost is found again
// by the next.
func (h *Home) layers() (all []settings.Layer) {
	if h.readJSON("settings.json", &all) != nil {
		return nil
	}
	return all
}

// Settings are those in force since the last round.
func (h *Home) Settings() *settings.Agent {
	a, _, _ := settings.Resolve(h.layers())
	return a
}

// ownSettings returns a function that reads the settings of a root again when
// a round has changed them.
func ownSettings(root string) func() *settings.Agent {
	var mu sync.Mutex // people who ask are not in the loop
	var seen os.FileInfo
	now := settings.Defaults()
	r, err := install.Open(root, nil)
	if err != nil {
		return func() *settings.Agent { return now }
	}
	h := HomeOf(r.State, nil)
	return func() *settings.Agent {
		mu.Lock()
		defer mu.Unlock()
		info, err := os.Stat(h.file("settings.json"))
		if err == nil && (seen == nil || !info.ModTime().Equal(seen.ModTime())) {
			now, seen = h.Settings(), info
		}
		return now
	}
}
