package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"muster"
	"muster/deb822"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/settings"
)

// ConfFile is the file in which the administrator of a machine writes settings of
// its agent, in the form of the policy of a config package. What packages say
// counts over it.
func ConfFile(root *install.Root) string {
	if root.Dir == "/" && !root.Config.Area && runtime.GOOS != "windows" {
		return "/etc/muster/agent.conf"
	}
	return filepath.Join(root.State, "agent.conf")
}

// layers are the sources of settings of a root, the weakest first, and what is
// wrong with those that cannot be read.
func layers(e *engine.Engine) (all []settings.Layer, err error) {
	name := ConfFile(e.Root)
	data, err := readBounded(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var stanzas []deb822.Stanza
	if err == nil {
		stanzas, err = deb822.Parse(string(data))
	}
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err)
	}
	// Values are not checked here: one that is wrong leaves the others in force.
	for _, stanza := range stanzas {
		values := map[string]string{}
		for _, f := range stanza {
			values[strings.ToLower(f.Name)] = strings.Join(strings.Fields(f.Text()), " ")
		}
		all = append(all, settings.Layer{From: name, Values: values})
	}
	return all, nil
}

// resolve finds the settings that are in force from now on, and leaves them for
// the loop. What is wrong is told, and the rest holds.
func (r *round) resolve() {
	all, err := layers(r.engine)
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
	var seen os.FileInfo
	now := settings.Defaults()
	r, err := install.Open(root, nil)
	if err != nil {
		return func() *settings.Agent { return now }
	}
	h := HomeOf(r.State, nil)
	return func() *settings.Agent {
		info, err := os.Stat(h.file("settings.json"))
		if err == nil && (seen == nil || !info.ModTime().Equal(seen.ModTime())) {
			now, seen = h.Settings(), info
		}
		return now
	}
}
