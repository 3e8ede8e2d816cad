package server

import (
	"io"
	"maps"
	"net/http"
	"time"
)

// An unsent error ended an answer before anything of it was sent: it is refused as if
// the handler had returned it.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// streamed answers with what write writes, which may take as long as it takes. The
// header goes with the first bytes: what fails before them is told with its reason.
// What breaks off later must not look whole.
func (s *Server) streamed(r *request, header http.Header, write func(io.Writer) error) answer {
	return func(w http.ResponseWriter) error {
		p := &patient{w: w, header: header, control: r.control, patience: s.patience}
		err := write(p)
		switch {
		case err == nil && p.begun:
			return nil
		case err == nil:
			_, err = p.Write(nil)
			return err
		case !p.begun:
			return unsent{err}
		}
		s.log.Warn("an export broke off", "request", r.id, "error", err.Error())
		panic(http.ErrAbortHandler)
	}
}

// A patient writer gives up on who takes nothing for a while.
type patient struct {
	w        http.ResponseWriter
	header   http.Header
	begun    bool
	control  *http.ResponseController
	patience time.Duration
}

func (p *patient) Write(b []byte) (int, error) {
	if !p.begun {
		p.begun = true
		maps.Copy(p.w.Header(), p.header)
	}
	p.control.SetWriteDeadline(time.Now().Add(p.patience)) //nolint:errcheck // not supported in some tests
	return p.w.Write(b)
}
