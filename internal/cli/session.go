package cli

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/internal/agent"
	"muster/internal/durable"
	"muster/sign"
)

func loginCommand(a *app) *cobra.Command {
	var signer signerFlags
	var ca []string
	cmd := &cobra.Command{
		Use:   "login URL --key KEY --cert CERT",
		Short: "Open a session on a server",
		Long: `Open a session on a server, which lasts 12 hours. The request is signed with your
key; the server has to believe your certificate ('musterd trust add' there).

The session lies in a file that only you can read. The newest one counts, unless
$MUSTER_SERVER names another server.`,
		Example: `  muster login https://muster.example.org --key alice.key --cert alice.crt
  muster login https://muster.example.org --ca sha256:09ab...`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.login(cmd.Context(), args[0], ca, signer) },
	}
	signer.add(cmd)
	cmd.Flags().StringArrayVar(&ca, "ca", nil, "the authority of the server's TLS certificate: a file, or its fingerprint as sha256:...")
	return cmd
}

// A session is what a login leaves in the user's configuration.
type session struct {
	Server  string `json:"server"` // id
	Name    string `json:"name"`
	Token   string `json:"token"`
	Expires int64  `json:"expires"`
	CA      string `json:"ca,omitempty"` // PEM: what was pinned
}

// sessions are all of a user, by address of the server.
type sessions struct {
	Current  string             `json:"current,omitempty"`
	Sessions map[string]session `json:"sessions"`
}

func (a *app) login(ctx context.Context, url string, ca []string, signer signerFlags) error {
	id, err := a.identity(signer)
	if err != nil {
		return err
	}
	pins, err := agent.ParsePins(ca)
	if err != nil {
		return err
	}
	client, pinned, err := agent.Dial(ctx, url, pins, "muster/"+Version)
	if err != nil {
		return err
	}
	defer client.Close()
	got, err := client.Login(ctx, id, a.now())
	if err != nil {
		return err
	}
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

func logoutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "logout",
		Short:   "End the session on a server",
		Example: "  muster logout",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.logout(cmd.Context()) },
	}
}

func (a *app) logout(ctx context.Context) error {
	all, err := readSessions()
	if err != nil {
		return err
	}
	url := all.chosen()
	if _, ok := all.Sessions[url]; !ok {
		return muster.Errorf(muster.NotFound, "there is no session to end")
	}
	var gone error
	if p, err := a.personAt(url, all); err == nil { // one that has expired is only forgotten
		defer p.Close()
		gone = p.Logout(ctx)
	}
	delete(all.Sessions, url)
	if all.Current == url {
		all.Current = ""
	}
	if err := all.write(); err != nil {
		return err
	}
	if gone != nil && api.CodeOf(gone) != api.NoSession {
		return gone // forgotten here; the server lets it expire
	}
	a.talk("no session on %s any more", url)
	return nil
}

// chosen is the address of the server that is meant.
func (s *sessions) chosen() string {
	if url := strings.TrimSuffix(os.Getenv("MUSTER_SERVER"), "/"); url != "" {
		return url
	}
	return s.Current
}

const loginHint = "muster login URL --key KEY --cert CERT"

// person opens the session that the user has.
func (a *app) person() (*api.PersonClient, error) {
	all, err := readSessions()
	if err != nil {
		return nil, err
	}
	url := all.chosen()
	if url == "" {
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "there is no session on a server"), loginHint)
	}
	return a.personAt(url, all)
}

// personAt opens the session on the server at url.
func (a *app) personAt(url string, all *sessions) (*api.PersonClient, error) {
	s, ok := all.Sessions[url]
	switch {
	case !ok:
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "there is no session on %s", url), "muster login %s --key KEY --cert CERT", url)
	case s.Expires <= a.now().Unix():
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "the session on %s has expired", url), "muster login %s --key KEY --cert CERT", url)
	}
	opts := api.Options{Agent: "muster/" + Version}
	if s.CA != "" {
		opts.CA = x509.NewCertPool()
		opts.CA.AppendCertsFromPEM([]byte(s.CA))
	}
	client, err := api.New(url, opts)
	if err != nil {
		return nil, err
	}
	client.Server.ID = s.Server
	return &api.PersonClient{Client: client, Token: s.Token}, nil
}

// as calls do with the session of the user.
func (a *app) as(do func(*api.PersonClient) error) error {
	p, err := a.person()
	if err != nil {
		return err
	}
	defer p.Close()
	err = do(p)
	if api.CodeOf(err) == api.NoSession {
		return muster.WithHint(err, "muster login %s --key KEY --cert CERT", p.Base())
	}
	return err
}

// asPerson is as for what answers with one value.
func asPerson[T any](a *app, do func(*api.PersonClient) (T, error)) (out T, err error) {
	err = a.as(func(p *api.PersonClient) (err error) {
		out, err = do(p)
		return err
	})
	return out, err
}

func sessionsFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", muster.Errorf(muster.Unavailable, "cannot find your configuration: %w", err)
	}
	return filepath.Join(dir, "muster", "sessions.json"), nil
}

func readSessions() (*sessions, error) {
	name, err := sessionsFile()
	if err != nil {
		return nil, err
	}
	all := &sessions{}
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "cannot read %q: %w", name, err), "remove the file, and log in again")
	}
	if all.Sessions == nil {
		all.Sessions = map[string]session{}
	}
	return all, nil
}

func (s *sessions) write() error {
	name, err := sessionsFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return (*durable.Disk)(nil).WriteFile(name, append(data, '\n'), 0o600)
}
