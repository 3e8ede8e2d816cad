package glpisync

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/glpi"
)

// A refusal is why GLPI was not told of a host.
type refusal struct {
	ofHost bool          // and of others it may be
	slow   bool          // maybe because of the host
	wait   time.Duration // GLPI asks for it
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// A client speaks the protocol of GLPI's agents: one message of JSON a request,
// compressed with zlib, and such an answer.
type client struct {
	*Config
	http   *http.Client
	page   string // that takes inventories
	tokens tokens
}

// maxFile bounds files of secrets and certificates.
const maxFile = 1 << 20

// plugins are where GLPI keeps those that take inventories themselves.
var plugins = regexp.MustCompile(`(?:marketplace|plugins)/.*$`)

// pages are the address that takes inventories and the one that gives tokens.
func pages(text string) (inventories, tokens string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", "", muster.Errorf(muster.Invalid, "%q is no address", text)
	}
	base := plugins.ReplaceAllString(strings.TrimSuffix(u.Path, "front/inventory.php"), "")
	base = strings.TrimRight(base, "/")
	page := u.Path
	if strings.TrimRight(page, "/") == base {
		page = base + "/front/inventory.php"
	}
	return u.ResolveReference(&url.URL{Path: page}).String(), u.ResolveReference(&url.URL{Path: base + "/api.php/token"}).String(), nil
}

func newClient(c *Config) (*client, error) {
	page, token, err := pages(c.URL)
	if err != nil {
		return nil, err
	}
	roots, err := authorities(c.CA)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, Control: c.control(strings.HasPrefix(page, "http:")), Resolver: c.Resolver}
	return &client{Config: c, page: page, tokens: tokens{at: token}, http: &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout:    30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // GLPI's own is in the content type
			MaxConnsPerHost:        1,
			IdleConnTimeout:        time.Minute,
		},
	}}, nil
}

func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, muster.Errorf(muster.Invalid, "%q has no certificate for GLPI", file)
	}
	return roots, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = muster.Errorf(muster.Invalid, "%q has more than %d bytes", name, maxFile)
	}
	return data, err
}

func secret(name string) (string, error) {
	data, err := readFile(name)
	return strings.TrimRight(string(data), "\r\n"), err
}

// send has GLPI take an inventory.
func (c *client) send(ctx context.Context, id string, inventory []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 2*c.Timeout) // below hold
	defer cancel()
	body, err := deflate(inventory)
	if err != nil {
		return err
	}
	x := exchange{c: c, id: id, method: http.MethodPost, body: body}
	a, err := x.ask(ctx)
	for try := 0; err == nil && a.Status == glpi.Pending && try < 12; try++ {
		// A proxy has it, and has not heard yet what GLPI says.
		if err := c.Wait(ctx, min(max(a.Expiration, time.Second), 30*time.Second)); err != nil {
			return err
		}
		x.method, x.body = http.MethodGet, nil
		a, err = x.ask(ctx)
	}
	switch {
	case err != nil:
		return err
	case a.Status == glpi.Pending:
		return &refusal{slow: true, err: muster.Errorf(muster.Unavailable, "the proxy in front of GLPI did not come to an end")}
	case a.Status == glpi.Failed:
		return &refusal{ofHost: true, err: muster.Errorf(muster.Invalid, "GLPI says: %s", a.Message)}
	}
	return nil
}

func deflate(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

// An exchange is a message and its answers.
type exchange struct {
	c       *client
	id      string
	request string // id of the request, where an answer was pending
	method  string
	body    []byte
}

// ask sends the message. A token that GLPI believes no longer is replaced once.
func (x *exchange) ask(ctx context.Context) (glpi.Answer, error) {
	for first := true; ; first = false {
		resp, err := x.do(ctx)
		if err != nil {
			return glpi.Answer{}, err
		}
		if resp.StatusCode == http.StatusUnauthorized && first && x.c.ClientID != "" {
			resp.Body.Close()
			x.c.tokens.forget()
			continue
		}
		defer resp.Body.Close()
		return x.read(resp)
	}
}

func (x *exchange) do(ctx context.Context) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, x.method, x.c.page, bytes.NewReader(x.body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-compress-zlib")
	r.Header.Set("User-Agent", "muster_v"+x.c.Version)
	r.Header.Set("GLPI-Agent-ID", x.id)
	if x.request != "" {
		r.Header.Set("GLPI-Request-ID", x.request)
	}
	if err := x.c.authorize(ctx, r); err != nil {
		return nil, err
	}
	resp, err := x.c.http.Do(r)
	if err != nil {
		return nil, away(err)
	}
	return resp, nil
}

// away is that GLPI does not answer. The address stays out of the text.
func away(err error) error {
	var u *url.Error
	slow := errors.As(err, &u) && u.Timeout()
	if u != nil {
		err = u.Err
	}
	kind := muster.KindOf(err)
	if kind == muster.Internal {
		kind = muster.Unavailable
	}
	return &refusal{slow: slow, err: muster.WithKind(kind, fmt.Errorf("GLPI does not answer: %w", err))}
}

func (c *client) authorize(ctx context.Context, r *http.Request) error {
	switch {
	case c.ClientID != "":
		token, err := c.token(ctx)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	case c.User != "":
		password, err := secret(c.PasswordFile)
		if err != nil {
			return &refusal{err: err}
		}
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.User+":"+password)))
	}
	return nil
}

