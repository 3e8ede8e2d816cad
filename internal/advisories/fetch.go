package advisories

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"muster"
)

// maxRedirects bounds how often a server may send us elsewhere.
const maxRedirects = 5

// newClient fetches over connections that are looked at when they are dialled: whoever
// owns a name may give it another address at any time. Redirects are dialled alike.
func (a *Advisories) newClient() *http.Client {
	direct := &net.Dialer{Timeout: 30 * time.Second, Control: a.control}
	return &http.Client{
		Timeout: a.Timeout,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return muster.Errorf(muster.Invalid, "%s sends elsewhere more than %d times", via[0].URL.Redacted(), maxRedirects)
			}
			if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return muster.Errorf(muster.Denied, "%s sends to %s, which is not encrypted", via[0].URL.Redacted(), r.URL.Redacted())
			}
			return a.checkHost(r.URL)
		},
		Transport: &http.Transport{
			Proxy:                  a.proxy,
			DialContext:            a.dial(direct),
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    30 * time.Second,
			ResponseHeaderTimeout:  2 * time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // what is kept is what the publisher signed and hashed
			DisableKeepAlives:      true,
		},
	}
}

// proxied is the key of the address of the proxy in the context of a request's dial.
type proxied struct{}

// proxy asks the configuration. Through a proxy it is that which finds the address of a
// name: an address that is written as such is looked at here all the same.
func (a *Advisories) proxy(r *http.Request) (*url.URL, error) {
	if a.Proxy == nil {
		return nil, nil
	}
	u, err := a.Proxy(r)
	if at, ok := r.Context().Value(proxied{}).(*string); ok {
		if *at = ""; u != nil && err == nil {
			*at = hostPort(u)
		}
	}
	return u, err
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// dial dials the proxy of the configuration, wherever that is, and all else guarded.
func (a *Advisories) dial(direct *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	free := &net.Dialer{Timeout: direct.Timeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if at, ok := ctx.Value(proxied{}).(*string); ok && *at == address {
			return free.DialContext(ctx, network, address)
		}
		return direct.DialContext(ctx, network, address)
	}
}

// control judges an address that is about to be dialled (net.Dialer).
func (a *Advisories) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return muster.Errorf(muster.Denied, "%s over %s is no address of a web server", address, network)
	}
	return a.checkAddress(to.Addr())
}

func (a *Advisories) checkAddress(to netip.Addr) error {
	for _, p := range a.Allow {
		if p.Contains(to.Unmap()) {
			return nil
		}
	}
	if a.Guard == nil {
		return nil
	}
	if err := a.Guard(to); err != nil {
		return muster.WithHint(err, "'advisories.allow' of the server's configuration names networks that are allowed")
	}
	return nil
}

// checkHost judges the host of an address where it is a number: a proxy would go there.
func (a *Advisories) checkHost(u *url.URL) error {
	to, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil // a name
	}
	return a.checkAddress(to)
}

// A fetched file is what a web server answered.
type fetched struct {
	path           string // "": what it said before
	sum            []byte
	size           int64
	etag, modified string
}

// A later is an error after which the server asks for some time.
type later struct {
	error
	wait time.Duration
}

func (l later) Unwrap() error { return l.error }

// fetch gets an address into a file, unless it is what the row of the source has.
func (a *Advisories) fetch(ctx context.Context, src *sourceRow, address string) (out fetched, err error) {
	u, err := url.Parse(address)
	if err == nil {
		err = a.checkHost(u)
	}
	if err != nil {
		return out, err
	}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, proxied{}, new(string)), http.MethodGet, address, nil)
	if err != nil {
		return out, muster.Errorf(muster.Invalid, "cannot fetch %q: %w", address, err)
	}
	r.Header.Set("User-Agent", "musterd")
	if src.generation > 0 {
		setIf(r.Header, "If-None-Match", src.etag)
		setIf(r.Header, "If-Modified-Since", src.modified)
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return out, muster.WithKind(kindOr(err, muster.Unavailable), err)
	}
	defer answer.Body.Close()
	out.etag, out.modified = cut(answer.Header.Get("ETag"), 500), cut(answer.Header.Get("Last-Modified"), 100)
	switch {
	case answer.StatusCode == http.StatusNotModified && src.generation > 0:
		return fetched{etag: src.etag, modified: src.modified}, nil
	case answer.StatusCode != http.StatusOK:
		err := muster.Errorf(muster.Unavailable, "%s answers %s", u.Redacted(), answer.Status)
		return out, later{err, retryAfter(answer.Header.Get("Retry-After"), a.Now())}
	}
	return out, a.keep(&out, answer.Body, answer.ContentLength, u.Redacted())
}

func setIf(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

func kindOr(err error, otherwise muster.ErrorKind) muster.ErrorKind {
	if k := muster.KindOf(err); k != muster.Internal {
		return k
	}
	return otherwise
}

func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(text); err == nil {
		return min(time.Duration(max(n, 0))*time.Second, 24*time.Hour)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), 24*time.Hour)
	}
	return 0
}

// keep writes what comes into a file of its own, which its caller removes. length is
// what was announced; -1: nothing.
func (a *Advisories) keep(out *fetched, from io.Reader, length int64, name string) (err error) {
	if length > a.MaxSize {
		return muster.Errorf(muster.Invalid, "%s has %d bytes, more than %d", name, length, a.MaxSize)
	}
	f, err := os.CreateTemp(a.Folder, "advisories-*")
	if err != nil {
		return muster.Errorf(muster.Unavailable, "cannot keep %s: %w", name, err)
	}
	out.path = f.Name()
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = muster.Errorf(muster.Unavailable, "cannot keep %s: %w", name, e)
		}
		if err != nil {
			os.Remove(out.path)
			out.path = ""
		}
	}()
	sum := sha256.New()
	out.size, err = io.Copy(io.MultiWriter(f, sum), io.LimitReader(from, a.MaxSize+1))
	switch {
	case err != nil:
		return muster.Errorf(muster.Unavailable, "cannot read %s: %w", name, err)
	case out.size > a.MaxSize:
		return muster.Errorf(muster.Invalid, "%s has more than %d bytes", name, a.MaxSize)
	case length >= 0 && out.size != length:
		return muster.Errorf(muster.Unavailable, "%s ended after %d bytes of %d", name, out.size, length)
	}
	out.sum = sum.Sum(nil)
	return nil
}
