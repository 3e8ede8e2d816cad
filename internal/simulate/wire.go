package simulate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/api"
	"muster/internal/httpsig"
)

// A wire is the way to the server. It counts the bytes on it, those of TLS too.
type wire struct {
	base     string
	http     *http.Client
	server   api.Server
	stats    *stats
	up, down atomic.Int64
	zstd     *zstd.Encoder
}

// traffic is a number of bytes in each direction.
type traffic struct{ up, down int64 }

func (t traffic) minus(o traffic) traffic { return traffic{t.up - o.up, t.down - o.down} }

// dial asks the server who it is.
func dial(ctx context.Context, base string, c *tls.Config, connections int, s *stats) (*wire, error) {
	w := &wire{base: strings.TrimSuffix(base, "/"), stats: s}
	var err error
	if w.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: 10 * time.Second}
	w.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: c, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
		DisableCompression: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &counted{conn, w}, nil
		}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+api.RouteServer, nil)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	return w, w.do(req, "about", time.Now(), &w.server)
}

func (w *wire) close() { w.http.CloseIdleConnections() }

func (w *wire) bytes() traffic { return traffic{w.up.Load(), w.down.Load()} }

// counted is a connection whose bytes are counted.
type counted struct {
	net.Conn
	w *wire
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.down.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.w.up.Add(int64(n))
	return n, err
}

// post sends JSON.
func (w *wire) post(ctx context.Context, name, path string, in any, key crypto.Signer, p httpsig.Params, due time.Time, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return w.send(ctx, name, path, "application/json", body, key, p, due, out)
}

// send sends a body, compressed where agents do that.
func (w *wire) send(ctx context.Context, name, path, kind string, body []byte, key crypto.Signer, p httpsig.Params, due time.Time, out any) error {
	encoding := ""
	if len(body) > 2048 {
		body, encoding = w.zstd.EncodeAll(body, nil), "zstd"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	if err := httpsig.Sign(req, body, key, p); err != nil {
		return err
	}
	return w.do(req, name, due, out)
}

// do counts what became of a request. What the end of the simulation cuts off
// is not counted.
func (w *wire) do(req *http.Request, name string, due time.Time, out any) error {
	err := w.ask(req, out)
	if req.Context().Err() == nil {
		w.stats.add(name, time.Since(due), err)
	}
	return err
}

func (w *wire) ask(req *http.Request, out any) error {
	resp, err := w.http.Do(req)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if resp.StatusCode != http.StatusOK {
		var b api.ErrorBody
		if json.Unmarshal(data, &b) != nil || b.Error.Message == "" {
			return muster.Errorf(muster.Unavailable, "the server answered %s", resp.Status)
		}
		return muster.Errorf(b.Error.Kind, "%s", b.Error.Message)
	}
	return json.Unmarshal(data, out)
}

// again repeats what the server has no time for, as agents do.
func (w *wire) again(ctx context.Context, _ string, do func() error) error {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := do()
		if k := muster.KindOf(err); k != muster.Busy && k != muster.Unavailable {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}
