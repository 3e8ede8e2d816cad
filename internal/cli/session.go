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

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/internal/durable"
)

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

const loginHint = "muster login URL"

// person opens the session that the user has, or that of a program with a token.
func (a *app) person() (*api.PersonClient, error) {
	if token := os.Getenv("MUSTER_TOKEN"); token != "" {
		return a.program(token)
	}
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
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "there is no session on %s", url), "muster login %s", url)
	case s.Expires <= a.now().Unix():
		return nil, muster.WithHint(muster.Errorf(muster.Denied, "the session on %s has expired", url), "muster login %s", url)
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
		return muster.WithHint(err, "muster login %s", p.Base())
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
