package windows

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/testneed"
)

// A bottle is a Windows of Wine's, in a folder of its own.
type bottle struct {
	*testing.T
	dir string
	env []string
}

// newBottle makes one. It is gone, with all that runs in it, at the end of the test.
func newBottle(t *testing.T) *bottle {
	testneed.Program(t, "wine")
	testneed.Program(t, "wineserver")
	b := &bottle{T: t, dir: t.TempDir()}
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if name != "DISPLAY" && name != "WAYLAND_DISPLAY" && !strings.HasPrefix(name, "WINE") && !strings.HasPrefix(name, "MUSTER_") {
			b.env = append(b.env, e)
		}
	}
	// Without .NET, pages of Windows, and menus of the desktop below.
	b.env = append(b.env, "WINEPREFIX="+b.dir, "WINEARCH=win64", "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=;winemenubuilder.exe=d")
	t.Cleanup(func() {
		b.unix("wineserver", "-k").Run() //nolint:errcheck // it has ended by itself
		b.unix("wineserver", "-w").Run() //nolint:errcheck // the same
	})
	if out, err := b.unix("wine", "wineboot", "--init").CombinedOutput(); err != nil {
		t.Fatalf("cannot make a Windows: %v\n%s", err, out)
	}
	b.complete()
	return b
}

// unix is a command of the system below.
func (b *bottle) unix(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), program, args...) // cleanups run some
	cmd.Env, cmd.Dir = b.env, b.dir
	cmd.WaitDelay = 10 * time.Second // for what Wine starts and leaves with the output
	return cmd
}

// command is one of Windows.
func (b *bottle) command(program string, args ...string) *exec.Cmd {
	return b.unix("wine", append([]string{program}, args...)...)
}

// run runs a command of Windows and returns what it says.
func (b *bottle) run(program string, args ...string) string {
	b.Helper()
	cmd := b.command(program, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %v: %v\n%s%s", filepath.Base(program), args, err, &out, &said)
	}
	return out.String()
}

// c is a file of the disk C:.
func (b *bottle) c(name string) string { return filepath.Join(b.dir, "drive_c", name) }

// complete adds what programs of Go need and older versions of Wine have not: a library
// that makes random numbers. It has no code, and hands on to the function of another.
func (b *bottle) complete() {
	file := b.c("windows/system32/bcryptprimitives.dll")
	if _, err := os.Stat(file); err == nil {
		return
	}
	if err := os.WriteFile(file, forwarder("bcryptprimitives.dll", "ProcessPrng", "ADVAPI32.SystemFunction036"), 0o755); err != nil {
		b.Fatal(err)
	}
}

// build compiles for Windows.
func (b *bottle) build(name string, args ...string) string {
	b.Helper()
	file := b.c(name)
	cmd := exec.CommandContext(b.Context(), "go", append(args[:1:1], append([]string{"-o", file}, args[1:]...)...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=windows", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return file
}

// until waits for what another program does.
func (b *bottle) until(what string, ok func() bool) {
	b.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("it never came that %s", what)
		}
	}
}
