package script

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"muster"
	"muster/control"
)

// Parent and child talk in frames over the child's stdin and stdout: a length
// of four bytes, big-endian, and a message in JSON. stderr carries the output.
//
//	parent -> child   request, then reply for each call, or stop
//	child -> parent   calls, then end
//
// After end the child waits until its stdin is closed, so that the parent finds
// what the script left behind before it loses its parent process.

// maxFrame bounds a message either way: a request with the largest source in
// JSON fits, and so does what host functions and hooks return.
const maxFrame = 8 << 20

type message struct {
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

// A frameWriter sends messages; its method is safe for concurrent use.
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
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err = f.w.Write(append(frame, body...))
	return err
}

// receive reads one message. Its memory grows with what arrives, not with what
// the length claims.
func receive(r io.Reader) (*message, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("message of %d bytes is larger than %d", n, maxFrame)
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, err
	}
	if len(body) < int(n) {
		return nil, io.ErrUnexpectedEOF
	}
	m := new(message)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("cannot read message: %w", err)
	}
	return m, nil
}
