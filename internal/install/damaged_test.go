package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStateLeadsOut: state files whose paths lead elsewhere, as a damaged or
// forged one may, change nothing outside of the root, and do not take it away.
func TestStateLeadsOut(t *testing.T) {
	outer := t.TempDir()
	committed(t, filepath.Join(outer, "area"))
	const sw, sw1, change, change1, status = 1, 3, 0, 2, 4 // of stateFiles
	for name, c := range map[string]struct {
		file     int
		old, new string
	}{
		"base of the switch, empty":     {sw, `".muster/stage/000002"`, `""`},
		"base of the switch, up":        {sw, `".muster/stage/000002"`, `"../dir"`},
		"path of the switch":            {sw, `"path":"usr/bin/tool"`, `"path":"../precious"`},
		"deletion":                      {sw, `"path":"gone"`, `"path":"../precious"`},
		"attributes":                    {sw, `"ops":[`, `"ops":[{"op":"attr","path":"../precious","attr":{"mode":0,"uid":0,"gid":0}},`},
		"saved file":                    {sw, `"old":"o/`, `"old":"../../../../dir/`},
		"staged file":                   {sw, `"new":"n/2"`, `"new":"../../../../precious"`},
		"base of the change, empty":     {change, `".muster/stage/000002"`, `""`},
		"base of the change, up":        {change, `".muster/stage/000002"`, `"../dir"`},
		"base of the change, elsewhere": {change, `".muster/stage/000002"`, `"usr"`},
		"package":                       {change, `"name": "tool"`, `"name": "../../../precious"`},
		"action":                        {change, `"kind": "switch"`, `"kind": "hook", "data": {"package": "../../../../dir", "hook": "install"}`},
		"base of an older change":       {change1, `".muster/stage/000001"`, `"../dir"`},
		"path of an older change":       {sw1, `"path":"gone"`, `"path":"../precious"`},
		"what was laid aside":           {status, `"size"`, `"aside": ["../precious.muster-new"], "size"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			area := filepath.Join(dir, "area")
			copyTree(t, filepath.Join(outer, "area"), area)
			for _, name := range []string{"precious", "precious.muster-new", "dir/precious", "dir/n/x", "dir/p/x"} {
				plant(t, filepath.Join(dir, name), "precious")
			}
			file := filepath.Join(area, stateFiles[c.file])
			data, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(data), c.old) {
				t.Fatalf("no %s in %s, %v", c.old, data, err)
			}
			plant(t, file, strings.ReplaceAll(string(data), c.old, c.new))
			plant(t, filepath.Join(area, "usr/mine"), "precious")
			before := outside(t, dir)
			useRoot(t, area)
			if after := outside(t, dir); after != before {
				t.Errorf("outside was\n%s\nand is\n%s", before, after)
			}
			if _, err := os.Stat(filepath.Join(area, "usr/mine")); err != nil {
				t.Errorf("what no package has is gone: %v", err)
			}
		})
	}
}
