package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
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
		return nil, muster.Errorf(muster.Invalid, "the body has more than %d bytes: %w", max, &http.MaxBytesError{Limit: max})
	}
	return data, nil
}

// parse reads JSON. Members that are not known are passed over: they are of
// newer agents.
func parse(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return muster.Errorf(muster.Invalid, "cannot understand the body: %w", err)
	}
	return nil
}

// A steadyReader reads a body that must keep coming: at least pace bytes a
// second after a start of patience, and never a pause as long as that.
type steadyReader struct {
	body     io.Reader
	control  *http.ResponseController
	patience time.Duration
	began    time.Time
	read     int64
}

// patience is how long a server waits for somebody who sends or takes nothing.
const patience = 20 * time.Second

// pace is in bytes a second.
const pace = 2 << 10

// steady is the body of a request, of which the caller ends the reading.
func (s *Server) steady(r *request) (body io.Reader, end func()) {
	b := &steadyReader{body: r.Body, control: r.control, patience: s.patience, began: time.Now()}
	return b, func() {
		r.control.SetReadDeadline(time.Time{}) //nolint:errcheck // not supported in some tests
	}
}

func (s *steadyReader) Read(p []byte) (int, error) {
	due := s.began.Add(s.patience + time.Duration(s.read/pace)*time.Second)
	if next := time.Now().Add(s.patience); next.Before(due) {
		due = next
	}
	if err := s.control.SetReadDeadline(due); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := s.body.Read(p)
	s.read += int64(n)
	return n, err
}
