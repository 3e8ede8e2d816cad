package installer

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzFileName: what is guessed from the name of a file stands in it, is the
// same each time, and does not change what the file itself told.
func FuzzFileName(f *testing.F) {
	for _, name := range []string{"tool-1.2.3-linux-x64.tar.gz", "Setup_v2.0.1.exe", "age_1.1.1-1+b3_amd64.deb", "a-1.2.tgz", ".5", "x86_64-i686-win32-darwin", "tool-1.0.0-1.0.0"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		facts := Facts{File: name, Key: product}
		facts.guessFromName()
		if !strings.Contains(name, facts.Name) || !strings.Contains(name, facts.Version) {
			t.Errorf("%q is %q, %q", name, facts.Name, facts.Version)
		}
		again := Facts{File: name, Key: product}
		again.guessFromName()
		if !reflect.DeepEqual(facts, again) {
			t.Errorf("%+v, then %+v", facts, again)
		}
		if len(facts.OS) != 1 || len(facts.Arch) != 1 {
			t.Errorf("%q is for %v, %v", name, facts.OS, facts.Arch)
		}
		told := Facts{File: name, Name: "n", Version: "v", OS: []string{"linux"}, Arch: []string{"arm64"}}
		told.guessFromName()
		if told.Name != "n" || told.Version != "v" || told.OS[0] != "linux" || told.Arch[0] != "arm64" {
			t.Errorf("%+v", told)
		}
	})
}
