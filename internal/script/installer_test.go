package script

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

// A fakeWindows is strict: what is launched must be foreseen, and does to the
// list of software what it would do on Windows.
type fakeWindows struct {
	software []software
	after    map[string]software // command -> what it registers; "" key is nothing
	log      []string
}

func (w *fakeWindows) listed() ([]software, error) { return w.software, nil }

func (w *fakeWindows) launch(t *task) error {
	line, _ := starlark.AsString(t.command)
	w.log = append(w.log, "run "+line)
	made, ok := w.after[line]
	if !ok {
		return errors.New("unforeseen command")
	}
	if made.Key != "" {
		w.software = append(slices.DeleteFunc(w.software, func(s software) bool { return s.Key == made.Key }), made)
	}
	return nil
}

func (w *fakeWindows) killNamed(names []string) error {
	w.log = append(w.log, "kill "+strings.Join(names, " "))
	return nil
}

func TestInstallation(t *testing.T) {
	old := software{Key: "Tool_is1", Name: "Tool", Version: "1.9"}
	current := software{Key: "Tool_is1", Name: "Tool", Version: "2.0.0"}
	cases := []struct {
		name  string
		have  []software
		i     installation
		makes software
		log   string
		fails string
	}{
		{"fresh", nil, installation{key: "Tool_is1", minVersion: "2.0"}, current, "run setup", ""},
		{"there", []software{current}, installation{key: "tool_IS1", minVersion: "2.0"}, current, "", ""},
		{"there in any version", []software{old}, installation{key: "Tool_is1"}, current, "", ""},
		{"older", []software{old}, installation{key: "Tool_is1", minVersion: "2", kill: []string{"tool", "tray"}}, current, "kill tool tray|run setup", ""},
		{"1.10 is newer than 1.9", []software{old}, installation{key: "Tool_is1", minVersion: "1.10"}, current, "run setup", ""},
		{"two entries, the newest counts", []software{current, old}, installation{key: "Tool_is1", minVersion: "2"}, current, "", ""},
		{"forced", []software{current}, installation{key: "Tool_is1", minVersion: "2", force: true}, current, "run setup", ""},
		{"without key", nil, installation{}, software{}, "run setup", ""},
		{"registers nothing", nil, installation{key: "Tool_is1"}, software{}, "run setup", "is not in the list of software"},
		{"registers too old a version", nil, installation{key: "Tool_is1", minVersion: "2"}, old, "run setup", "is not in the list of software"},
		{"a guessed version need not be registered", nil, installation{key: "Tool_is1", minVersion: "2", guessed: true}, old, "run setup", ""},
		{"program fails", nil, installation{key: "x", task: &task{command: starlark.String("other")}}, old, "run other", "unforeseen command"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &fakeWindows{software: slices.Clone(c.have), after: map[string]software{"setup": c.makes}}
			i := c.i
			i.file = `C:\x\setup.exe`
			if i.task == nil {
				i.task = &task{command: starlark.String("setup")}
			}
			ran, err := i.perform(w, t.Logf)
			if log := strings.Join(w.log, "|"); log != c.log || ran != strings.Contains(c.log, "run") {
				t.Errorf("did %q (ran: %t), want %q", log, ran, c.log)
			}
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("error %v, want %q", err, c.fails)
			}
		})
	}
}

func TestUninstallCommand(t *testing.T) {
	const code = "{12345678-ABCD-4321-9876-0123456789ab}"
	for want, w := range map[string]software{
		`["msiexec", "/norestart", "/q", "/x", "` + code + `"]`:                    {Key: code, UninstallString: "MsiExec.exe /I" + code},
		`"\"C:\\Tool\\q.exe\" /quiet"`:                                             {Key: "a", UninstallString: "x", QuietUninstallString: `"C:\Tool\q.exe" /quiet`},
		`"\"C:\\My Tool\\unins000.exe\" /VERYSILENT /SUPPRESSMSGBOXES /NORESTART"`: {Key: "Tool_is1", UninstallString: `"C:\My Tool\unins000.exe"`},
		`"\"C:\\My Tool\\Uninstall.exe\" /S"`:                                      {Key: "Tool", UninstallString: `C:\My Tool\Uninstall.exe`},
		`"C:\\Tool\\remove.exe -all"`:                                              {Key: "Tool", UninstallString: `C:\Tool\remove.exe -all`},
	} {
		got, err := uninstallCommand(&w)
		if err != nil || got.String() != want {
			t.Errorf("%+v:\n got %v, %v\nwant %s", w, got, err, want)
		}
	}
	if _, err := uninstallCommand(&software{Key: "x"}); err == nil {
		t.Error("no command, no error")
	}
}

