package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"muster/internal/selfservice"
	"muster/internal/testneed"
)

// TestBrowse: what the browser is started with tells nobody the address, which stands in
// a file of the person alone, and that is gone at the end.
func TestBrowse(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "started")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$@\" > %q\n", pipe)
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":0")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	const url = "http://127.0.0.1:4711/base/open/SECRETTICKET"
	done := browse(t.Context(), url)
	started, err := os.ReadFile(pipe)
	if err != nil {
		t.Fatal(err)
	}
	file := strings.TrimSuffix(string(started), "\n")
	if strings.Contains(file, "SECRET") || filepath.Dir(file) != dir {
		t.Fatalf("the browser is started with %q", file)
	}
	page, err := os.ReadFile(file)
	info, _ := os.Stat(file)
	if err != nil || !strings.Contains(string(page), url) || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: %s", err, info, page)
	}
	done()
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is left behind: %v", err)
	}
}

// TestConsoleOwner: the server of the console knows whose program asks.
func TestConsoleOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	testneed.Program(t, "bash")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serveUntil(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, selfservice.Owned(r.Context()))
		}))
	}()
	for uid, want := range map[uint32]string{0: "true", 65534: "false"} {
		_, port, _ := net.SplitHostPort(l.Addr().String())
		cmd := exec.Command("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+port+"; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3")
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), want) {
			t.Errorf("user %d: %v %s", uid, err, out)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