// read judges an answer by its status, then by what it says.
func (x *exchange) read(resp *http.Response) (glpi.Answer, error) {
	data, err := body(resp)
	if err != nil {
		return glpi.Answer{}, &refusal{slow: true, err: err}
	}
	if id := resp.Header.Get("GLPI-Request-ID"); requestID.MatchString(id) {
		x.request = id
	}
	if resp.StatusCode/100 == 2 {
		a, err := glpi.ParseAnswer(data)
		if err != nil {
			return a, &refusal{err: err}
		}
		return a, nil
	}
	return glpi.Answer{}, refusedWith(resp, data, len(x.body))
}

var requestID = regexp.MustCompile(`^[0-9A-F]{8}$`)

// body reads an answer: at most what one may have, compressed or not.
func body(resp *http.Response) ([]byte, error) {
	var from io.Reader = io.LimitReader(resp.Body, glpi.MaxAnswer+1)
	if strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "zlib") {
		z, err := zlib.NewReader(from)
		if errors.Is(err, io.EOF) {
			return nil, nil // empty
		}
		if err != nil {
			return nil, muster.Errorf(muster.Invalid, "cannot decompress GLPI's answer: %w", err)
		}
		defer z.Close()
		from = io.LimitReader(z, glpi.MaxAnswer+1)
	}
	data, err := io.ReadAll(from)
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "GLPI's answer broke off: %w", err)
	}
	return data, nil
}

// refusedWith says what a status means, for this host or for all.
func refusedWith(resp *http.Response, data []byte, sent int) error {
	said, parsed := resp.Status, false
	if a, err := glpi.ParseAnswer(data); err == nil && a.Message != "" {
		said, parsed = resp.Status+": "+a.Message, true
	}
	fail := func(kind muster.ErrorKind, hint string) error {
		err := muster.Errorf(kind, "GLPI answers %s", said)
		if hint != "" {
			err = muster.WithHint(err, "%s", hint)
		}
		return err
	}
	switch code := resp.StatusCode; {
	case code/100 == 3:
		return &refusal{err: muster.WithHint(muster.Errorf(muster.Invalid, "GLPI's address leads on to %.200q", resp.Header.Get("Location")), "write that into 'glpi.url'")}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return &refusal{err: fail(muster.Denied, "look at 'glpi' of the configuration, and in GLPI at Administration > Inventory > Authorization header")}
	case code == http.StatusRequestEntityTooLarge:
		return &refusal{ofHost: true, err: muster.WithHint(muster.Errorf(muster.Invalid, "the web server of GLPI takes no %d bytes (413)", sent), "raise post_max_size of PHP, and client_max_body_size of nginx")}
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code == http.StatusGone, code == http.StatusNotImplemented:
		return &refusal{err: fail(muster.Invalid, "'glpi.url' is GLPI's own address, as https://glpi.example.org")}
	case code == http.StatusInternalServerError && parsed, code/100 == 4 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout && code != http.StatusProxyAuthRequired:
		return &refusal{ofHost: true, err: fail(muster.Invalid, "")}
	}
	return &refusal{wait: retryAfter(resp), err: fail(muster.Unavailable, "")}
}

// retryAfter is how long a server that has too much to do wants to be left alone.
func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}

// knock looks whether anybody answers at GLPI's page: it does not answer GET.
func (c *client) knock(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.page, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return away(err)
	}
	defer resp.Body.Close()
	if code := resp.StatusCode; code/100 == 3 || code == http.StatusNotFound || code/100 == 5 {
		data, err := body(resp)
		if err != nil {
			return err
		}
		return refusedWith(resp, data, 0)
	}
	return nil
}
