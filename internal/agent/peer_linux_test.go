package agent

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestOtherUser: a real process of another user is known as such, whatever it says.
func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	_, socket := listening(t)
	out, err := askAsOther(t, socket)
	name := must(user.LookupId("65534")).Username
	want := fmt.Sprintf(" [upgrade %s toolas %s]\n [upgrade %s as %s]\n", name, name, name, name)
	if err != nil || out != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}

// Who holds many connections open keeps nobody else from the agent.
func TestManyConnections(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	l, socket := listening(t)
	var held []net.Conn
	for range maxConnections {
		held = append(held, must(net.Dial("unix", socket)))
	}
	one := must(net.Dial("unix", socket))
	defer one.Close()
	one.SetReadDeadline(time.Now().Add(3 * time.Second)) //nolint:errcheck // it is open
	if n, err := one.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("one more is let in: %d %v", n, err)
	}
	if out, err := askAsOther(t, socket); err != nil {
		t.Errorf("another user: %v %s", err, out)
	}
	for _, c := range held {
		c.Close()
	}
	for until := time.Now().Add(10 * time.Second); ; runtime.Gosched() { // the agent sees it a little later
		_, err := l.State(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the user is not let in again: %v", err)
		}
	}
}

// askAsOther has a process of another user ask the agent.
func askAsOther(t *testing.T, socket string) (string, error) {
	t.Helper()
	exe := filepath.Join(filepath.Dir(socket), "peer") // the test's own file is for root alone
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Dir, cmd.Env = "/", []string{"MUSTER_TEST_PEER=" + socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
