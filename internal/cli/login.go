package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/internal/agent"
	"muster/sign"
)

// loginOptions say how somebody logs in: by the key of a certificate, unless one of
// the other ways is named.
type loginOptions struct {
	signer                      signerFlags
	ca                          []string
	name                        string
	password, ldap, oidc, token bool
}

func loginCommand(a *app) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Open a session on a server",
		Long: `Open a session on a server, which lasts 12 hours, and 2 when it is not used. The
request is signed with your key; the server has to believe your certificate
('musterd trust add' there). Or log in with --password, as somebody whom
'muster people add' made, with --ldap by your password in the directory, or with
--oidc in a browser, which comes back to this program. Passwords are asked for, or
taken from MUSTER_PASSWORD.

The session lies in a file that only you can read. The newest one counts, unless
$MUSTER_SERVER names another server. A program needs no login: MUSTER_TOKEN has its
token ('muster apitokens create'), MUSTER_SERVER the address and MUSTER_CA what --ca
has.`,
		Example: `  muster login https://muster.example.org --key alice.key --cert alice.crt
  muster login https://muster.example.org --ca sha256:09ab...
  muster login https://muster.example.org --password --name bob
  muster login https://muster.example.org --oidc`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.login(cmd.Context(), args[0], o) },
	}
	o.signer.add(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.ca, "ca", nil, "the authority of the server's TLS certificate: a file, or its fingerprint as sha256:...")
	f.BoolVar(&o.password, "password", false, "log in by a password of the server")
	f.BoolVar(&o.ldap, "ldap", false, "log in by your password in LDAP or Active Directory")
	f.BoolVar(&o.oidc, "oidc", false, "log in with a browser, by OpenID Connect")
	f.BoolVar(&o.token, "token", false, "keep the token of a program (from MUSTER_TOKEN, or asked for) as a session")
	f.StringVar(&o.name, "name", "", "your `NAME` for --password and --ldap (default: that of this session)")
	cmd.MarkFlagsMutuallyExclusive("password", "ldap", "oidc", "token", "key")
	return cmd
}

func (a *app) login(ctx context.Context, url string, o loginOptions) error {
	pins, err := agent.ParsePins(o.ca)
	if err != nil {
		return err
	}
	var id *sign.Identity
	if !o.password && !o.ldap && !o.oidc && !o.token {
		if id, err = a.identity(o.signer); err != nil {
			return err
		}
	}
	client, pinned, err := agent.Dial(ctx, url, pins, "muster/"+Version)
	if err != nil {
		return err
	}
	defer client.Close()
	got, err := a.openSession(ctx, client, id, o)
	if err != nil {
		return err
	}
	return a.keep(client, got, pinned)
}

// openSession opens the session, in the way that was asked for.
func (a *app) openSession(ctx context.Context, client *api.Client, id *sign.Identity, o loginOptions) (s api.Session, err error) {
	switch {
	case id != nil:
		return client.Login(ctx, id, a.now())
	case o.oidc:
		return a.browse(ctx, client)
	case o.token:
		token, err := a.passwordFrom("MUSTER_TOKEN", "token")
		if err != nil {
			return s, err
		}
		self, err := (&api.PersonClient{Client: client, Token: string(token)}).Self(ctx)
		return api.Session{Token: string(token), Name: self.Name, Expires: self.Expires}, err
	}
	name := o.name
	if name == "" {
		u, err := user.Current()
		if err != nil {
			return s, usagef("who are you? give --name")
		}
		name = u.Username
	}
	password, err := a.passwordFrom("MUSTER_PASSWORD", "password of "+name)
	if err != nil {
		return s, err
	}
	return client.LoginPassword(ctx, api.PasswordLogin{Name: name, Password: string(password), LDAP: o.ldap})
}

// keep writes a session down.
func (a *app) keep(client *api.Client, got api.Session, pinned []*x509.Certificate) error {
	all, err := readSessions()
	if err != nil {
		return err
	}
	s := session{Server: client.Server.ID, Name: got.Name, Token: got.Token, Expires: got.Expires}
	if len(pinned) > 0 {
		s.CA = string(sign.EncodeCerts(pinned...))
	}
	all.Current, all.Sessions[client.Base()] = client.Base(), s
	if err := all.write(); err != nil {
		return err
	}
	type fact struct {
		URL     string `json:"url"`
		Name    string `json:"name"`
		Expires int64  `json:"expires"`
	}
	return a.answer(fact{client.Base(), s.Name, s.Expires}, func() error {
		a.print("%s on %s until %s", s.Name, client.Base(), when(time.Unix(s.Expires, 0)))
		return nil
	})
}

