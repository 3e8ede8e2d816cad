// Package fetch brings bytes from repositories: from web servers, mirrors and
// folders that may be slow, wrong, hostile or away.
//
// Start with [Client.Get] for a file whose size and sha256 are known, and with
// [Client.GetSmall] for a small one that is not, such as a signed head. A base
// is where a repository begins: a URL http(s)://host/path or file:///path, or
// the path of a folder. Names are slash-separated paths below it.
//
// The pieces are small and put around one another: a source (web, folder)
// opens a name from an offset on; a watch gives up what stalls or is slower
// than the minimum rate; a meter counts, limits and reports; Get adds resuming,
// failing over to the next base, verification and the cache.
//
// What a server can do: answer late, not at all, or with bytes that are thrown
// away. It is never sent to with another's credentials, never led from https
// to http, never given more room than what was asked for.
package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"muster/internal/durable"
)

// A Client fetches. The zero value is ready for use except for Get, which
// needs Cache. Fields are set before the first call; methods may be called by
// several goroutines at once.
type Client struct {
	// Cache is the folder in which Get keeps files, named by their sha256.
	Cache string
	// Grace and MinRate (bytes a second) bound the time of one attempt to
	// Grace + size/MinRate. 0 is 10 s, which a server may take that a whole fleet
	// asks at once, and 8 KiB/s.
	Grace   time.Duration
	MinRate int64
	// Stall is how long nothing may come. 0 is 15 s. In twice that time MinRate
	// has to be kept.
	Stall time.Duration
	// Limit bounds the bytes a second, with everybody who shares it.
	Limit *rate.Limiter
	// Progress is told of bytes that came, at most once for each read.
	Progress func(Progress)
	// UserAgent says who asks. "" is "muster".
	UserAgent string
	// Roots are the authorities for TLS. nil is those of the system.
	Roots *x509.CertPool
	// Credentials are for the URLs below their base, and for nobody else.
	Credentials []Credential
	// Disk writes to the cache.
	Disk *durable.Disk

	once     sync.Once
	web      *http.Client
	mu       sync.Mutex
	flights  map[string]*flight // by sha256: what is being fetched
	received atomic.Int64
}

// Progress is how far the transfer of one file is, in bytes.
type Progress struct {
	File        string
	Done, Total int64 // Total is -1 where it is not known
}

// A Blob is a file whose content is known before it is fetched.
type Blob struct {
	Name   string // below the base
	Size   int64
	SHA256 string // lower-case hexadecimal
}

// Received is the number of bytes of content that came from web servers and
// folders so far.
func (c *Client) Received() int64 { return c.received.Load() }

// WithCache returns a client with the settings of c, and a cache of its own.
func (c *Client) WithCache(dir string) *Client {
	return &Client{Cache: dir, Grace: c.Grace, MinRate: c.MinRate, Stall: c.Stall, Limit: c.Limit, Progress: c.Progress,
		UserAgent: c.UserAgent, Roots: c.Roots, Credentials: c.Credentials, Disk: c.Disk}
}

func (c *Client) grace() time.Duration { return or(c.Grace, 10*time.Second) }
func (c *Client) stall() time.Duration { return or(c.Stall, 15*time.Second) }

// minRate is lower than MinRate where Limit keeps transfers from reaching it.
func (c *Client) minRate() int64 {
	r := or(c.MinRate, 8<<10)
	if c.Limit != nil && c.Limit.Limit() != rate.Inf {
		r = min(r, max(1, int64(c.Limit.Limit()/8)))
	}
	return r
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// client is the HTTP client. Redirects are followed by hand, content is taken
// as it comes.
func (c *Client) client() *http.Client {
	c.once.Do(func() {
		dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
		c.web = &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            dialer.DialContext,
				TLSClientConfig:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
				TLSHandshakeTimeout:    10 * time.Second,
				ForceAttemptHTTP2:      true,
				DisableCompression:     true,
				MaxResponseHeaderBytes: 64 << 10,
				MaxIdleConnsPerHost:    4,
				IdleConnTimeout:        90 * time.Second,
			},
		}
	})
	return c.web
}
