package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/internal/console"
	"muster/internal/selfservice"
	"muster/internal/steer"
	"muster/sign"
)

type consoleOptions struct {
	listen string
	quiet  bool
	ca     []string
	trust  []string
	signer signerFlags
}

func consoleCommand(a *app) *cobra.Command {
	var o consoleOptions
	cmd := &cobra.Command{
		Use:   "console [URL]",
		Short: "Open the console in a browser, on this machine",
		Long: `Open the console: the pages that the server shows at its own address, made on this
machine with your session ('muster login'). With --key they sign what needs your
signature, after they have shown it: the key stays here. With --key and a URL of which
there is no session you are logged in first.

Only the browser that opens the printed address can use the console, and the address
is good once. It ends when you interrupt it.`,
		Example: "  muster console\n  muster console --key alice.key https://muster.example.org",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				os.Setenv("MUSTER_SERVER", strings.TrimSuffix(args[0], "/")) //nolint:errcheck // a name without = and NUL
			}
			return a.console(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "listen on this `ADDRESS` of loopback")
	f.BoolVar(&o.quiet, "no-browser", false, "print the address, and open no browser")
	f.StringArrayVar(&o.ca, "ca", nil, "the authority of the server's TLS certificate, to log in: a file, or its fingerprint as sha256:...")
	o.signer.add(cmd)
	believeFlag(cmd, &o.trust)
	return cmd
}

func (a *app) console(ctx context.Context, o consoleOptions) error {
	host, _, err := net.SplitHostPort(o.listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return muster.WithHint(usagef("%q is no address of loopback", o.listen), "write it as 127.0.0.1:0; others use the server's own console")
	}
	signer, err := a.consoleSigner(o.signer)
	if err != nil {
		return err
	}
	trust, err := a.believed(o.trust, o.signer)
	if err != nil {
		return err
	}
	p, err := a.consoleSession(ctx, o)
	if err != nil {
		return err
	}
	defer p.Close()
	l, err := listenAt(o.listen)
	if err != nil {
		return err
	}
	local := console.NewLocal(l.Addr().String())
	local.Owned = selfservice.Owned
	options := console.Options{Client: p.Client, Session: p.Token, Renew: func() string { return a.renewed(p.Base()) }, Base: local.Base(), Trust: trust}
	if signer != nil {
		dir, err := os.MkdirTemp("", "muster-console-")
		if err != nil {
			l.Close()
			return err
		}
		defer os.RemoveAll(dir)
		signer.trust, signer.person, signer.verified = trust, p, &verified{dir: dir}
		options.Signer = signer
	}
	pages, err := console.New(options)
	if err != nil {
		l.Close()
		return err
	}
	a.print("%s", local.URL())
	a.talk("the console of %s; interrupt to end it", p.Base())
	if !o.quiet {
		defer browse(ctx, local.URL())()
	}
	return serveUntil(ctx, l, local.Guard(pages))
}

// consoleSession is the session that there is, or that the key opens.
func (a *app) consoleSession(ctx context.Context, o consoleOptions) (*api.PersonClient, error) {
	p, err := a.person()
	url := os.Getenv("MUSTER_SERVER")
	if err == nil || url == "" || !o.signer.given() {
		return p, err
	}
	if err := a.login(ctx, url, loginOptions{signer: o.signer, ca: o.ca}); err != nil {
		return nil, err
	}
	return a.person()
}

// renewed is the token of the session on url that there is now, "" for none.
func (a *app) renewed(url string) string {
	all, err := readSessions()
	if err != nil {
		return ""
	}
	p, err := a.personAt(url, all)
	if err != nil {
		return ""
	}
	defer p.Close()
	return p.Token
}

// serveUntil serves until ctx ends.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	// Streams of events end with the context that requests have.
	hs := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, ConnContext: selfservice.WithOwner}
	stop := context.AfterFunc(ctx, func() { hs.Close() }) //nolint:errcheck // it ends anyway
	defer stop()
	if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// browse shows an address in the browser of the desktop, where there is one. The
// returned function ends that.
func browse(ctx context.Context, url string) (done func()) {
	if runtime.GOOS != "darwin" && runtime.GOOS != "windows" && cmp.Or(os.Getenv("DISPLAY"), os.Getenv("WAYLAND_DISPLAY")) == "" {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var opened sync.WaitGroup
	opened.Go(func() { // a browser that was not there yet may last as long as its window
		file, err := selfservice.Open(ctx, url)
		if err == nil {
			<-ctx.Done()
			os.Remove(file)
		} // the address is printed too
	})
	return func() { stop(); opened.Wait() }
}

// A signingConsole carries out commands that sign, with a key that was opened once.
type signingConsole struct {
	a  *app
	id *sign.Identity
	// trust verifies who signed before, as the pages say.
	trust  *sign.Trust
	person *api.PersonClient
	// verified is what pages and commands build on, until the console ends.
	verified *verified
}

// consoleSigner opens the key, where one is given.
func (a *app) consoleSigner(f signerFlags) (*signingConsole, error) {
	if !f.given() {
		return nil, nil
	}
	id, err := a.identity(f)
	if err != nil {
		return nil, err
	}
	f = f.resolve()
	for name, value := range map[string]string{"MUSTER_KEY": f.key, "MUSTER_CERT": f.cert, "MUSTER_SIGN_COMMAND": f.command} {
		os.Setenv(name, value) //nolint:errcheck // a file's name has no NUL
	}
	return &signingConsole{a: a, id: id}, nil
}

// Name is that of the certificate.
func (s *signingConsole) Name() string { return s.id.Leaf().Subject.CommonName }

// Published is what the next packages of these names are signed on top of.
func (s *signingConsole) Published(ctx context.Context, kind muster.Kind, names ...string) (map[string]steer.Basis, error) {
	a, _ := s.inner(io.Discard)
	return a.basis(ctx, s.person, kind, names, s.id)
}

// Run carries out a command as if it was typed, and returns what it said.
func (s *signingConsole) Run(ctx context.Context, args ...string) (string, error) {
	var said bytes.Buffer
	_, cmd := s.inner(&said)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	return said.String(), err
}

// inner is the program as a page runs it. The page has shown what is done and asked
// already: here nobody can be.
func (s *signingConsole) inner(said io.Writer) (*app, *cobra.Command) {
	a := &app{in: strings.NewReader(""), out: said, err: said, now: s.a.now, held: s.id, trusts: s.trust, verified: s.verified}
	cmd := a.command()
	a.yes = true // after the flags, which set it to what they begin with
	return a, cmd
}
