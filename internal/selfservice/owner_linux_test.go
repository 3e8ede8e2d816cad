package selfservice

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"muster/internal/testneed"
)

// TestOtherUser: who is somebody else on the machine is refused, also with the address
// that begins the session, which is still good for its owner then.
func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	testneed.Program(t, "bash")
	o := newOffice(t)
	_, port, _ := strings.Cut(o.site.host, ":")
	ask := func(uid uint32, host string) string {
		script := fmt.Sprintf(`exec 3<>/dev/tcp/%s/%s; printf 'GET /enter/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' >&3; cat <&3`, host, port, o.site.secret, o.site.host)
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	// A socket of IPv6 stands in another list of the kernel.
	if answer := ask(65534, "::ffff:127.0.0.1"); !strings.HasPrefix(answer, "HTTP/1.1 403") || strings.Contains(answer, "Set-Cookie") {
		t.Errorf("another user gets by IPv6:\n%s", answer)
	}
	if answer := ask(65534, "127.0.0.1"); !strings.HasPrefix(answer, "HTTP/1.1 403") || strings.Contains(answer, "Set-Cookie") {
		t.Errorf("another user gets:\n%s", answer)
	}
	if answer := ask(0, "127.0.0.1"); !strings.HasPrefix(answer, "HTTP/1.1 200") || !strings.Contains(answer, "Set-Cookie") {
		t.Errorf("the owner gets:\n%s", answer)
	}
}
