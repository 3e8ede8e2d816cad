package simulate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
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
	tls      *tls.Config
	roots    func() *x509.CertPool // by whom the server is known
	shared   *http.Client          // of hosts that have no connection of their own
	server   api.Server
	stats    *stats
	up, down atomic.Int64
	zstd     *zstd.Encoder
}

// traffic is a number of bytes in each direction.
type traffic struct{ up, down int64 }

func (t traffic) minus(o traffic) traffic { return traffic{t.up - o.up, t.down - o.down} }

// dial asks the server who it is.
func dial(ctx context.Context, f *Fleet) (*wire, error) {
	w := &wire{base: strings.TrimSuffix(f.URL, "/"), stats: f.stats}
	u, err := url.Parse(w.base)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	w.tls, w.roots = rememberChain(f.TLS, u.Hostname())
	if w.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	t := w.transport()
	t.MaxIdleConnsPerHost, t.MaxConnsPerHost = f.Parallel, f.Parallel
	w.shared = &http.Client{Transport: t}
	return w, w.do(ctx, &call{name: "about", method: http.MethodGet, path: api.RouteServer, client: w.shared, due: time.Now()}, &w.server)
}

func (w *wire) close() { w.shared.CloseIdleConnections() }

func (w *wire) bytes() traffic { return traffic{w.up.Load(), w.down.Load()} }

// url is an address that may be relative to that of the server.
func (w *wire) url(ref string) string {
	if strings.Contains(ref, "://") {
		return ref
	}
	return w.base + "/" + strings.Trim(ref, "/")
}

func (w *wire) transport() *http.Transport {
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 2 * time.Minute}
	return &http.Transport{TLSClientConfig: w.tls, DisableCompression: true, TLSHandshakeTimeout: 30 * time.Second,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &counted{conn, w}, nil
		}}
}

// own is a client with a connection of its own, over HTTP/2 as those of agents: the
// request that waits and the others share it.
func (w *wire) own() *http.Client {
	t := w.transport()
	t.ForceAttemptHTTP2, t.MaxIdleConns, t.IdleConnTimeout = true, 4, 90*time.Second
	t.HTTP2 = &http.HTTP2Config{MaxEncoderHeaderTableSize: 1}
	return &http.Client{Transport: t}
}

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

// A call is one request.
type call struct {
	name         string // under which it is counted
	method, path string
	kind         string // of the body
	body         []byte
	client       *http.Client
	key          crypto.Signer // nil: nobody signs
	params       httpsig.Params
	due          time.Time     // latency counts from here
	expected     api.Code      // of an answer that is not counted as a failure
	patience     time.Duration // 0: a minute
}

// do carries out a call, and counts what became of it. What the end of the
// simulation cuts off is not counted.
func (w *wire) do(ctx context.Context, c *call, out any) error {
	limit := c.patience
	if limit == 0 {
		limit = time.Minute
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := w.request(limited, c)
	if err != nil {
		return err
	}
	err = ask(c.client, req, out)
	if ctx.Err() == nil && (c.expected == "" || api.CodeOf(err) != c.expected) {
		w.stats.add(c.name, time.Since(c.due), err)
	}
	return err
}

// request makes the request of a call, its body compressed where agents do that.
func (w *wire) request(ctx context.Context, c *call) (*http.Request, error) {
	body, encoding := c.body, ""
	if len(body) > 2048 {
		body, encoding = w.zstd.EncodeAll(body, nil), "zstd"
	}
	req, err := http.NewRequestWithContext(ctx, c.method, w.base+c.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.kind != "" {
		req.Header.Set("Content-Type", c.kind)
	}
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	if c.key != nil {
		err = httpsig.Sign(req, body, c.key, c.params)
	}
	return req, err
}

func ask(client *http.Client, req *http.Request, out any) error {
	resp, err := client.Do(req)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if resp.StatusCode == http.StatusOK {
		return json.Unmarshal(data, out)
	}
	return refusal(resp, data)
}

// refusal is what a server says that does not do what it is asked to.
func refusal(resp *http.Response, data []byte) error {
	var b api.ErrorBody
	if json.Unmarshal(data, &b) != nil || b.Error.Message == "" {
		return muster.Errorf(muster.Unavailable, "the server answered %s", resp.Status)
	}
	after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil {
		after = 0
	}
	return muster.WithKind(b.Error.Kind, &api.StatusError{Status: resp.StatusCode, Code: b.Error.Code, Message: b.Error.Message, After: after})
}

// putOff is for how long the server asks to be left alone.
func putOff(err error) (time.Duration, bool) {
	var s *api.StatusError
	if errors.As(err, &s) && (s.Status == http.StatusTooManyRequests || s.Status == http.StatusServiceUnavailable) {
		return time.Duration(max(s.After, 1)) * time.Second, true
	}
	return 0, false
}

// again repeats what the server has no time for, as agents do.
func again(ctx context.Context, do func() error) error {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := do()
		if k := muster.KindOf(err); k != muster.Busy && k != muster.Unavailable {
			return err
		}
		rest(ctx, wait)
		if ctx.Err() != nil {
			return err
		}
	}
}
