package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// These tests change the registry below HKEY_CURRENT_USER\SOFTWARE\MusterTest
// and clean up after themselves.

const testHelpers = `
def equal(got, want):
    if got != want:
        fail("got %r, want %r" % (got, want))
`

func TestRegistry(t *testing.T) {
	mustRun(t, Request{}, testHelpers+`
def install():
    base = r"SOFTWARE\MusterTest"
    equal(reg_key_exists(HKEY_CURRENT_USER, base), False)
    registry_set(HKEY_CURRENT_USER, base + r"\a\b", "text", "é")
    registry_set(HKEY_CURRENT_USER, base, "n", 17)
    registry_set(HKEY_CURRENT_USER, base, "big", 1 << 40)
    registry_set(HKEY_CURRENT_USER, base, "yes", True, REG_DWORD)
    registry_set(HKEY_CURRENT_USER, base, "list", ["a", "b"])
    registry_set("HKCU", base, "var", "%PATH%", type = REG_EXPAND_SZ)
    registry_set("HKCU", base, "", "default")
    equal(registry_readstring(HKEY_CURRENT_USER, base + r"\a\b", "text"), "é")
    equal([registry_readstring("HKCU", base, k) for k in ["n", "big", "yes", "list", "var", "", "none"]],
        ["17", "1099511627776", "1", "a\nb", "%PATH%", "default", ""])
    equal(registry_readstring("HKCU", base + r"\nowhere", "x", "d"), "d")
    equal([reg_key_exists("HKCU", base), reg_value_exists("HKCU", base, "n"), reg_value_exists("HKCU", base, "m")], [True, True, False])
    equal([registry_delete("HKCU", base, "n"), registry_delete("HKCU", base, "n")], [True, False])
    _, err = catch(registry_set, "HKCU", base, "x", "text", REG_DWORD)
    equal(err != None, True)
    _, err = catch(registry_deletekey, "HKCU", "", "SOFTWARE")
    equal(err != None, True)
    equal([registry_deletekey("HKCU", "SOFTWARE", "MusterTest"), registry_deletekey("HKCU", "SOFTWARE", "MusterTest")], [True, False])
    equal(reg_key_exists("HKCU", base), False)
`)
}

func TestUninstallKeys(t *testing.T) {
	got := mustRun(t, Request{}, testHelpers+`
def install():
    key = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\MusterTest_is1"
    for name, value in {"DisplayName": "Muster Test", "DisplayVersion": "1.5", "InstallLocation": r"C:\mt", "UninstallString": r'"C:\mt\unins000.exe"'}.items():
        registry_set(HKEY_CURRENT_USER, key, name, value)
    found = installed_softwares("muster test")
    equal([found[0]["key"], found[0]["version"]], ["MusterTest_is1", "1.5"])
    equal([need_install("MusterTest_is1"), need_install("MusterTest_is1", "1.5.0"), need_install("mustertest_is1", Version("1.10")), need_install("None_is1")],
        [False, False, True, True])
    equal(install_location("MusterTest_is1"), r"C:\mt")
    equal(uninstall_cmd("MusterTest_is1"), r'"C:\mt\unins000.exe" /VERYSILENT /SUPPRESSMSGBOXES /NORESTART')
    equal(wait_uninstallkey_absent("MusterTest_is1", timeout = 0.1), False)
    registry_deletekey(HKEY_CURRENT_USER, r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall", "MusterTest_is1")
    equal(wait_uninstallkey_absent("MusterTest_is1"), True)
    print(windows_version(), programfiles(), iswin64(), get_language(), user_home_directory())
`)
	t.Logf("%s", got.Output)
}

// TestExeInstaller runs a batch file in the place of an installer, by cmd.
func TestExeInstaller(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got := mustRun(t, Request{BaseDir: dir, Env: []string{installerEnv + "=1"}}, testHelpers+fmt.Sprintf(`
def install():
    filecopyto(%q, "setup.exe")
    equal(install_exe_if_needed("setup.exe", silentflags = "/S", key = "MusterSetup", min_version = "3.0"), True)
    equal(install_exe_if_needed("setup.exe", silentflags = "/S", key = "MusterSetup", min_version = "3.0"), False)
`, self))
	mustRun(t, Request{Hook: "uninstall"}, testHelpers+`
def uninstall():
    equal(registry_deletekey("HKCU", r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall", "MusterSetup"), True)
    equal(need_install("MusterSetup"), True)
`)
	if !got.ExitReboot || fmt.Sprint(got.UninstallKeys) != "[MusterSetup]" {
		t.Errorf("reboot %t, keys %v", got.ExitReboot, got.UninstallKeys)
	}
}

// TestKeyIsConfirmed: a declared key must be there after install.
func TestKeyIsConfirmed(t *testing.T) {
	_, err := runHook(t, Request{}, "uninstallkey = \"MusterNowhere\"\ndef install():\n    pass\n")
	if err == nil || !strings.Contains(err.Error(), `"MusterNowhere" is not in the list of software`) {
		t.Errorf("got %v", err)
	}
}

func TestShortcuts(t *testing.T) {
	mustRun(t, Request{}, testHelpers+`
def install():
    path = create_programs_menu_shortcut("Muster Test", target = r"C:\mt\mt.exe", arguments = "/x", folder = "MT")
    equal(isfile(path), True)
    remove_programs_menu_shortcut("Muster Test", folder = "MT")
    equal([isfile(path), isdir(dirname(path))], [False, False])
`)
}

func TestLinesAndShell(t *testing.T) {
	got := mustRun(t, Request{}, `
def install():
    return [run("echo %OS% & echo two", shell = True).split(), run("cmd /c echo \"a  b\"").strip()]
`)
	if s := fmt.Sprint(got.Value); s != `[[Windows_NT two] "a  b"]` {
		t.Errorf("got %s", s)
	}
}

func TestLimits(t *testing.T) {
	for body, want := range map[string]FailureKind{
		"while True:\n        pass":                              Timeout,
		"run([\"ping\", \"-n\", \"60\", \"127.0.0.1\"])":         Timeout,
		"x = [0] * 1000000000":                                   OutOfMemory,
		"l = []\n    while True:\n        l.append(str(len(l)))": OutOfMemory,
	} {
		start := time.Now()
		wall := 30 * time.Second
		if want == Timeout {
			wall = time.Second
		}
		_, err := runHook(t, Request{Limits: Limits{Wall: wall, Memory: 64 << 20}}, "def install():\n    "+body+"\n")
		var e *Error
		if !errors.As(err, &e) || e.Kind != want || time.Since(start) > 40*time.Second {
			t.Errorf("%q: %v after %s", body, err, time.Since(start))
		}
	}
}

func TestWindowsFiles(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, Request{BaseDir: dir}, testHelpers+`
def install():
    write_file("a/b.txt", "1")
    write_file("a/b.txt", "2")
    equal(read_file(r"a\b.txt"), "2")
    inifile_writestring("x.ini", "s", "k", "v")
    inifile_writestring("x.ini", "s", "k", "w")
    equal(inifile_readstring("x.ini", "s", "k"), "w")
    equal(os.path.join("a", "b"), r"a\b")
    equal(isrunning("no-such-program"), False)
    equal(which("cmd") != "", True)
    copytree2("a", "c")
    remove_tree("a")
    equal(glob("c/*"), [r"c\b.txt"])
`)
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, " "))
	}
}

// installerEnv makes the test binary play an installer.
const installerEnv = "SCRIPT_TEST_INSTALLER"
