package cli

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"muster/api"
	"muster/internal/agent"
	"muster/internal/install"
)

func joinCommand(a *app) *cobra.Command {
	j := agent.Joining{}
	var renew bool
	cmd := &cobra.Command{
		Use:   "join URL [--token TOKEN] --trust FILE|sha256:FINGERPRINT",
		Short: "Make this machine a host of a server",
		Long: `Make this machine a host of a server: it gets an id and a key of its own, is let
in by a token or by a person, and tells the server what it is and has. From then
on it should have what signed packages assign to it; 'muster agent install' keeps
it so.

Whose packages the host believes is for you to say, with --trust: the server
brings the certificates, and those with another fingerprint do not count. The
same holds for --ca, the authority of the server's TLS certificate, where that is
none that the system knows.

Joining may be repeated. With --renew a host that has joined gets a new
certificate.`,
		Example: `  muster join https://muster.example.org --token 7f3c... --trust sha256:09ab...
  muster join https://muster.example.org --trust admins.crt --ca muster.crt --wait 10m`,
		Args: func(cmd *cobra.Command, args []string) error {
			if renew {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if renew {
				return a.renew(cmd.Context())
			}
			j.URL = args[0]
			if j.Token == "" {
				j.Token = os.Getenv("MUSTER_TOKEN")
			}
			return a.join(cmd.Context(), j)
		},
	}
	a.rootFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&j.Token, "token", "", "lets the host in ($MUSTER_TOKEN)")
	f.StringArrayVar(&j.Trust, "trust", nil, "the administrators' certificate: a file, a folder, or its fingerprint")
	f.StringArrayVar(&j.CA, "ca", nil, "the authority of the server's TLS certificate: a file, or its fingerprint")
	f.StringVar(&j.Name, "name", "", "name of the host (default: the machine's)")
	f.StringVar(&j.Unit, "unit", "", "organisational unit, outermost first: paris/lab")
	f.DurationVar(&j.Wait, "wait", 0, "wait so long for a person to accept the host")
	f.BoolVar(&j.Area, "area", os.Geteuid() != 0 && runtime.GOOS != "windows", "make an area, without privileges, where there is no root yet")
	f.BoolVar(&renew, "renew", false, "get a new certificate")
	return cmd
}

// joinFact is the JSON form of join.
type joinFact struct {
	ID     string    `json:"id"`
	Server string    `json:"server"`
	State  api.State `json:"state"`
}

func (a *app) join(ctx context.Context, j agent.Joining) error {
	j.Root, j.Version, j.Now, j.Say = a.rootDir, Version, a.now, a.talk
	id, err := agent.Join(ctx, j)
	if err != nil {
		return err
	}
	if id.State == api.Accepted {
		if err := a.firstRound(ctx); err != nil {
			return err
		}
	}
	return a.answer(joinFact{id.ID, id.URL, id.State}, func() error {
		a.print("host %s of %s: %s", id.ID, id.URL, id.State)
		if id.State == api.Pending {
			a.talk("an administrator has to accept it; then: muster join %s%s", id.URL, a.rootArg())
		} else {
			a.talk("next: muster agent install%s", a.rootArg())
		}
		return nil
	})
}

// firstRound has the server know at once what the host is and has.
func (a *app) firstRound(ctx context.Context) error {
	out, err := agent.Round(ctx, agent.Job{Root: a.rootDir, Version: Version, Now: a.now, Log: a.talk, Update: true, Collect: true, Wait: time.Minute})
	if err != nil {
		return err
	}
	return out.Offline.Err()
}

func (a *app) renew(ctx context.Context) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	link, err := agent.OpenLink(home, agent.Dialing{Version: Version, Now: a.now})
	if err != nil {
		return err
	}
	defer link.Close()
	if err := agent.Renew(ctx, link); err != nil {
		return err
	}
	certs, err := home.Certificate()
	if err != nil {
		return err
	}
	return a.answer(certFactOf(certs[0]), func() error {
		a.print("the certificate of host %s is good until %s", link.ID, when(certs[0].NotAfter))
		return nil
	})
}

// home is what the root keeps of the host that it is.
func (a *app) home() (*agent.Home, error) {
	root, err := install.Open(a.rootDir, nil)
	if err != nil {
		return nil, err
	}
	return agent.HomeOf(root.State, root.Disk), nil
}

func leaveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Have this machine be no host of its server any more",
		Long: `Forget that this machine is a host of a server. What is installed stays, and so
does whom it trusts. The server keeps what it knows until a person has it forget
the host.`,
		Example: "  muster leave --yes",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.leave() },
	}
	a.rootFlags(cmd)
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) leave() error {
	home, err := a.home()
	if err != nil {
		return err
	}
	id, err := home.Identity()
	if err != nil {
		return err
	}
	if err := a.confirm("Leave " + id.URL + "?"); err != nil {
		return err
	}
	if err := agent.Leave(home); err != nil {
		return err
	}
	a.talk("this machine is no host of %s any more", id.URL)
	return nil
}
