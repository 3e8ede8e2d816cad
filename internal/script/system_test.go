//go:build unix

package script

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"muster/internal/testneed"
)

// stubs is a folder of programs that write down how they were called. They are
// strict: a call that no line of answers foresees ends with code 99.
func stubs(t *testing.T, answers map[string]int, names ...string) (path, log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	script := "#!/bin/sh\ncall=\"${0##*/} $*\"\necho \"$call\" >> " + log + "\ncase \"$call\" in\n"
	for call, code := range answers {
		script += fmt.Sprintf("'%s') exit %d;;\n", call, code)
	}
	script += "esac\nexit 99\n"
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, log
}

func TestSystemd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is on Linux")
	}
	path, log := stubs(t, map[string]int{
		"systemctl daemon-reload": 0, "systemctl enable --now -- tool.service": 0, "systemctl start -- x": 5,
	}, "systemctl")
	mustRun(t, Request{Env: []string{"PATH=" + path + ":/usr/bin:/bin"}}, `
def install():
    systemd_daemon_reload()
    systemd_enable_start("tool.service")
    _, err = catch(systemd_start, "x")
    if not err or "exit status 5" not in err:
        fail("got", err)
    for bad in ["", "-f", "a/b"]:
        _, err = catch(systemd_stop, bad)
        if not err or "is no name" not in err:
            fail("took", bad, err)
`)
	calls, _ := os.ReadFile(log)
	if string(calls) != "systemctl daemon-reload\nsystemctl enable --now -- tool.service\nsystemctl start -- x\n" {
		t.Errorf("calls:\n%s", calls)
	}
}

func TestServices(t *testing.T) {
	if runtime.GOOS != "linux" || systemdRuns() {
		t.Skip("this shows the way of OpenRC, on a Linux that systemd does not run")
	}
	path, log := stubs(t, map[string]int{
		"rc-service tool start": 0, "rc-service tool stop": 0, "rc-service tool restart": 0,
		"rc-service tool status": 3, "rc-update add tool default": 0, "rc-update del tool": 0,
	}, "rc-service", "rc-update")
	got := mustRun(t, Request{Env: []string{"PATH=" + path + ":/usr/bin:/bin"}}, `
def install():
    service_start("tool")
    service_enable("tool")
    service_restart("tool")
    service_stop("tool")
    service_disable("tool")
    return [service_is_running("tool"), service_installed("no such service")]
`)
	calls, _ := os.ReadFile(log)
	want := "rc-service tool start\nrc-update add tool default\nrc-service tool restart\nrc-service tool stop\nrc-update del tool\nrc-service tool status\n"
	if string(calls) != want || fmt.Sprint(got.Value) != "[false false]" {
		t.Errorf("got %v, calls:\n%s", got.Value, calls)
	}
}