// browseFor is how long a person has in the browser.
const browseFor = 10 * time.Minute

// browse has a browser come back to a port of this machine (RFC 8252 7.3) with the
// code that opens the session. Whoever else on the machine sees the code lacks the
// secret, which never leaves this program but to the server.
func (a *app) browse(ctx context.Context, client *api.Client) (s api.Session, err error) {
	ctx, cancel := context.WithTimeout(ctx, browseFor)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, muster.Errorf(muster.Unavailable, "cannot wait for the browser: %w", err)
	}
	begun, err := client.BeginOIDC(ctx, api.OIDCBegin{Redirect: "http://" + l.Addr().String() + "/"})
	if err != nil {
		l.Close()
		return s, err
	}
	back := make(chan string, 1)
	hs := &http.Server{Handler: comesBack(begun.State, back), ReadHeaderTimeout: 10 * time.Second}
	go hs.Serve(l) //nolint:errcheck // closed below
	defer hs.Close()
	a.talk("Open this address in a browser on this machine:")
	a.talk("%s", begun.URL)
	select {
	case code := <-back:
		if code == "" {
			return s, muster.Errorf(muster.Denied, "the provider did not let you in")
		}
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer done()
		hs.Shutdown(stop) //nolint:errcheck // the browser has its page
		return client.EndOIDC(ctx, api.OIDCEnd{Secret: begun.Secret, State: begun.State, Code: code})
	case <-ctx.Done():
		return s, muster.Errorf(muster.Unavailable, "the browser did not come back: %w", context.Cause(ctx))
	}
}

// comesBack takes the code of the login with that state, and of no other.
func comesBack(state string, back chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/" || q.Get("state") != state {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		text := "You are logged in. You may close this page.\n"
		if q.Get("code") == "" {
			text = "You are not logged in.\n"
		}
		w.Write([]byte(text)) //nolint:errcheck // the browser has gone
		select {
		case back <- q.Get("code"):
		default:
		}
	})
}

// program speaks with the token of a program, and needs no session.
func (a *app) program(token string) (*api.PersonClient, error) {
	all, err := readSessions()
	if err != nil {
		return nil, err
	}
	url := all.chosen()
	if url == "" {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "there is a token, but no server to show it to"), "set MUSTER_SERVER=https://...")
	}
	ca := []string{}
	if pin := os.Getenv("MUSTER_CA"); pin != "" {
		ca = append(ca, pin)
	}
	pins, err := agent.ParsePins(ca)
	if err != nil {
		return nil, err
	}
	if pins.Empty() && all.Sessions[url].CA != "" {
		opts := api.Options{Agent: "muster/" + Version, CA: x509.NewCertPool()}
		opts.CA.AppendCertsFromPEM([]byte(all.Sessions[url].CA))
		client, err := api.New(url, opts)
		if err != nil {
			return nil, err
		}
		client.Server.ID = all.Sessions[url].Server
		return &api.PersonClient{Client: client, Token: token}, nil
	}
	client, _, err := agent.Dial(context.Background(), url, pins, "muster/"+Version)
	if err != nil {
		return nil, err
	}
	return &api.PersonClient{Client: client, Token: token}, nil
}

func whoamiCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "whoami",
		Short:   "Show who you are to the server, and what you may do",
		Example: "  muster whoami",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := asPerson(a, func(p *api.PersonClient) (api.Self, error) { return p.Self(cmd.Context()) })
			if err != nil {
				return err
			}
			return a.answer(self, func() error {
				a.print("%s by %s, until %s", self.Name, cmp.Or(map[string]string{"tls": "client certificate", "ldap": "the directory", "oidc": "OpenID Connect"}[self.Way], self.Way), stampOr(self.Expires, "revoked"))
				return a.showRights(self.Groups, self.Rights, self.May)
			})
		},
	}
}
