package script

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"muster"
	"muster/control"
)

// Parent and child talk in frames over the child's stdin and stdout: a length
// of four bytes, big-endian, and a message in JSON; or, where the top bit of the
// length is set, output as it is. The child's stderr is left to the Go runtime,
// which explains a crash there.
//
//	parent -> child   request, then reply for each call, or stop
//	child -> parent   output and calls, then end
//
// After end the child waits until its stdin is closed, so that the parent finds
// what the script left behind before it loses its parent process.

// maxFrame bounds a message either way: a request with the largest source in
// JSON fits, and so does what host functions and hooks return.
const maxFrame = 8 << 20

// logFrame marks a frame of output.
const logFrame = 1 << 31

type message struct {
	Log     []byte       `json:"-"`
	Request *wireRequest `json:"request,omitempty"`
	Call    *call        `json:"call,omitempty"`
	Reply   *reply       `json:"reply,omitempty"`
	Stop    string       `json:"stop,omitempty"` // why
	End     *ending      `json:"end,omitempty"`
}

// A wireRequest is what the child needs of a Request.
type wireRequest struct {
	File          string            `json:"file"`
	Source        []byte            `json:"source"`
	Hook          string            `json:"hook"`
	Control       *control.Control  `json:"control"`
	OldVersion    string            `json:"old-version"`
	Params        map[string]string `json:"params"`
	Root          string            `json:"root"`
	BaseDir       string            `json:"basedir"`
	PersistentDir string            `json:"persistent-dir"`
	Platform      muster.Platform   `json:"platform"`
	Force         bool              `json:"force"`
	Attempt       int               `json:"attempt"`
	Area          bool              `json:"area"`
	Host          []string          `json:"host"`
	Memory        int64             `json:"memory"`
	Output        int               `json:"output"`
	Language      string            `json:"language"`
}

// A call is a host function that the script called.
type call struct {
	Name   string          `json:"name"`
	Args   json.RawMessage `json:"args"`
	Kwargs json.RawMessage `json:"kwargs"`
}

type reply struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"`
}

// An ending is what the child reports last.
type ending struct {
	Value         json.RawMessage `json:"value,omitempty"`
	Failure       *failure        `json:"failure,omitempty"`
	Reboot        bool            `json:"reboot,omitempty"`
	UninstallKeys []string        `json:"uninstall-keys,omitempty"`
	AuditData     json.RawMessage `json:"audit-data,omitempty"`
}

type failure struct {
	Kind      string `json:"kind"` // a FailureKind, "no-hook" or "invalid"
	Message   string `json:"message"`
	Position  string `json:"position,omitempty"`
	Backtrace string `json:"backtrace,omitempty"`
}

// A frameWriter sends messages; its methods are safe for concurrent use.
type frameWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (f *frameWriter) send(m *message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("message of %d bytes is larger than %d", len(body), maxFrame)
	}
	return f.frame(uint32(len(body)), body)
}

// Write sends output.
func (f *frameWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), maxFrame)
		if err := f.frame(logFrame|uint32(n), rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

func (f *frameWriter) frame(head uint32, body []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), head)
	_, err := f.w.Write(append(frame, body...))
	return err
}

// receive reads one message. Its memory grows with what arrives, not with what
// the length claims.
func receive(r io.Reader) (*message, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	n := length &^ logFrame
	if n > maxFrame {
		return nil, fmt.Errorf("message of %d bytes is larger than %d", n, maxFrame)
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, int64(n)); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	m := new(message)
	if length&logFrame != 0 {
		m.Log = body.Bytes()
		return m, nil
	}
	if err := json.Unmarshal(body.Bytes(), m); err != nil {
		return nil, fmt.Errorf("cannot read message: %w", err)
	}
	return m, nil
}