func TestPackageManagers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("apt and dnf are on Linux")
	}
	const options = "apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
	dir := t.TempDir()
	path, log := stubs(t, map[string]int{
		options + "update": 0, options + "--no-install-recommends install curl git": 0, options + "remove curl": 0, options + "autoremove": 0,
		options + "--no-install-recommends install " + dir + "/-x.deb": 0,
		"dnf -y install curl": 0, "dnf -y remove curl": 1,
	}, "apt-get", "dnf")
	if err := os.WriteFile(filepath.Join(dir, "-x.deb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const body = `
def install():
    update_apt()
    install_apt("curl git")
    uninstall_apt(["curl"])
    autoremove_apt()
    install_deb("-x.deb")
    install_yum("curl")
    _, err = catch(uninstall_yum, "curl")
    if not err or "exit status 1" not in err:
        fail("got", err)
    _, err = catch(install_apt, "-o evil")
    if not err or "is no name" not in err:
        fail("got", err)
`
	mustRun(t, Request{BaseDir: dir, Env: []string{"PATH=" + path + ":/usr/bin:/bin"}}, body)
	calls, _ := os.ReadFile(log)
	if n := strings.Count(string(calls), "\n"); n != 7 {
		t.Errorf("%d calls:\n%s", n, calls)
	}
	_, err := runHook(t, Request{Area: true, Root: "/srv/area", Env: []string{"PATH=" + path}}, body)
	if err == nil || !strings.Contains(err.Error(), `update_apt needs a whole system, but "/srv/area" is an area`) {
		t.Errorf("in an area: %v", err)
	}
}

// TestRealPackages finds a package that every Debian or Red Hat has.
func TestRealPackages(t *testing.T) {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		testneed.Program(t, "rpm")
	}
	got := mustRun(t, Request{}, `
def install():
    found = [s for s in installed_softwares("bash") if s["key"] == "bash"]
    return [found[0]["name"], found[0]["version"] != "", found[0]["publisher"] != "", installed_softwares("no such software")]
`)
	if s := fmt.Sprint(got.Value); s != "[bash true true []]" {
		t.Errorf("got %s", s)
	}
}

func TestParseSoftware(t *testing.T) {
	got := parseSoftware(onlyInstalled("installed\ta\t1.0\tA <a@x>\nconfig-files\tb\t2\tB\ninstalled\tc\t3\t\nnot-installed\td\t\t\n"))
	want := []software{{Key: "a", Name: "a", Version: "1.0", Publisher: "A <a@x>"}, {Key: "c", Name: "c", Version: "3"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v", got)
	}
}

func TestOSRelease(t *testing.T) {
	got := parseOSRelease("ID=debian\nNAME=\"De \\\"b\\\" \\$1\"\n# x=y\nID_LIKE='a b'\nEMPTY=\nBROKEN=\"\n")
	want := map[string]string{"ID": "debian", "NAME": `De "b" $1`, "ID_LIKE": "a b", "EMPTY": "", "BROKEN": `"`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
}

// TestKillAllTasks ends a program that ignores TERM, and spares itself.
func TestKillAllTasks(t *testing.T) {
	sleep := testneed.Program(t, "sleep")
	dir := t.TempDir()
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	name := "muster-tst-nap" // not longer than the kernel's 15 bytes
	if err := os.WriteFile(filepath.Join(dir, name), program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, name), "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	got := mustRun(t, Request{}, `
def install():
    return [isrunning("MUSTER-tst-nap.exe"), killalltasks(["muster-tst-nap", "muster-tst-other"]), isrunning("muster-tst-nap")]
`)
	if s := fmt.Sprint(got.Value); s != "[true 1 false]" {
		t.Errorf("got %s", s)
	}
	if err := <-waited; err == nil {
		t.Error("the program ended well")
	}
}

func TestShortcut(t *testing.T) {
	link := shellLink{target: `C:\Outils\é\tool.exe`, arguments: "/x", folder: `C:\Outils`, icon: `C:\Outils\tool.ico`}
	text, err := link.encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&shellLink{target: strings.Repeat("x", 260)}).encode(); err == nil {
		t.Error("a target of 260 characters was taken")
	}
	for _, c := range []struct{ label, folder, want string }{
		{"Tool", "", "Tool.lnk"}, {"Tool", `Tools\My\`, `Tools\My\Tool.lnk`}, {"", "x", ""}, {"..", "", ""}, {"a/b", "", ""}, {`a\b`, "", ""}, {"a", `..\x`, ""},
	} {
		if got, err := shortcutName(c.label, c.folder); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q in %q: %q, %v", c.label, c.folder, got, err)
		}
	}
	lnkinfo := testneed.Program(t, "lnkinfo") // of liblnk-utils
	file := filepath.Join(t.TempDir(), "tool.lnk")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(lnkinfo, file).CombinedOutput()
	if err != nil {
		t.Fatalf("lnkinfo: %v\n%s", err, out)
	}
	for _, want := range []string{`: C:\Outils\é\tool.exe`, ": /x", `: C:\Outils` + "\n", `: C:\Outils\tool.ico`, "Fixed (3)"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("lnkinfo does not show %q:\n%s", want, out)
		}
	}
}
