package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster"
)

// maxAnswer bounds an answer. A page of 1,000 hosts has some 400 kB, a document of
// an inventory up to 32 MiB.
const maxAnswer = 40 << 20

// Options of [Dial].
type Options struct {
	// CA are the authorities whose TLS certificates count; nil: those of the system.
	CA *x509.CertPool
	// Verify, where it is not nil, looks at the chain of the server beside or
	// instead of CA: with a pin, Insecure lets TLS itself pass.
	Verify   func(tls.ConnectionState) error
	Insecure bool
	// Timeout of one request, but of [HostClient.Wake]; 0 is 30 seconds.
	Timeout time.Duration
	// Agent is sent as User-Agent.
	Agent string
	// Transport carries requests in place of a network; nil: there is one. What is in
	// the same process needs no address that others see, nor TLS.
	Transport http.RoundTripper
}

// A Client speaks to one server. It may be used by several goroutines.
type Client struct {
	Server  Server // as it said at [Dial]
	base    *url.URL
	http    *http.Client
	timeout time.Duration
	agent   string
}

// Dial asks the server at base, such as "https://muster.example.org", who it is.
func Dial(ctx context.Context, base string, opts Options) (*Client, error) {
	c, err := New(base, opts)
	if err != nil {
		return nil, err
	}
	if err := c.do(ctx, request{method: http.MethodGet, path: RouteServer}, &c.Server); err != nil {
		return nil, fmt.Errorf("cannot ask %s who it is: %w", base, err)
	}
	if c.Server.ID == "" {
		return nil, muster.Errorf(muster.Invalid, "%s is no server of muster", base)
	}
	return c, nil
}

// New is [Dial] without asking: for callers that know the server, whose id they
// put into Server.ID.
func New(base string, opts Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%q is no address of a server", base),
			"write it as https://muster.example.org")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "cannot use %s without TLS", base), "write https://%s", u.Host)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	c := &Client{base: u, timeout: opts.Timeout, agent: opts.Agent}
	if c.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	if c.agent == "" {
		c.agent = "muster"
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// The server's own sign of life on a waiting request comes more often.
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 2 * time.Minute}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: opts.CA, InsecureSkipVerify: opts.Insecure, VerifyConnection: opts.Verify},
		TLSHandshakeTimeout: 10 * time.Second,
		// An agent speaks every few minutes: what lies idle costs the server memory.
		IdleConnTimeout:   90 * time.Second,
		ForceAttemptHTTP2: true,
		// Signatures differ each time: to have the server remember them, 5 kB for each
		// connection, makes no request smaller.
		HTTP2:        &http.HTTP2Config{MaxEncoderHeaderTableSize: 1},
		MaxIdleConns: 4,
	}
	var carry http.RoundTripper = t
	if opts.Transport != nil {
		carry = opts.Transport
	}
	// A redirect would carry a signature or a session elsewhere.
	c.http = &http.Client{Transport: carry, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// loopback reports whether host is this machine: there TLS guards nothing.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Base is the server's address.
func (c *Client) Base() string { return c.base.String() }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// URL makes an address of the server's absolute, such as that of its repository.
func (c *Client) URL(ref string) (string, error) {
	r, err := url.Parse(ref)
	if err != nil {
		return "", muster.Errorf(muster.Invalid, "cannot understand the address %q", ref)
	}
	if r.IsAbs() || r.Host != "" {
		return c.base.ResolveReference(r).String(), nil
	}
	return c.base.String() + "/" + strings.TrimPrefix(ref, "/"), nil
}

// A request is one call.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	kind         string // Content-Type; "" is JSON
	encoding     string // Content-Encoding
	stream       io.Reader
	size         int64                                  // of stream
	authorize    func(*http.Request, []byte) error      // signs, or adds a session
	timeout      time.Duration                          // 0 is the client's; negative: none
	read         func(h http.Header, r io.Reader) error // in place of JSON
}

// do sends r and decodes the answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, r request, out any) error {
	if r.timeout >= 0 {
		limit := c.timeout
		if r.timeout > 0 {
			limit = r.timeout
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	req, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(c.base.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return failure(resp.StatusCode, min(max(after, 0), 86400), body)
	}
	if r.read != nil {
		return r.read(resp.Header, resp.Body)
	}
	return decode(resp, out)
}

func (c *Client) request(ctx context.Context, r request) (*http.Request, error) {
	u := *c.base
	u = *u.JoinPath(r.path)
	u.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	} else if r.stream != nil {
		body = r.stream
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	if body != nil {
		if r.kind == "" {
			r.kind = "application/json"
		}
		req.Header.Set("Content-Type", r.kind)
	}
	if r.encoding != "" {
		req.Header.Set("Content-Encoding", r.encoding)
	}
	if r.stream != nil {
		req.ContentLength = r.size
	}
	if r.authorize != nil {
		if err := r.authorize(req, r.body); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// decode reads a JSON answer. A captive portal answers 200 with HTML.
func decode(resp *http.Response, out any) error {
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return muster.Errorf(muster.Unavailable, "the answer of %s broke off: %w", resp.Request.URL.Host, err)
	}
	if len(data) > maxAnswer || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return muster.Errorf(muster.Unavailable, "%s answered with something that is not of muster", resp.Request.URL.Host)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return muster.Errorf(muster.Invalid, "cannot understand the answer of %s: %w", resp.Request.URL.Host, err)
	}
	return nil
}

// unreachable says why a server could not be asked.
func unreachable(host string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	if errors.As(err, &unknown) || errors.As(err, &name) {
		return muster.WithHint(muster.Errorf(muster.Denied, "cannot trust the TLS certificate of %s: %w", host, err),
			"give the server's authority with --ca FILE or --ca sha256:FINGERPRINT; 'musterd doctor' on the server prints it")
	}
	if muster.KindOf(err) != muster.Internal {
		return err
	}
	return muster.Errorf(muster.Unavailable, "cannot reach %s: %w", host, err)
}

// Who asks the server again who it is.
func (c *Client) Who(ctx context.Context) (s Server, err error) {
	err = c.do(ctx, request{method: http.MethodGet, path: RouteServer}, &s)
	return s, err
}

// OpenAPI returns the description of all routes.
func (c *Client) OpenAPI(ctx context.Context) (doc json.RawMessage, err error) {
	err = c.do(ctx, request{method: http.MethodGet, path: RouteOpenAPI}, &doc)
	return doc, err
}
