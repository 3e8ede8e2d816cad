package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
)

// unpack undoes the Content-Encoding of a body. No more than max bytes come out.
func unpack(encoding string, body []byte, max int64) ([]byte, error) {
	switch encoding {
	case "", "identity":
		return body, nil
	case "zstd":
		return unzstd(body, max)
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot decompress the body: %w", err)
		}
		return readUpTo(z, max)
	}
	return nil, withStatus(http.StatusUnsupportedMediaType, muster.Errorf(muster.Invalid, "the content encoding %q is neither zstd nor gzip", encoding))
}

// decoders of zstd cost more to make than to use.
var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}}

func unzstd(body []byte, max int64) ([]byte, error) {
	d := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(d)
	defer d.Reset(nil) //nolint:errcheck // always nil
	if err := d.Reset(bytes.NewReader(body)); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot decompress the body: %w", err)
	}
	return readUpTo(d, max)
}

func readUpTo(r io.Reader, max int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read the body: %w", err)
	}
	if int64(len(data)) > max {
		return nil, tooLarge(int64(len(data)), max)
	}
	return data, nil
}

func tooLarge(size, max int64) error {
	return muster.Errorf(muster.Invalid, "the body has %d bytes or more, and may have %d: %w", size, max, &http.MaxBytesError{Limit: max})
}

// parse reads JSON. Members that are not known are passed over: they are of
// newer agents.
func parse(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	bad := muster.Errorf(muster.Invalid, "cannot understand the body: %w", err)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && wrong.Field != "" {
		bad = muster.WithField(bad, "/"+strings.ReplaceAll(wrong.Field, ".", "/"))
	}
	return bad
}

// A steadyReader reads a body that must keep coming: at least pace bytes a
// second after a start of patience, and never a pause as long as that.
type steadyReader struct {
	body     io.Reader
	control  *http.ResponseController
	intake   *intake // nil: it is not kept in memory
	patience time.Duration
	began    time.Time
	read     int64
	taken    int64 // of the intake, which guards it

	mu   sync.Mutex
	gave bool // way
	over bool
}

// patience is how long a server waits for somebody who sends or takes nothing.
const patience = 20 * time.Second

// pace is in bytes a second.
const pace = 2 << 10

// steady is the body of a request, of which the caller ends the reading. What is
// read counts until the request leaves.
func (s *Server) steady(r *request, in *intake) *steadyReader {
	b := s.unkept(r)
	b.intake = in
	b.intake.enter(b)
	r.held = append(r.held, func() { in.leave(b) })
	return b
}

// unkept is the body of a request that goes on as it comes.
func (s *Server) unkept(r *request) *steadyReader {
	return &steadyReader{body: r.Body, control: r.control, patience: s.patience, began: time.Now()}
}

// end ends the reading.
func (s *steadyReader) end() {
	if s.intake != nil {
		s.intake.end(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.control.SetReadDeadline(time.Time{}) //nolint:errcheck // not supported in some tests
}

// giveWay ends the reading in favour of others.
func (s *steadyReader) giveWay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return // its connection may serve another request already
	}
	s.gave = true
	s.control.SetReadDeadline(time.Now()) //nolint:errcheck // not supported in some tests
}

func (s *steadyReader) gaveWay() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gave
}

func (s *steadyReader) Read(p []byte) (int, error) {
	if err := s.wait(); err != nil {
		return 0, err
	}
	n, err := s.body.Read(p)
	s.read += int64(n)
	if s.intake != nil && n > 0 {
		if err := s.intake.take(s, n); err != nil {
			s.giveWay()
			return n, err
		}
	}
	return n, err
}

// wait sets how long the next bytes may take.
func (s *steadyReader) wait() error {
	due := s.began.Add(s.patience + time.Duration(s.read/pace)*time.Second)
	if next := time.Now().Add(s.patience); next.Before(due) {
		due = next
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gave {
		return errGaveWay()
	}
	if err := s.control.SetReadDeadline(due); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
