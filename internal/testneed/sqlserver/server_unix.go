//go:build unix

package sqlserver

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"muster/internal/testneed"
)

// A Server is a running server.
type Server struct {
	kind *Kind
	dir  string
	who  *syscall.SysProcAttr
	args []string
	life io.Closer // closed, by the end of this process too: the undertaker acts

	process *os.Process
	gone    chan struct{} // closed: the server and its children have ended
}

// start makes a server's files and starts it.
func start(t testing.TB, kind *Kind) *Server {
	t.Helper()
	dir, err := os.MkdirTemp(testneed.Memory(), "muster-"+kind.name+"-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{kind: kind, dir: dir, who: account(kind)}
	if err := s.give(dir); err != nil {
		t.Fatal(err)
	}
	s.undertake(t)
	initial, server := kind.programs(dir, func(name string) string { return find(t, kind, name) })
	s.args = server
	s.data(t, initial)
	s.Start(t)
	return s
}

// data makes the server's first files. That costs seconds, so they are kept
// for the next test binary.
func (s *Server) data(t testing.TB, initial []string) {
	t.Helper()
	kept := s.kept(initial)
	if err := exec.Command("cp", "-a", kept, s.dir+"/data").Run(); err == nil {
		return
	}
	if err := os.RemoveAll(s.dir + "/data"); err != nil { // half a copy
		t.Fatal(err)
	}
	if out, err := s.command(initial).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", initial, err, out)
	}
	part := kept + "." + filepath.Base(s.dir)
	keep := exec.Command("sh", "-c", `mkdir -p "$(dirname "$3")" && cp -a "$1" "$2" && mv -T "$2" "$3" || rm -rf "$2"`, "sh", s.dir+"/data", part, kept)
	keep.Run() //nolint:errcheck // another test binary may have been faster
}

// kept names the files that this program makes in this way.
func (s *Server) kept(initial []string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = s.dir
	}
	id := strings.ReplaceAll(strings.Join(initial, " "), s.dir, "")
	if info, err := os.Stat(initial[0]); err == nil {
		id += info.ModTime().String()
	}
	return fmt.Sprintf("%s/muster-test/%s-%x", cache, s.kind.name, sha256.Sum256([]byte(id)))
}

// give gives a folder to the server's account.
func (s *Server) give(dir string) error {
	if c := s.who.Credential; c != nil {
		return os.Chown(dir, int(c.Uid), int(c.Gid))
	}
	return nil
}

// find finds a program where Debian puts it, which for PostgreSQL is not on
// the path.
func find(t testing.TB, kind *Kind, name string) string {
	t.Helper()
	there, _ := filepath.Glob("/usr/lib/" + kind.name + "/*/bin/" + name)
	there = append(there, "/usr/sbin/"+name, "/usr/local/libexec/"+name)
	slices.Reverse(there[:len(there)-2]) // the newest first
	for _, path := range there {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return testneed.Program(t, name)
}

// account is who the server runs as: neither does so as root.
func account(kind *Kind) *syscall.SysProcAttr {
	// A group of its own: an interrupt from the keyboard is for the test.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr
	}
	for _, name := range kind.users {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		break
	}
	return attr
}

func (s *Server) command(args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.who
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir, "LC_ALL=C.UTF-8"}
	return cmd
}

// burial waits for the end of its input, which comes with the end of the test
// binary, however that ends, and then ends the server and removes its files.
const burial = `cat >/dev/null
pid=$(head -n 1 "$1" 2>/dev/null)
if [ -n "$pid" ]; then
	kill -s KILL "$pid" 2>/dev/null
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
cd /
# Children of PostgreSQL end a moment later, and may make files until then.
for try in 1 2 3 4 5 6 7 8 9; do
	rm -rf "$2" 2>/dev/null && break
	sleep 0.1
done`

// undertake starts the process that outlives this one.
func (s *Server) undertake(t testing.TB) {
	t.Helper()
	cmd := s.command([]string{"/bin/sh", "-c", burial, "sh", s.kind.pid, s.dir})
	life, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.life = life
	go cmd.Wait() //nolint:errcheck // nothing hangs on it
}

// end has the server ended and its files removed.
func (s *Server) end() { s.life.Close() }

// Start starts the server, again after [Server.Kill], and returns when it serves.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command(s.args)
	cmd.Stderr = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	s.process, s.gone = cmd.Process, make(chan struct{})
	ready := make(chan string, 1)
	go s.follow(cmd, r, ready)
	if said := <-ready; said != "" {
		t.Fatalf("%s does not start:\n%s", s.kind.name, said)
	}
}

// follow reads what the server says: ready gets "" when it serves, or all that
// it said. The end of it comes when the last child has ended.
func (s *Server) follow(cmd *exec.Cmd, r *os.File, ready chan<- string) {
	defer close(s.gone)
	defer cmd.Wait() //nolint:errcheck // it is killed
	defer r.Close()
	var said bytes.Buffer
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			ready <- said.String()
			return
		}
		if strings.Contains(line, s.kind.ready) {
			break
		}
	}
	ready <- ""
	io.Copy(io.Discard, lines) //nolint:errcheck // its end is all
}

// Kill kills the server as a crash would, and returns when all of its processes are gone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.gone
}
