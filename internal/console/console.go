// Package console is what people see in a browser: pages made on the server, of
// templates, which work without a script.
//
// Start with [New], which makes the handler of all pages; pages.go is the table of
// them. [Local] keeps a console on a person's own machine from everybody else there.
//
// A page is a row of the table, a file of Go with the function that gathers what it
// shows, and a template of the same name that defines "main". It asks the server
// through package api, as the command line does, with the session of whoever looks:
// what the console can do, the command line can, and rights are checked in one place.
// What needs a signature is the work of a [Signer], which is there only where the
// console runs on the machine of who holds the key; elsewhere a page shows the command
// to type instead.
//
// # Promise
//
// Every state is a URL. Nothing inline: the Content-Security-Policy lets a page load
// nothing but the console's own files. A request that changes something has to come
// from a page of the console. Who has no session learns nothing, not even which pages
// there are.
package console

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"muster"
	"muster/api"
	"muster/internal/steer"
	"muster/sign"
)

// Options of [New].
type Options struct {
	// Client is the server that the console speaks to. It may change who asks by the
	// context of a request, which is that of the browser's.
	Client *api.Client
	// Session is the token of the one person whose console it is; "": people log in, and
	// a cookie has their session.
	Session string
	// Renew returns the token of the session that this person has opened since theirs
	// ended, "" for none; nil: they open this console anew.
	Renew func() string
	// Signer signs for that person; nil: pages show commands to type.
	Signer Signer
	// Trust verifies who signed actions; nil: the server's word is all there is.
	Trust *sign.Trust
	// Forms knows the forms that were sent to any server behind the same address; nil: this
	// console alone has the address.
	Forms Forms
	// Base is the path under which the console is, as in "/a1b2"; "" is that of the whole
	// server. It begins with a slash and does not end with one.
	Base string
	// Now is the time; nil is time.Now.
	Now func() time.Time
	// Log has what failed for no fault of a person; nil: nowhere.
	Log *slog.Logger
}

// Forms has each form act once, whichever server it comes to.
type Forms interface {
	// ClaimForm reports whether a form is sent for the first time.
	ClaimForm(ctx context.Context, sum [32]byte) (first bool, err error)
	// ReleaseForm forgets a form of which nothing came.
	ReleaseForm(ctx context.Context, sum [32]byte) error
}

// A Signer carries out, on the machine of the person whose key it has, commands of
// muster that sign: those that a page has shown to them.
type Signer interface {
	// Name is that of the certificate.
	Name() string
	// Run carries out a command without its program's name, as in "send", "update",
	// "--to", "group:lab", and returns what it said.
	Run(ctx context.Context, args ...string) (string, error)
	// Published returns what packages of a kind say that are published under these names:
	// verified, as by the command that signs the next ones.
	Published(ctx context.Context, kind muster.Kind, names ...string) (map[string]steer.Basis, error)
}

// A console is everything that its pages share.
type console struct {
	Options
	pages    []page
	sets     map[string]set // by language
	files    files
	shelf    *steer.Shelf // what the repository lists
	requests http.CrossOriginProtection
	sent     sentForms
	kept     keptForms
	key      [32]byte     // of this process: see [visit.seal]
	session  atomic.Value // the token, of Options.Session or since
}

// New makes the handler of all pages.
func New(o Options) (http.Handler, error) {
	if o.Client == nil || o.Base != "" && (!strings.HasPrefix(o.Base, "/") || strings.HasSuffix(o.Base, "/")) {
		return nil, muster.Errorf(muster.Invalid, "a console needs a client, and a base like %q", "/a1b2")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &console{Options: o, pages: pages(), shelf: &steer.Shelf{Client: o.Client}}
	c.session.Store(o.Session)
	rand.Read(c.key[:]) //nolint:errcheck // it never fails
	var err error
	if c.files, err = readFiles(); err != nil {
		return nil, err
	}
	if c.sets, err = c.parse(); err != nil {
		return nil, err
	}
	return c.headers(c.routes()), nil
}

// routes is the table of pages as a handler.
func (c *console) routes() http.Handler {
	mux := http.NewServeMux()
	for i := range c.pages {
		p := &c.pages[i]
		if p.raw != nil {
			mux.Handle("GET "+c.Base+p.path, c.raw(p))
			continue
		}
		mux.Handle("GET "+c.Base+p.path, c.show(p))
		if p.act != nil {
			mux.Handle("POST "+c.Base+strings.TrimSuffix(p.path, "{$}"), c.act(p))
		}
	}
	mux.Handle("GET "+c.Base+"/static/{name}", c.files)
	mux.Handle("/", c.show(&page{template: "error", show: func(*visit) (any, error) {
		return nil, muster.Errorf(muster.NotFound, "there is no such page")
	}}))
	return mux
}

// maxForm bounds what a form may send.
const maxForm = 1 << 20

// headers guards every answer, and what comes in.
func (c *console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := c.requests.Check(r); err != nil {
			http.Error(w, "the request comes from another site", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// own is where to go within the console: to is what a browser said, which somebody else
// may have made up. What leads elsewhere leads to the first page.
func (c *console) own(to string) string {
	u, err := url.Parse(to)
	home := c.Base + "/"
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, home) {
		return home
	}
	if rest := to[len(c.Base):]; strings.HasPrefix(rest, "//") || strings.ContainsAny(rest, "\\\r\n\t") {
		return home
	}
	return to
}
