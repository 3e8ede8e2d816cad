package advisories

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster"
)

// maxRedirects bounds how often a server may send us elsewhere.
const maxRedirects = 5

// newClient fetches over connections that are looked at when they are dialled: whoever
// owns a name may give it another address at any time. Redirects are dialled alike.
func (a *Advisories) newClient() *http.Client {
	direct := &net.Dialer{Timeout: 30 * time.Second, ControlContext: a.control}
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
		Transport: toldScheme{&http.Transport{
			Proxy:                  a.proxy,
			DialContext:            a.dial(direct),
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    30 * time.Second,
			ResponseHeaderTimeout:  2 * time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // what is kept is what the publisher signed and hashed
			DisableKeepAlives:      true,
		}},
	}
}

// inClear is the key of what is so of a request that is not encrypted, in the context of
// its dial: a *netip.Addr, the address that its source names; or an invalid one.
type inClear struct{}

// named is the key of the address that a source names, in the context of its requests.
type named struct{}

// toldScheme tells who dials which requests are not encrypted.
type toldScheme struct{ http.RoundTripper }

func (t toldScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		address, _ := r.Context().Value(named{}).(netip.Addr)
		r = r.WithContext(context.WithValue(r.Context(), inClear{}, address))
	}
	return t.RoundTripper.RoundTrip(r)
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
func (a *Advisories) control(ctx context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return muster.Errorf(muster.Denied, "%s over %s is no address of a web server", address, network)
	}
	if err := a.checkAddress(to.Addr()); err != nil {
		return err
	}
	if name, clear := ctx.Value(inClear{}).(netip.Addr); clear && name.Unmap() != to.Addr().Unmap() && !a.allowed(to.Addr()) {
		err := muster.Errorf(muster.Denied, "%s would be asked without TLS: anybody on the way could change the answer", to.Addr())
		return muster.WithHint(err, "give an address https://..., or name its network in 'advisories.allow' of the server's configuration")
	}
	return nil
}

func (a *Advisories) allowed(to netip.Addr) bool {
	return slices.ContainsFunc(a.Allow, func(p netip.Prefix) bool { return p.Contains(to.Unmap()) })
}

func (a *Advisories) checkAddress(to netip.Addr) error {
	if a.Guard == nil || a.allowed(to) {
		return nil
	}
	if err := a.Guard(to); err != nil {
		return muster.WithHint(err, "'advisories.allow' of the server's configuration names networks that are allowed")
	}
	return nil
}

// checkHost judges the host of an address where it is a number, or means this machine: a
// proxy would go there. Programs read 2130706433, 0x7f.1 and 127.1 as addresses, too; here
// they are none.
func (a *Advisories) checkHost(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if to, err := netip.ParseAddr(host); err == nil {
		return a.checkAddress(to)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "localhost":
		return a.checkAddress(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	case last == "", strings.Trim(last, "0123456789") == "", strings.HasPrefix(last, "0x"):
		return muster.Errorf(muster.Denied, "%q is no name of a web server", u.Host)
	}
	return nil
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
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	own, _ := netip.ParseAddr(u.Hostname()) // invalid where it is a name
	told := context.WithValue(context.WithValue(ctx, proxied{}, new(string)), named{}, own)
	r, err := http.NewRequestWithContext(told, http.MethodGet, address, nil)
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
	body := newIdleReader(answer.Body, a.Idle, end, u.Redacted())
	defer body.timer.Stop()
	if err := a.keep(&out, body, answer.ContentLength, u.Redacted()); err != nil {
		return out, cmp.Or(context.Cause(ctx), err)
	}
	return out, nil
}

// An idleReader ends a request whose server sends nothing for some time.
type idleReader struct {
	r     io.Reader
	most  time.Duration
	timer *time.Timer
}

func newIdleReader(r io.Reader, most time.Duration, end func(error), name string) *idleReader {
	why := muster.Errorf(muster.Unavailable, "%s has sent nothing for %s", name, most)
	return &idleReader{r, most, time.AfterFunc(most, func() { end(why) })}
}

func (i *idleReader) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if n > 0 {
		i.timer.Reset(i.most)
	}
	return n, err
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