func TestMsiLine(t *testing.T) {
	got, err := msiLine(`C:\a b\t.msi`, map[string]string{"ALLUSERS": "1", "DIR": `C:\My "x"`})
	const want = `msiexec /norestart /q /i "C:\a b\t.msi" ALLUSERS="1" DIR="C:\My ""x"""`
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	for _, bad := range []map[string]string{{"A B": "x"}, {"": "x"}, {"A": "x\ny"}, {"A=B": ""}} {
		if line, err := msiLine("x", bad); err == nil {
			t.Errorf("%v became %s", bad, line)
		}
	}
}

func TestFolderLists(t *testing.T) {
	const list = `C:\Windows;%SystemRoot%\System32;"C:\A B\";;`
	for _, dir := range []string{`c:\windows`, `C:\Windows\`, `c:\a b`} {
		if got, added := addFolder(list, dir); added || got != list {
			t.Errorf("%s was added: %s", dir, got)
		}
	}
	got, added := addFolder(`C:\Windows`, `C:\New`)
	if !added || got != `C:\Windows;C:\New` {
		t.Errorf("got %s, %t", got, added)
	}
	got, removed := removeFolder(list, `C:\A B`)
	if !removed || got != `C:\Windows;%SystemRoot%\System32;;` {
		t.Errorf("got %s, %t", got, removed)
	}
	if got, removed := removeFolder(list, `C:\Nowhere`); removed || got != list {
		t.Errorf("got %s, %t", got, removed)
	}
	for _, bad := range []string{"", "bin", `\x`, `C:x`, `C:\a;C:\b`, `%X%\bin`} {
		if checkFolder(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want string
	}{
		{"1.2", "1.2.0", "="}, {"1.2", "1.2.0.0", "="}, {"1.10", "1.9", ">"}, {"1.0", "1", "="}, {"10", "9.9", ">"},
		{"1.2-2", "1.2.0-1", ">"}, {"1.2~rc1", "1.2", "<"}, {"0", "0.0", "="}, {"100", "10", ">"}, {" 1.2 ", "1.2", "="},
	} {
		a, b := newVersion(c.a, 0), newVersion(c.b, 0)
		got := "="
		if a.less(b) {
			got = "<"
		} else if b.less(a) {
			got = ">"
		}
		ha, _ := a.Hash()
		hb, _ := b.Hash()
		if got != c.want || (got == "=") != (ha == hb) {
			t.Errorf("%s %s %s, want %s (hashes %d, %d)", c.a, got, c.b, c.want, ha, hb)
		}
	}
	if v := newVersion("1.2.3.4-5", 2); v.text != "1.2" {
		t.Errorf("two members are %s", v)
	}
	if v := newVersion("1", 3); v.text != "1.0.0" {
		t.Errorf("three members are %s", v)
	}
	thread := new(starlark.Thread)
	for expr, want := range map[string]string{
		`Version("1.2") < Version("1.10")`: "True", `Version("1.2") == Version("1.2.0")`: "True",
		`sorted([Version("2"), Version("1.5")])[0]`: "1.5", `str(Version("3.1.4", 2))`: `"3.1"`,
		`max(Version("1.9"), Version("1.10")) != Version("1.10")`: "False",
	} {
		got, err := starlark.EvalOptions(dialect, thread, "x", expr, scopeOnce())
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", expr, got, err)
		}
	}
	if _, err := starlark.EvalOptions(dialect, thread, "x", `Version("1") > "0"`, scopeOnce()); err == nil {
		t.Error("a Version was compared with text")
	}
}
