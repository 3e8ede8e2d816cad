package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/simulate"
	"muster/sign"
)

func (a *app) simulateCommand() *cobra.Command {
	f := &simulate.Fleet{}
	var ca string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "simulate --hosts N --token TOKEN [--for TIME] URL",
		Short: "Load a server with hosts that do not exist",
		Long: `Enrol hosts that do not exist and have them check in, over the real protocol, then
print rates, latencies and bytes. The token needs as many uses as there are hosts.
Use a server of its own: the hosts stay in its database.`,
		Example: "  musterd simulate --hosts 1000 --for 5m --every 1m --token T --ca /var/lib/musterd/tls/cert.pem https://localhost:8443",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.URL = args[0]
			var err error
			if f.TLS, err = tlsFor(ca); err != nil {
				return err
			}
			return a.simulate(cmd.Context(), f, asJSON)
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.Hosts, "hosts", 100, "simulate `N` hosts")
	fl.DurationVar(&f.For, "for", 30*time.Second, "have them check in for `TIME`")
	fl.DurationVar(&f.Every, "every", 0, "one host checks in every `TIME`; 0 is as fast as the server answers")
	fl.IntVar(&f.Parallel, "parallel", 64, "have `N` requests under way at a time")
	fl.Float64Var(&f.Changes, "changes", 0.02, "`PART` of the check-ins that bring a change of software")
	fl.StringVar(&f.Template, "template", "mixed", "what the hosts are: windows, debian or mixed")
	fl.StringVar(&f.Token, "token", "", "enrol with `TOKEN`")
	fl.StringVar(&ca, "ca", "", "believe the TLS authority in `FILE`, or with the fingerprint sha256:...")
	fl.Uint64Var(&f.Seed, "seed", 1, "make the fleet of this `NUMBER`")
	fl.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func (a *app) simulate(ctx context.Context, f *simulate.Fleet, asJSON bool) error {
	r, err := f.Run(ctx)
	if err != nil {
		return err
	}
	if !asJSON {
		return r.Print(a.out)
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// tlsFor is how to know the server: by an authority in a file, or by its pin.
func tlsFor(ca string) (*tls.Config, error) {
	if ca == "" {
		return nil, nil
	}
	if pin, ok := strings.CutPrefix(ca, "sha256:"); ok {
		return &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(cs tls.ConnectionState) error { return pinned(cs, pin) }}, nil
	}
	data, err := os.ReadFile(ca)
	if err != nil {
		return nil, muster.WithKind(muster.NotFound, err)
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return &tls.Config{RootCAs: pool}, nil
}

// pinned checks that the chain ends in the authority with the fingerprint.
func pinned(cs tls.ConnectionState, pin string) error {
	roots, found := x509.NewCertPool(), false
	for _, c := range cs.PeerCertificates {
		if sign.Fingerprint(c) == strings.ToLower(pin) {
			roots.AddCert(c)
			found = true
		}
	}
	if !found {
		return muster.Errorf(muster.Denied, "the server shows no certificate with that fingerprint")
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots})
	return err
}
