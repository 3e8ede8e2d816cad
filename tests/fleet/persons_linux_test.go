package fleet

import (
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// as is muster as a person beside the administrator: with a home of their own, and
// with the key NAME.key where there is one.
//
//	as NAME ARGS...
func as(worlds map[string]*world) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if len(args) < 2 {
			ts.Fatalf("usage: as NAME ARGS...")
		}
		w := of(worlds, ts)
		restore := w.become(ts, args[0])
		defer restore()
		w.run(ts, neg, "s", "muster", args[1:])
	}
}

// become has programs run as a person until restore is called.
func (w *world) become(ts *testscript.TestScript, name string) (restore func()) {
	key, cert := filepath.Join(w.dir, name+".key"), filepath.Join(w.dir, name+".crt")
	if _, err := os.Stat(key); err != nil {
		key, cert = "", ""
	}
	theirs := map[string]string{"XDG_CONFIG_HOME": filepath.Join(w.dir, "config-"+name), "MUSTER_KEY": key, "MUSTER_CERT": cert}
	before := map[string]string{}
	for k, v := range theirs {
		before[k] = ts.Getenv(k)
		ts.Setenv(k, v)
	}
	return func() {
		for k, v := range before {
			ts.Setenv(k, v)
		}
	}
}
