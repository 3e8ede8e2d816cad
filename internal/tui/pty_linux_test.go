package tui

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"muster/internal/agent"
	"muster/internal/install"
)

// TestTerminal runs self-service in a real terminal of 80 by 24, without colours: what is
// typed installs a package through the socket, the window becomes smaller, and the
// terminal is left as it was.
func TestTerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "xterm-256color")
	wishes := make(chan agent.Wish, 1)
	l := answering(t, wishes)
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	shown := &shown{more: make(chan struct{}, 1)}
	drained := make(chan struct{})
	go func() {
		io.Copy(shown, keys) // until the other end is closed
		close(drained)
	}()
	ended := make(chan error)
	go func() { ended <- Self(t.Context(), l, Terminal{In: tty, Out: tty}) }()
	shown.until(t, "The Editor")
	io.WriteString(keys, "ji")
	if w := <-wishes; len(w.Install) != 1 || w.Install[0] != "game" {
		t.Errorf("wishes %+v", w)
	}
	shown.until(t, "game 1 installed")
	io.WriteString(keys, "2")
	shown.until(t, "Installed at the latest")
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 10, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(keys, "?")
	shown.until(t, "another page")
	io.WriteString(keys, "xq")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	tty.Close()
	<-drained
	text := shown.text()
	if m := regexp.MustCompile(`\x1b\[[0-9;]*(3[0-7]|9[0-7]|38;[0-9;]+)m`).FindString(text); m != "" {
		t.Errorf("a colour, %q, though NO_COLOR is set", m)
	}
	if !strings.Contains(text, "\x1b[?1049h") || !strings.Contains(text, "\x1b[?1049l") {
		t.Error("the screen that was there before does not come back")
	}
}

// answering is an agent at a socket.
func answering(t *testing.T, wishes chan agent.Wish) *agent.Local {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "s") // paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	mux, o := http.NewServeMux(), office()
	answer := func(pattern string, v any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(v) })
	}
	answer("GET /v1/catalogue", o.cat)
	answer("GET /v1/state", o.state)
	answer("GET /v1/past", o.past)
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("POST /v1/change", func(w http.ResponseWriter, r *http.Request) {
		var wish agent.Wish
		json.NewDecoder(r.Body).Decode(&wish)
		wishes <- wish
		json.NewEncoder(w).Encode(agent.Done{Steps: []install.Summary{{Name: "game", To: "1"}}})
	})
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return agent.DialLocal(l.Addr().String())
}

// shown is all that a terminal was sent.
type shown struct {
	mu   sync.Mutex
	all  strings.Builder
	read int           // what until has looked at
	more chan struct{} // full when something came
}

func (s *shown) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.all.Write(b)
}

func (s *shown) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// until waits for a text. A program that draws only what changes may move the cursor over
// blanks, so those do not count.
func (s *shown) until(t *testing.T, text string) {
	t.Helper()
	moves := regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)
	squeeze := func(s string) string { return strings.Join(strings.Fields(moves.ReplaceAllString(s, " ")), "") }
	late := time.After(20 * time.Second)
	for {
		if all := s.text(); strings.Contains(squeeze(all[s.read:]), squeeze(text)) {
			s.read = len(all)
			return
		}
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("never shows %q:\n%q", text, s.text()[s.read:])
		}
	}
}
